// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@Suite struct JSONReaderTests {
    static let values: [(String, JSON)] = [
        ("null", .null),
        (" \t\r\ntrue ", .bool(true)),
        ("false", .bool(false)),
        ("0", .integer(0)),
        ("-0", .integer(0)),
        ("9223372036854775807", .integer(.max)),
        ("9223372036854775808", .real(9_223_372_036_854_775_808)),
        ("-1.5e+2", .real(-150)),
        ("1E2", .real(100)),
        ("[]", .array([])),
        ("{}", .object([])),
        ("[ 1 , [ ] ]", .array([.integer(1), .array([])])),
        (#"{"a":{"b":null}}"#, .object([.init("a", .object([.init("b", .null)]))])),
        (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
        (#""é\u00e9\uD83D\uDE00😀""#, .string("éé😀😀")),
        (#""\ud83d\u0041\udc00\ud800""#, .string("\u{FFFD}A\u{FFFD}\u{FFFD}")),
        (#""\ud83d""#, .string("\u{FFFD}")),
        (#""\u0000""#, .string("\0")),
    ]

    @Test(arguments: values)
    func `every production reads as its value`(text: String, value: JSON) throws {
        #expect(try JSON.read(Array(text.utf8)) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "+1", "01", "-", "1.", ".5", "1e", "1e+", "0x1", "1e999", "NaN",
        "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}",
        "{a:1}",
        "{1:2}", "{\"a\" 1}", "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\u{1}\"",
        "\"\n\"",
        "1 2", "{} {}", "[1]]", "'a'", "\u{FEFF}1", "// 1", "\"\\ud83d\\u12\"", "\"\\u\u{0664}000\"",
    ])
    func `what is not in the grammar is refused`(text: String) {
        #expect(throws: JSONError.self) { try JSON.read(Array(text.utf8)) }
    }

    @Test(arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF5, 0x80, 0x80, 0x80]])
    func `a string that is not UTF-8 is refused`(bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        #expect(throws: JSONError.malformed(offset: 1)) { try JSON.read([quote] + bytes + [quote]) }
    }

    @Test func `nesting up to the limit reads and one deeper is refused`() throws {
        let deepest =
            Array(String(repeating: "[", count: 32).utf8) + Array(String(repeating: "]", count: 32).utf8)
        #expect(throws: Never.self) { try JSON.read(deepest) }
        #expect(throws: JSONError.tooDeep(offset: 32)) {
            try JSON.read(Array("[".utf8) + deepest + Array("]".utf8))
        }
        let bottomless = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(throws: JSONError.tooDeep(offset: 32)) { try JSON.read(bottomless) }
    }

    @Test func `siblings do not add to the depth`() throws {
        let siblings = "[" + Array(repeating: "[{}]", count: 100).joined(separator: ",") + "]"
        #expect(throws: Never.self) { try JSON.read(Array(siblings.utf8), depthMax: 3) }
    }

    @Test func `an answer cut at any byte is refused and never traps`() {
        let text = #"{"items":[{"id":"a\u00e9\n","n":-1.5e3,"t":true,"x":null}],"next":"😀"}"#
        let bytes = Array(text.utf8)
        #expect(throws: Never.self) { try JSON.read(bytes) }
        for length in bytes.indices {
            #expect(throws: JSONError.self) { try JSON.read(Array(bytes[..<length])) }
        }
    }

    @Test func `any byte changed gives a value or an error but no trap`() {
        let bytes = Array(#"{"items":[{"id":"a\ud83d\ude00","n":-1.5e3,"t":true,"x":null}]}"#.utf8)
        var refusedCount = 0
        for index in bytes.indices {
            for replacement in UInt8.min...UInt8.max {
                var changed = bytes
                changed[index] = replacement
                if (try? JSON.read(changed)) == nil { refusedCount += 1 }
            }
        }
        #expect(refusedCount > bytes.count * 100)
    }

    @Test func `a long string of escapes costs linear time`() throws {
        let text = "\"" + String(repeating: "\\n", count: 1_000_000) + "\""
        guard case .string(let string) = try JSON.read(Array(text.utf8)) else {
            Issue.record("not a string")
            return
        }
        #expect(string.utf8.count == 1_000_000)
    }
}
