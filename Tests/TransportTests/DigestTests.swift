// SPDX-License-Identifier: Apache-2.0

import Encodings
import TestSupport
import Testing
import Transport

@Suite struct DigestTests {
    /// From RFC 1321 appendix A.5, and from FIPS 180-4's examples.
    @Test(arguments: [
        (DigestAlgorithm.md5, "", "d41d8cd98f00b204e9800998ecf8427e"),
        (.md5, "a", "0cc175b9c0f1b6a831c399e269772661"),
        (.md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
        (.md5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        (.md5, String(repeating: "1234567890", count: 8), "57edf4a22be3c955ac49da2e2107b67a"),
        // Around the lengths at which the padding needs another block.
        (.md5, String(repeating: "a", count: 55), "ef1772b6dff9a122358552954ad0df65"),
        (.md5, String(repeating: "a", count: 56), "3b0c8ac703f828b04c6c197006d17218"),
        (.md5, String(repeating: "a", count: 120), "5f61c0ccad4cac44c75ff505e1f1e537"),
        (.sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (.sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
    func `known digests come out`(_ algorithm: DigestAlgorithm, _ text: String, _ expected: String) {
        #expect(Hexadecimal.encode(algorithm.digest(Array(text.utf8))) == expected)
    }

    @Test func `a running digest equals the digest of the whole, at every moment`() {
        let bytes = [UInt8](repeating: 7, count: 300)
        let running = RunningDigest()
        for count in 0..<bytes.count {
            #expect(running.digest() == DigestAlgorithm.sha256.digest(Array(bytes[..<count])))
            running.update([bytes[count]])
        }
    }

    /// From RFC 4231, sections 4.2, 4.3 and 4.7 (a key longer than a block).
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0B, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func `known authentication codes come out`(_ key: [UInt8], _ text: String, _ expected: String) {
        #expect(Hexadecimal.encode(authenticationCode(of: Array(text.utf8), key: key)) == expected)
    }

    @Test func `cleansing empties`() {
        var secret: [UInt8] = [1, 2, 3]
        cleanse(&secret)
        #expect(secret.isEmpty)
    }
}
