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

    /// How OpenSSL computes it.
    var method: OpaquePointer {
        switch self {
        case .sha256: FetchedDigest.sha256
        case .sha1: FetchedDigest.sha1
        case .md5: FetchedDigest.md5
        }
    }
}

/// OpenSSL's digests, looked up once: what EVP_sha256(3) returns is looked up by its name at each use, which takes longer than
/// the digest of a line.
private enum FetchedDigest {
    static nonisolated(unsafe) let sha256 = fetched("SHA256")
    static nonisolated(unsafe) let sha1 = fetched("SHA1")
    static nonisolated(unsafe) let md5 = fetched("MD5")

    private static func fetched(_ name: String) -> OpaquePointer {
        expectOpenSSL(EVP_MD_fetch(nil, name, nil), "EVP_MD_fetch")
    }
}

/// HMAC-SHA256 (RFC 2104) of `bytes` under `key`: 32 bytes that nobody can compute without the key.
package func authenticationCode(of bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    // HMAC(3) looks up two algorithms by their names each time, and every name of an object needs a code.
    let blockByteCount = 64
    var block = key.count > blockByteCount ? DigestAlgorithm.sha256.digest(key) : key
    block += [UInt8](repeating: 0, count: blockByteCount - block.count)
    let inner = DigestAlgorithm.sha256.digest(block.map { $0 ^ 0x36 } + bytes)
    defer { cleanse(&block) }
    return DigestAlgorithm.sha256.digest(block.map { $0 ^ 0x5C } + inner)
}

/// Overwrites `bytes`, which held a secret, and empties them; reaches only this copy: whoever holds another one has
/// to do the same.
package func cleanse(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
    bytes = []
}
