// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// Bytes that nobody can guess, for identities and tokens.
package func secureRandomBytes(count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        // Fails only when the kernel has no entropy to give, and then nothing here should go on.
        expectOpenSSL(RAND_bytes(buffer.baseAddress, Int32(count)) == 1, "RAND_bytes")
        filled = count
    }
}

/// Overwrites `bytes`, which held a secret, and empties them.
///
/// Reaches only this copy: whoever holds another one has to do the same.
package func cleanse(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
    bytes = []
}
