// SPDX-License-Identifier: Apache-2.0
import Encodings

/// The `keyId` by which the service finds the public key of a signature.
package struct KeyIdentity: Equatable, Hashable, Sendable {
    /// The parameter's text.
    package let text: String

    private init(_ text: String) throws(OCISigningError) {
        guard Self.isLegal(text) else { throw .illegalCharacter(in: "keyId") }
        self.text = text
    }

    /// A user's API key, by its fingerprint: MD5 of the public key, lower-case hexadecimal with colons.
    package static func apiKey(
        tenancyID: String,
        userID: String,
        fingerprint: String
    ) throws(OCISigningError) -> KeyIdentity {
        try KeyIdentity("\(tenancyID)/\(userID)/\(fingerprint)")
    }

    /// A token of a session, an instance or a resource principal; white space around it is not part of it.
    package static func token(_ token: String) throws(OCISigningError) -> KeyIdentity {
        let isSpace = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
        var scalars = token.unicodeScalars.drop(while: isSpace)
        while let last = scalars.last, isSpace(last) { scalars.removeLast() }
        return try KeyIdentity("ST$\(String(scalars))")
    }

    /// An instance's leaf certificate in the federation request, by the SHA-1 of its DER form, as the Python SDK does.
    package static func leafCertificate(
        tenancyID: String,
        sha1: [UInt8]
    ) throws(OCISigningError) -> KeyIdentity {
        let fingerprint = Hexadecimal.encode(sha1, separator: ":").uppercased()
        return try KeyIdentity("\(tenancyID)/fed-x509/\(fingerprint)")
    }

    /// An instance's leaf certificate by the SHA-256 of its DER form, as the Go SDK does.
    ///
    /// The request's body then says `"fingerprintAlgorithm": "SHA256"`.
    package static func leafCertificate(
        tenancyID: String,
        sha256: [UInt8]
    ) throws(OCISigningError) -> KeyIdentity {
        try KeyIdentity("\(tenancyID)/fed-x509-sha256/\(Hexadecimal.encode(sha256, separator: ":"))")
    }

    /// Tells whether a text can stand between quotes in a header as it is.
    static func isLegal(_ text: String) -> Bool {
        text.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
    }
}
