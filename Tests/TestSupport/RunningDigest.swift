// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// The SHA-256 digest of bytes that come piece by piece.
package final class RunningDigest {
    private let context: OpaquePointer

    /// Begins a digest of nothing yet.
    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("no digest can be begun")
        }
        self.context = context
    }

    /// Takes in more bytes.
    package func update(_ bytes: [UInt8]) {
        let result = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        precondition(result == 1, "EVP_DigestUpdate failed")
    }

    /// The digest of all bytes so far; more may follow.
    package func digest() -> [UInt8] {
        guard let copy = EVP_MD_CTX_new() else { preconditionFailure("no digest can be begun") }
        defer { EVP_MD_CTX_free(copy) }
        precondition(EVP_MD_CTX_copy_ex(copy, context) == 1, "EVP_MD_CTX_copy_ex failed")
        return [UInt8](unsafeUninitializedCapacity: 32) { output, count in
            precondition(EVP_DigestFinal_ex(copy, output.baseAddress, nil) == 1, "EVP_DigestFinal_ex failed")
            count = 32
        }
    }

    deinit {
        EVP_MD_CTX_free(context)
    }
}
