// SPDX-License-Identifier: Apache-2.0

/// Why a server's certificate was refused.
package enum CertificateProblem: Sendable, Equatable, CustomStringConvertible {
    /// Its last day, or that of a certificate above it, has passed.
    case expired
    /// Its first day has not come; often this machine's clock is wrong.
    case notYetValid
    /// It names other hosts than the one asked for.
    case wrongHost
    /// It vouches for itself.
    case selfSigned
    /// No trusted root vouches for it.
    case unknownAuthority
    /// Its key or the digest of its signature is too weak.
    case tooWeak
    /// Anything else, in OpenSSL's words.
    case other(String)

    package var description: String {
        switch self {
        case .expired: "expired"
        case .notYetValid: "not yet valid (is this machine's clock right?)"
        case .wrongHost: "issued for another host"
        case .selfSigned: "self-signed"
        case .unknownAuthority: "issued by an unknown authority"
        case .tooWeak: "key or signature too weak"
        case .other(let reason): reason
        }
    }
}
