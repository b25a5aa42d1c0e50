// SPDX-License-Identifier: Apache-2.0

/// Why a private key could not be loaded or used; never contains key material.
package enum KeyProblem: Sendable, Equatable, CustomStringConvertible {
    /// The key is encrypted and no passphrase was given.
    case passphraseMissing
    /// The passphrase does not open the key.
    case passphraseWrong
    /// The text holds a public key.
    case publicKey
    /// The text holds a key of another kind than RSA.
    case notRSA
    /// The text holds no private key that OpenSSL can read.
    case malformed
    /// OpenSSL failed, in its own words.
    case failed(String)

    package var description: String {
        switch self {
        case .passphraseMissing: "the private key is encrypted and needs a passphrase"
        case .passphraseWrong: "the passphrase does not open the private key"
        case .publicKey: "a private key is required, but a public key was provided"
        case .notRSA: "the private key is not an RSA key"
        case .malformed: "the text is not a private key in PEM form"
        case .failed(let reason): "the private key could not be used: \(reason)"
        }
    }
}
