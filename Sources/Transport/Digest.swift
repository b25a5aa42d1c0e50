// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// The digests that OCI's interfaces ask for.
package enum DigestAlgorithm: Sendable {
    case sha256
    case sha1
    case md5

    /// The digest of `bytes`: 32, 20 or 16 bytes.
    package func digest(_ bytes: [UInt8]) -> [UInt8] {
        var count: UInt32 = 0
        return [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { output, outputCount in
            let result = bytes.withUnsafeBytes {
                EVP_Digest($0.baseAddress, $0.count, output.baseAddress, &count, method, nil)
            }
            expectOpenSSL(result == 1, "EVP_Digest")
            outputCount = Int(count)
        }
    }

    fileprivate var method: OpaquePointer? {
        switch self {
        case .sha256: EVP_sha256()
        case .sha1: EVP_sha1()
        case .md5: EVP_md5()
        }
    }
}

/// A digest of bytes that come piece by piece.
package final class RunningDigest {
    private let context: OpaquePointer

    /// Begins a digest of nothing yet.
    package init(_ algorithm: DigestAlgorithm) {
        context = expectOpenSSL(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        expectOpenSSL(EVP_DigestInit_ex(context, algorithm.method, nil) == 1, "EVP_DigestInit_ex")
    }

    /// Takes in more bytes.
    package func update(_ bytes: [UInt8]) {
        let result = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        expectOpenSSL(result == 1, "EVP_DigestUpdate")
    }

    /// The digest of all bytes so far; more may follow.
    package func digest() -> [UInt8] {
        let copy: OpaquePointer = expectOpenSSL(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        defer { EVP_MD_CTX_free(copy) }
        expectOpenSSL(EVP_MD_CTX_copy_ex(copy, context) == 1, "EVP_MD_CTX_copy_ex")
        var count: UInt32 = 0
        return [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { output, outputCount in
            let result = EVP_DigestFinal_ex(copy, output.baseAddress, &count)
            expectOpenSSL(result == 1, "EVP_DigestFinal_ex")
            outputCount = Int(count)
        }
    }

    deinit {
        EVP_MD_CTX_free(context)
    }
}
