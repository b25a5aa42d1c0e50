// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import Transport

/// Made once: finding two primes is slow.
private let testKey = TestKey()
private let passphrase = Array("correct horse \u{e9}".utf8)

@Suite struct RSAKeyTests {
    @Test(arguments: TestKey.Form.allCases)
    func `a key in any form signs`(_ form: TestKey.Form) throws {
        let key = try RSAKey(pem: testKey.privatePEM(form, passphrase: passphrase), passphrase: passphrase)
        let message = Array("date: Thu, 05 Jan 2014 21:31:40 GMT".utf8)
        let signature = key.sign(message)
        #expect(signature.count == 256)
        #expect(testKey.verifies(signature, of: message))
        #expect(!testKey.verifies(signature, of: message + [0]))
        #expect(key.sign([]).count * 8 == 2048)
    }

    @Test(arguments: [TestKey.Form.pkcs1, .pkcs8])
    func `text around a key is skipped and a needless passphrase ignored`(_ form: TestKey.Form) throws {
        let pem = Array("# my key\r\n\n".utf8) + testKey.privatePEM(form) + Array("OCI_API_KEY\n".utf8)
        let key = try RSAKey(pem: pem, passphrase: passphrase)
        #expect(testKey.verifies(key.sign([]), of: []))
    }

    @Test func `a key with the line ends of another system is read`() throws {
        let pem = testKey.privatePEM(.pkcs8).flatMap { $0 == UInt8(ascii: "\n") ? [13, 10] : [$0] }
        #expect(try RSAKey(pem: pem).sign([]).count * 8 == 2048)
    }

    @Test(arguments: [TestKey.Form.pkcs1Encrypted, .pkcs8Encrypted])
    func `an encrypted key tells a missing passphrase from a wrong one`(_ form: TestKey.Form) {
        let pem = testKey.privatePEM(form, passphrase: passphrase)
        #expect(throws: TransportError.key(.passphraseMissing)) { try RSAKey(pem: pem) }
        for wrong in [[], Array("wrong".utf8), passphrase + [1], [UInt8](repeating: 65, count: 5000)] {
            #expect(throws: TransportError.key(.passphraseWrong)) { try RSAKey(pem: pem, passphrase: wrong) }
        }
    }

    @Test func `a public key is told apart`() {
        let error = #expect(throws: TransportError.self) { try RSAKey(pem: testKey.publicPEM) }
        #expect(error == .key(.publicKey))
        #expect(error?.description == "a private key is required, but a public key was provided")
    }

    @Test func `a key of another kind is told apart`() {
        let pem = TestKey(rsaBitCount: nil).privatePEM(.pkcs8)
        #expect(throws: TransportError.key(.notRSA)) { try RSAKey(pem: pem) }
    }

    @Test(arguments: [
        "", "hello", "-----BEGIN", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ])
    func `anything else is no key`(_ text: String) {
        #expect(throws: TransportError.key(.malformed)) { try RSAKey(pem: Array(text.utf8)) }
    }

    @Test func `a key cut anywhere is no key`() {
        let pem = testKey.privatePEM(.pkcs8)
        let lineCount = pem.count { $0 == UInt8(ascii: "\n") }
        #expect(lineCount > 20)
        for length in stride(from: 0, to: pem.count - 30, by: 97) {
            #expect(throws: TransportError.key(.malformed)) { try RSAKey(pem: Array(pem[..<length])) }
        }
    }

    @Test func `a key with a changed character never crashes`() {
        let pem = testKey.privatePEM(.pkcs1)
        for position in stride(from: 0, to: pem.count, by: 61) {
            var changed = pem
            changed[position] ^= 1
            // Numbers that are no key are refused; the few that only feed a check may pass, and then sign.
            if let key = try? RSAKey(pem: changed) { #expect(key.sign([1]).count > 0) }
        }
    }

    @Test func `a generated key signs, and its public half is DER of 294 bytes`() throws {
        let key = try RSAKey(generating: ())
        #expect(key.sign([]).count * 8 == 2048)
        #expect(key.sign([1, 2, 3]).count == 256)
        #expect(key.publicKeyDER.count == 294)
        #expect(key.publicKeyBase64.count == 392)
    }

    @Test func `a fingerprint is sixteen pairs and the same for every form`() throws {
        let fingerprints = try Set(
            TestKey.Form.allCases.map {
                try RSAKey(pem: testKey.privatePEM($0, passphrase: passphrase), passphrase: passphrase)
                    .fingerprint
            }
        )
        #expect(fingerprints.count == 1)
        let fingerprint = try #require(fingerprints.first)
        #expect(fingerprint.split(separator: ":").map(\.count) == [Int](repeating: 2, count: 16))
        #expect(fingerprint == fingerprint.lowercased())
    }
}
