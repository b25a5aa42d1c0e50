// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTPWire

/// The byte classes against the lists of RFC 9110, for all 256 bytes.
@Suite struct GrammarTests {
    private static func bytes(where holds: (UInt8) -> Bool) -> [UInt8] {
        (UInt8.min...UInt8.max).filter(holds)
    }

    @Test func `a token has the characters of RFC 9110 section 5.6.2 and no others`() {
        let digits = "0123456789"
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        let marks = "!#$%&'*+-.^_`|~"
        #expect(Self.bytes(where: Grammar.isToken) == (digits + letters + marks).utf8.sorted())
    }

    @Test func `a field's content is the tab, what is visible and all above ASCII`() {
        let expected = [0x09] + Array(0x20...0x7E) + Array(0x80...0xFF) as [UInt8]
        #expect(Self.bytes(where: Grammar.isFieldContent) == expected)
    }

    @Test func `white space is the tab and the space, not the ends of lines`() {
        #expect(Self.bytes(where: Grammar.isWhitespace) == [0x09, 0x20])
    }

    @Test func `digits have the values that Swift gives them`() {
        for byte in UInt8.min...UInt8.max {
            let value = byte < 0x80 ? Character(Unicode.Scalar(byte)).wholeNumberValue : nil
            #expect(Grammar.decimalDigit(byte) == value)
        }
    }

    @Test(arguments: [("", ""), (" \t ", ""), ("a", "a"), (" \ta b\t ", "a b"), ("\r a", "\r a")])
    func `white space goes from both ends only`(_ text: String, _ expected: String) {
        #expect(Array(Grammar.trimmed(Array(text.utf8)[...])) == Array(expected.utf8))
    }

    @Test func `text that is no UTF-8 is read a scalar a byte, and nothing of it is lost`() {
        #expect(Grammar.text(Array("naïve".utf8)) == "naïve")
        #expect(Grammar.text([0x6E, 0x61, 0xEF, 0x76, 0x65]) == "naïve")
        #expect(Grammar.text([0xFF, 0x41]).unicodeScalars.map(\.value) == [0xFF, 0x41])
    }

    @Test(arguments: [
        ("Content-Length", "content-LENGTH", true), ("", "", true), ("a", "ab", false), ("a", "b", false),
        // Only letters have a case: these differ by the same bit.
        ("@", "`", false), ("[", "{", false), ("É", "é", false),
    ])
    func `names are equal without the case of ASCII letters`(_ left: String, _ right: String, _ isSame: Bool)
    {
        #expect(Grammar.isSameName(left, right) == isSame)
        #expect(Grammar.isSameName(right, left) == isSame)
    }
}
