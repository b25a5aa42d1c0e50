// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// The digests that OCI's interfaces ask for.
package enum DigestAlgorithm: Sendable {
    case sha256, sha1, md5

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

    private var method: OpaquePointer? {
        switch self {
        case .sha256: EVP_sha256()
        case .sha1: EVP_sha1()
        case .md5: EVP_md5()
        }
    }
}

/// HMAC-SHA256 (RFC 2104) of `bytes` under `key`: 32 bytes that nobody can compute without the key.
package func authenticationCode(of bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    var count: UInt32 = 0
    return [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { output, outputCount in
        let (keyCount, code) = (Int32(key.count), output.baseAddress)
        let result = HMAC(EVP_sha256(), key, keyCount, bytes, bytes.count, code, &count)
        expectOpenSSL(result != nil, "HMAC")
        outputCount = Int(count)
    }
}

/// Overwrites `bytes`, which held a secret, and empties them; reaches only this copy: whoever holds another one has
/// to do the same.
package func cleanse(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
    bytes = []
}
