// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// A document as one line: strings between quotes, floats with their point, dates after `@`.
private func shown(_ value: TOMLNode.Value) -> String {
    switch value {
    case .string(let text): tomlString(text)
    case .integer(let number): "\(number)"
    case .float(let number): number == 0 && number.sign == .minus ? "-0.0" : "\(number)"
    case .boolean(let flag): "\(flag)"
    case .dateTime(let text): "@\(text)"
    case .array(let nodes): "[\(nodes.map { shown($0.value) }.joined(separator: " "))]"
    case .tables(let tables): "[\(tables.all.map(shown).joined(separator: " "))]"
    case .table(let table): shown(table)
    }
}

private func shown(_ table: TOMLTable) -> String {
    "{\(table.keys.compactMap { key in table[key].map { "\(key)=\(shown($0.value))" } }.joined(separator: " "))}"
}

private func read(_ text: String) throws -> String { shown(try TOMLParser.parse(Array(text.utf8))) }

private let values: [(String, String)] = [
    ("0", "0"), ("+1", "1"), ("-17", "-17"), ("1_000", "1000"), ("0xDEAD_beef", "3735928559"), ("0o17", "15"),
    ("0b101", "5"), ("9223372036854775807", "9223372036854775807"),
    ("-9223372036854775808", "-9223372036854775808"), ("1.5", "1.5"), ("-0.0", "-0.0"), ("1e3", "1000.0"),
    ("6.5E-2", "0.065"), ("1_0.2_5", "10.25"), ("inf", "inf"), ("-inf", "-inf"), ("+nan", "nan"),
    ("true", "true"),
    ("false", "false"), (#""a\tb\u00e9\U0001F600\\""#, #""a\u0009bé😀\\""#), ("'a\\b'", #""a\\b""#),
    ("''", "\"\""),
    ("\"\"\"\na\nb\"\"\"", #""a\u000ab""#), ("\"\"\"a\\\n   b\"\"\"", "\"ab\""),
    ("\"\"\"\"q\"\"\"\"\"", #""\"q\"\"""#),
    ("'''\r\na''b\r\n'''", #""a''b\u000a""#), ("1979-05-27", "@1979-05-27"), ("2024-02-29", "@2024-02-29"),
    ("1979-05-27T07:32:00Z", "@1979-05-27T07:32:00Z"),
    ("1979-05-27 07:32:00.99-01:00", "@1979-05-27 07:32:00.99-01:00"),
    ("07:32:00.5", "@07:32:00.5"), ("[]", "[]"), ("[1, 'a', [2.0],]", "[1 \"a\" [2.0]]"),
    ("[ # c\n 1 # d\n , 2\n]", "[1 2]"), ("{}", "{}"), ("{ a = 1, b.c = {d = 2} }", "{a=1 b={c={d=2}}}"),
]

private let documents: [(String, String)] = [
    ("", "{}"), ("\u{FEFF}a = 1", "{a=1}"), ("# only\n\n\t# comments", "{}"), ("a=1\r\nb=2\r\n", "{a=1 b=2}"),
    ("\"q k\" = 1\n'l' = 2\n3 = 4\n\"\" = 5", "{q k=1 l=2 3=4 =5}"), ("a . b = 1\na.c = 2", "{a={b=1 c=2}}"),
    ("[a]\nx=1\n[a.b]\ny=2\n[c]", "{a={x=1 b={y=2}} c={}}"), ("[a.b]\n[a]\nx=1", "{a={b={} x=1}}"),
    ("[[a]]\nx=1\n[[a]]\n[a.b]\ny=2\n[[a.c]]", "{a=[{x=1} {b={y=2} c=[{}]}]}"),
    ("[f]\na.b=1\n[f.a.c]", "{f={a={b=1 c={}}}}"),
]

private let refused: [(String, Int, Int, String)] = [
    ("a", 1, 2, "a key is followed by ="), ("= 1", 1, 1, "a key is expected here"),
    ("a = ", 1, 5, "a value is expected here"),
    ("a = b", 1, 5, "this is not a value; put text between quotes"),
    ("a = 1 2", 1, 7, "the line should end here"), ("\na = 1\na = 2", 3, 5, "a is already defined on line 2"),
    ("[a]\n[a]", 2, 4, "a is already defined on line 1"),
    ("a = 1\n[a.b]", 2, 6, "a is not a table that can be extended"),
    ("[a]\n[[a]]", 2, 6, "a is already defined on line 1, not by [[a]]"),
    ("[[a]]\n[a]", 2, 4, "a is already defined on line 1"),
    ("a = []\n[[a]]", 2, 6, "a is already defined on line 1, not by [[a]]"),
    ("a = {}\n[a.b]", 2, 6, "a is not a table that can be extended"),
    ("a = {}\na.b = 1", 2, 7, "a is already defined on line 1"),
    ("a.b = 1\n[a]", 2, 4, "a is already defined on line 1"),
    ("[a.b]\n[a]\nb.c = 1", 3, 7, "b is already defined on line 1"),
    ("[a", 1, 3, "a header ends with ]"), ("[[a]", 1, 5, "an array-of-tables header ends with ]]"),
    ("a = [1 2]", 1, 8, "array items are parted by , and end with ]"),
    ("a = [,]", 1, 6, "a value is expected here"),
    ("a = {b=1,}", 1, 10, "a key is expected here"),
    ("a = {b=1\n}", 1, 9, "inline table entries are parted by , and end with } on the same line"),
    ("a = \"x", 1, 7, "the string is not closed"),
    ("a = 'x\n'", 1, 7, "a control character or a line end in a string"),
    ("a = \"\\x\"", 1, 7, "no such escape; write \\\\ for a backslash"),
    ("a = \"\\ud800\"", 1, 12, "no such Unicode character"),
    ("a = \"\\u12\"", 1, 10, "4 hexadecimal digits are expected here"),
    ("a = \"\"\"\"\"\"\"\"\"", 1, 14, "too many quotes in a row"),
    ("a = 'x' # \u{1}", 1, 11, "a control character in a comment"),
    ("a = 07", 1, 5, "this is not a value; put text between quotes"),
    ("a = 1__0", 1, 5, "this is not a value; put text between quotes"),
    ("a = 1.", 1, 5, "this is not a value; put text between quotes"),
    ("a = .5", 1, 5, "this is not a value; put text between quotes"),
    ("a = +0x1", 1, 5, "this is not a value; put text between quotes"),
    ("a = 9223372036854775808", 1, 5, "this is not a value; put text between quotes"),
    ("a = 2023-02-29", 1, 5, "this is not a value; put text between quotes"),
    ("a = 24:00:00", 1, 5, "this is not a value; put text between quotes"),
    ("a = 07:32:00Z", 1, 5, "this is not a value; put text between quotes"),
]

struct TOMLParserTests {
    @Test(arguments: values)
    func `every kind of value reads`(_ text: String, _ value: String) throws {
        #expect(try read("a = \(text)") == "{a=\(value)}")
        #expect(try read("a = \(text)\t # comment\nb = 1") == "{a=\(value) b=1}")
        if !text.contains("\n") { #expect(try read("a = [\(text)]") == "{a=[\(value)]}") }
    }

    @Test(arguments: documents)
    func `documents read`(_ text: String, _ document: String) throws {
        #expect(try read(text) == document)
    }

    @Test(arguments: refused)
    func `what is not TOML is refused with its place and reason`(
        _ text: String,
        _ line: Int,
        _ column: Int,
        _ reason: String
    ) {
        #expect(throws: TOMLError(line: line, column: column, reason: reason)) { try read(text) }
    }

    @Test
    func `bytes that are not UTF-8 are refused`() {
        #expect(throws: TOMLError.self) { try TOMLParser.parse(Array("a = \"".utf8) + [0xC3, 0x28, 0x22]) }
    }

    @Test(arguments: ["[", "{a=", "[{a="])
    func `nesting is bounded`(_ opening: String) throws {
        let text = "a = " + String(repeating: opening, count: 100_000)
        #expect { try read(text) } throws: { ($0 as? TOMLError)?.reason.contains("64") ?? false }
        let path = Array(repeating: "a", count: 100_000).joined(separator: ".")
        #expect { try read("\(path) = 1") } throws: { ($0 as? TOMLError)?.reason.contains("64") ?? false }
        #expect(
            try read("a = " + String(repeating: "[", count: 64) + String(repeating: "]", count: 64)).count
                > 128
        )
    }

    @Test
    func `a file of many headers is read in proportion to its length`() throws {
        let table = try TOMLParser.parse(Array(String(repeating: "[[a]]\n", count: 100_000).utf8))
        guard case .tables(let tables) = table["a"]?.value else {
            Issue.record("not an array of tables")
            return
        }
        #expect(tables.all.count == 100_000)
        #expect(tables.all.last?.line == 100_000)
    }
}
