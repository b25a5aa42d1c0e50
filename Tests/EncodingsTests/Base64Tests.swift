// SPDX-License-Identifier: Apache-2.0
import Encodings
import Testing

@Suite struct Base64Tests {
    @Test(
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ]
    )
    func `the vectors of RFC 4648 section 10 hold both ways`(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test func `the two alphabets differ in two digits and in padding`() {
        let bytes: [UInt8] = [0xFB, 0xFF, 0xFE, 0xFF]
        #expect(Base64.encode(bytes) == "+//+/w==")
        #expect(Base64.encode(bytes, .url) == "-__-_w")
        #expect(Base64.decode("-__-_w", .url) == bytes)
        #expect(Base64.decode("-__-_w==") == nil)
        #expect(Base64.decode("+//+/w==", .url) == nil)
    }

    @Test(arguments: 0..<70)
    func `every length comes back`(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        #expect(Base64.decode(Base64.encode(bytes, .url), .url) == bytes)
    }

    @Test(
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8=Zg==", "Zm 8", "Zm8\n", "====", "Z===", "Zm8*",
        ]
    )
    func `text that no encoder writes is refused`(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
