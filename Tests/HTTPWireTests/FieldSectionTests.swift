// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Testing

/// RFC 9112 sections 2.2 and 5.
@Suite struct FieldSectionTests {
    private static func value(of lines: String) throws -> String? {
        try head(of: "HTTP/1.1 204 OK\r\n" + lines + "\r\n")["x"]
    }

    private static func reject(_ lines: String, _ error: HTTPWireError) {
        ResponseCase.reject(lines, "HTTP/1.1 204 OK\r\n" + lines + "\r\n", error).check()
    }

    @Test(arguments: [
        ("X: y\r\n", "y"), ("x:y\r\n", "y"), ("X: \t y z \t \r\n", "y z"), ("X:\r\n", ""),
        ("X: a:b\r\n", "a:b"),
        ("X: caf\u{e9}\r\n", "caf\u{e9}"), ("X: y\n", "y"), ("a_b: c\r\n!#$%&'*+-.^_`|~: d\r\nX: y\r\n", "y"),
        ("X: a\tb\r\n", "a\tb"),
    ])
    func `a field value is what stands between its white space`(lines: String, value: String) throws {
        #expect(try Self.value(of: lines) == value)
        ResponseCase.accept(lines, "HTTP/1.1 204 OK\r\n" + lines + "\r\n", status: 204).check()
    }

    @Test func `a value that is not UTF-8 is read byte for byte`() throws {
        var parser = ResponseParser(answering: "HEAD")
        parser.feed(Array("HTTP/1.1 200 OK\r\nx: ".utf8) + [0x63, 0xE9] + Array("\r\n\r\n".utf8))
        guard case .head(let head, _) = try parser.next() else { throw NoHead() }
        #expect(head.headers["X"] == "c\u{e9}")
    }

    @Test(arguments: [
        ("X: a\r\n b\r\n", "a b"), ("X: a\r\n\t \tb\r\n", "a b"), ("X:\r\n b\r\n", "b"),
        ("X: a\r\n b\r\n c\r\nY: d\r\n", "a b c"),
        ("X: a\r\n \r\n b\r\n", "a b"), ("X: a\n b\n", "a b"),
    ])
    func `a folded line is joined by one space [1274]`(lines: String, value: String) throws {
        #expect(try Self.value(of: lines) == value)
        ResponseCase.accept(lines, "HTTP/1.1 204 OK\r\n" + lines + "\r\n", status: 204).check()
    }

    @Test(arguments: [" X: y\r\n", "\tX: y\r\n", " \r\nX: y\r\n"])
    func `white space before the first field is refused [1473, 2306]`(lines: String) {
        Self.reject(lines, .malformedFieldLine(.foldedFirstLine))
    }

    @Test(arguments: ["X: a\rb\r\n", "X: a\r\r\n", "X: \ra\r\n", "X: a\r\n b\r\r\n", "X: \r\r\n"])
    func `a CR that does not end the line is refused [2105]`(lines: String) {
        Self.reject(lines, .malformedFieldLine(.controlByte))
    }

    @Test(arguments: [0x00, 0x01, 0x08, 0x0B, 0x0C, 0x1B, 0x1F, 0x7F] as [UInt8])
    func `a control byte is refused in values and in names [262]`(byte: UInt8) {
        let character = String(Unicode.Scalar(byte))
        Self.reject("X: a\(character)b\r\n", .malformedFieldLine(.controlByte))
        Self.reject("X\(character): b\r\n", .malformedFieldLine(.malformedName))
    }

    @Test(arguments: [
        "X : y\r\n", "X\t: y\r\n", ": y\r\n", "\u{e9}: y\r\n", "X Y: z\r\n", "X(: y\r\n", "\"X\": y\r\n",
        "X\r: y\r\n",
    ])
    func `a name that is not a token right before the colon is refused`(line: String) {
        Self.reject(line, .malformedFieldLine(.malformedName))
    }

    @Test(arguments: ["X\r\n", "X y\r\n", "X: y\r\nZ\r\n"])
    func `a line without a colon is refused [398]`(lines: String) {
        Self.reject(lines, .malformedFieldLine(.missingColon))
    }

    @Test func `128 fields are taken and one more is not [747, 1154]`() {
        let line = "a: b\r\n"
        ResponseCase.accept(
            "128",
            "HTTP/1.1 204 OK\r\n" + String(repeating: line, count: 128) + "\r\n",
            status: 204
        )
        .check()
        Self.reject(String(repeating: line, count: 129), .tooManyFields)
    }

    @Test(arguments: [
        ResponseCase.reject(
            "no colon",
            "HTTP/1.1 200 OK\r\n" + String(repeating: "x", count: 100_000),
            .headTooLarge
        ),
        .reject(
            "one field",
            "HTTP/1.1 200 OK\r\na: " + String(repeating: "b", count: 100_000),
            .headTooLarge
        ),
        .reject("a reason", "HTTP/1.1 200 " + String(repeating: "b", count: 100_000), .headTooLarge),
        .reject(
            "folds",
            "HTTP/1.1 200 OK\r\na: b\r\n" + String(repeating: " c\r\n", count: 20_000),
            .headTooLarge
        ),
        .reject(
            "many fields",
            "HTTP/1.1 200 OK\r\n"
                + String(repeating: "a: \(String(repeating: "b", count: 5000))\r\n", count: 14),
            .headTooLarge
        ),
    ])
    func `a head above 64 KiB is refused, in one line, in folds or in many fields [497, 498]`(
        _ given: ResponseCase
    ) {
        given.check()
    }

    @Test func `a head of exactly 64 KiB is taken`() {
        let rest = "HTTP/1.1 204 OK\r\na: \r\n\r\n"
        for (spare, isTaken) in [(0, true), (1, false)] {
            let filling = String(repeating: "b", count: 64 * 1024 - rest.utf8.count + spare)
            let text = "HTTP/1.1 204 OK\r\na: \(filling)\r\n\r\n"
            let given =
                isTaken
                ? ResponseCase.accept("fits", text, status: 204) : .reject("too large", text, .headTooLarge)
            #expect(Reading.read([given.bytes], of: given) == given.verdict)
            #expect(Reading.read(given.bytes.map { [$0] }, of: given) == given.verdict)
        }
    }
}

extension ResponseHead {
    fileprivate subscript(name: String) -> String? { headers[name] }
}
