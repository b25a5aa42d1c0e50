// SPDX-License-Identifier: Apache-2.0
import Encodings

/// A JSON Web Token (RFC 7519, compact form of RFC 7515 section 7.1) as the OCI token services hand out.
package enum SecurityToken {
    /// Returns the bytes of the token's claims, a JSON object, or nil when the text is no such token.
    ///
    /// `exp` among them is when to have a new one, in seconds since 1970. The signature is the service's business: a
    /// token that somebody forged gains nothing here.
    package static func claims(of token: String) -> [UInt8]? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        return Base64.decode(String(parts[1]), .url)
    }
}
