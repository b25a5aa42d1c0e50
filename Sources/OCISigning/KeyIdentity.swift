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

    /// An instance's leaf certificate in the federation request, by the SHA-256 of its DER form, as the Go SDK does.
    ///
    /// The Python SDK takes SHA-1, under `fed-x509` and in upper case. The request's body then says `"fingerprintAlgorithm": "SHA256"`.
    package static func leafCertificate(
        tenancyID: String,
        sha256: [UInt8]
    ) throws(OCISigningError) -> KeyIdentity {
        try KeyIdentity("\(tenancyID)/fed-x509-sha256/\(Hexadecimal.encode(sha256, separator: ":"))")
    }

    /// Tells whether a text can stand between quotes in a header as it is.
    static func isLegal(_ text: String) -> Bool {
        text.isVisibleASCII && !text.utf8.contains { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
    }
}

/// A JSON Web Token (RFC 7519, compact form of RFC 7515 section 7.1) as the OCI token services hand out.
package enum SecurityToken {
    /// Returns the bytes of the token's claims, a JSON object, or nil when the text is no such token.
    ///
    /// `exp` among them is when to have a new one, in seconds since 1970. The service checks the
    /// signature; a forged token gains nothing here.
    package static func claims(of token: String) -> [UInt8]? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        return Base64.decode(String(parts[1]), .url)
    }
}
