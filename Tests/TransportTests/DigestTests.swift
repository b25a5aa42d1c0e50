// SPDX-License-Identifier: Apache-2.0

import Encodings
import Testing
import Transport

@Suite struct DigestTests {
    /// From RFC 1321 appendix A.5, and from FIPS 180-4's examples.
    @Test(arguments: [
        (DigestAlgorithm.md5, "", "d41d8cd98f00b204e9800998ecf8427e"),
        (.md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
        (.sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (.sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
    func `known digests come out`(_ algorithm: DigestAlgorithm, _ text: String, _ expected: String) {
        #expect(Hexadecimal.encode(algorithm.digest(Array(text.utf8))) == expected)
    }

    @Test func `a running digest equals the digest of the whole, at every moment`() {
        let bytes = [UInt8](repeating: 7, count: 300)
        let running = RunningDigest(.sha256)
        for count in 0..<bytes.count {
            #expect(running.digest() == DigestAlgorithm.sha256.digest(Array(bytes[..<count])))
            running.update([bytes[count]])
        }
    }

    @Test func `random bytes differ`() {
        #expect(secureRandomBytes(count: 16) != secureRandomBytes(count: 16))
        #expect(secureRandomBytes(count: 0).isEmpty)
    }

    @Test func `cleansing empties`() {
        var secret: [UInt8] = [1, 2, 3]
        cleanse(&secret)
        #expect(secret.isEmpty)
    }
}
