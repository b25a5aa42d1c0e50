// SPDX-License-Identifier: Apache-2.0
import Encodings
import Testing

@Suite struct HexadecimalTests {
    @Test func `digits have the values that Swift gives them`() {
        for byte in UInt8.min...UInt8.max {
            let value = byte < 0x80 ? Character(Unicode.Scalar(byte)).hexDigitValue : nil
            #expect(Hexadecimal.value(of: byte).map { Int($0) } == value)
        }
    }

    @Test func `bytes become lower-case digits, with a separator if asked`() {
        #expect(Hexadecimal.encode([0x00, 0x9A, 0xFF]) == "009aff")
        #expect(Hexadecimal.encode([0x20, 0x3B], separator: ":") == "20:3b")
    }

    @Test func `digits of either case become bytes and anything else is nil`() {
        #expect(Hexadecimal.decode("009AfF") == [0x00, 0x9A, 0xFF])
        #expect(Hexadecimal.decode("") == [])
        for text in ["0", "0g", "+1", "é"] { #expect(Hexadecimal.decode(text) == nil) }
    }
}
