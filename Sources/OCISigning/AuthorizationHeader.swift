// SPDX-License-Identifier: Apache-2.0
import Encodings

/// The Authorization header of a signed request (OCI "Request Signatures", version 1).
package enum AuthorizationHeader {
    /// Signs and returns the header's value, its parameters in the Python SDK's order.
    ///
    /// `sign` makes the RSASSA-PKCS1-v1_5 signature with SHA-256 over the bytes it is given; its errors pass through.
    /// `keyID` must be free of quotes and control characters, which every `KeyIdentity` is.
    package static func value<Failure: Error>(
        for signingString: SigningString,
        keyID: String,
        sign: ([UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) -> String {
        // A quote would end the parameter and begin another of the caller's choice.
        precondition(KeyIdentity.isLegal(keyID), "a key id that cannot stand in quotes")
        let signature = Base64.encode(try sign(signingString.bytes))
        let parameters = [
            ("algorithm", "rsa-sha256"),
            ("headers", signingString.headerNames.joined(separator: " ")),
            ("keyId", keyID),
            ("signature", signature),
            ("version", "1"),
        ]
        return "Signature " + parameters.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
    }
}
