// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Testing

/// RFC 9112 section 7.1.
@Suite struct ChunkedBodyTests {
    private static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    private static func accept(_ body: String, _ expected: String) {
        ResponseCase.accept(body, head + body, body: expected).check()
    }

    private static func reject(_ body: String, closed: Bool = false, _ error: HTTPWireError) {
        ResponseCase.reject(body, head + body, closed: closed, error).check()
    }

    @Test(arguments: [
        ("0\r\n\r\n", ""), ("3\r\nabc\r\n0\r\n\r\n", "abc"),
        ("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789"),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"), ("0000000000000003\r\nabc\r\n000\r\n\r\n", "abc"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"), ("3  \r\nabc\r\n0\t\r\n\r\n", "abc"),
    ])
    func `chunks are joined`(body: String, expected: String) {
        Self.accept(body, expected)
    }

    @Test(arguments: [
        "g\r\n", "\r\n", " 3\r\nabc\r\n", "0x3\r\nabc\r\n", "+3\r\nabc\r\n", "-3\r\nabc\r\n", "3_\r\nabc\r\n",
        "_3\r\nabc\r\n", "3h\r\nabc\r\n", "3 3\r\nabc\r\n", "00000000000000003\r\nabc\r\n", "3\r\r\nabc\r\n",
        "3,\r\nabc\r\n",
        "3\u{0}\r\nabc\r\n",
    ])
    func `a size that is not hexadecimal is refused [36, 1416]`(body: String) {
        Self.reject(body, .malformedChunk)
    }

    @Test(arguments: [
        "3\nabc\r\n0\r\n\r\n", "3;a\nabc\r\n", "3\r\nabc\n", "3\r\nabcd\r\n", "3\r\nabc\rX",
        "3\r\nabc0\r\n\r\n",
    ])
    func `a chunk line must end with CR LF, and the data where the size says`(body: String) {
        Self.reject(body, .malformedChunk)
    }

    @Test(arguments: ["8000000000000000", "ffffffffffffffff", "FFFFFFFFFFFFFFFF"])
    func `a size that no integer holds is refused`(size: String) {
        Self.reject("\(size)\r\n", .bodyTooLarge(bytesMax: .max))
    }

    @Test(arguments: ["7fffffffffffffff", "3e9", "FFFFFFFFFFFFFFF"])
    func `every size that an integer holds is waited for`(size: String) {
        Self.reject("\(size)\r\n", closed: true, .truncated(.body))
    }

    @Test(arguments: [
        ";a", "; a", " ;a", ";a=b", ";a = b ; c", ";a=\"b\"", ";a=\"x;y\"", ";a=\"x\\\"y\"", ";a=\"\"",
        ";a=\"\\\\\";b=c ",
    ])
    func `chunk extensions are ignored`(text: String) {
        Self.accept("3\(text)\r\nabc\r\n0\(text)\r\n\r\n", "abc")
    }

    @Test(arguments: [
        ";a=\"b", ";a=b\"", ";a=\"b\\\"", ";a=\"b\"c", ";", ";=b", ";a=", ";a b", ";a\u{0}", ";a=\"\u{1}\"",
        ";a=\"\\\u{1}\"",
        ";a;", ";a\r",
    ])
    func `chunk extensions that break the grammar are refused`(text: String) {
        Self.reject("3\(text)\r\nabc\r\n0\r\n\r\n", .malformedChunk)
    }

    @Test func `chunk extensions are bounded, in one line and over all`() {
        Self.reject("3;" + String(repeating: "a", count: 17_000), .chunkExtensionsTooLarge)
        let chunk = "1;" + String(repeating: "b", count: 99) + "\r\na\r\n"
        Self.accept(String(repeating: chunk, count: 163) + "0\r\n\r\n", String(repeating: "a", count: 163))
        Self.reject(String(repeating: chunk, count: 164), .chunkExtensionsTooLarge)
    }

    @Test(arguments: ["X: y\r\n", "X: y\r\nX: z\r\n", "X: y\n", "X: y\r\n folded\r\n", "x_y:\r\n"])
    func `trailers are read and dropped, announced or not, with CR or without [1116, 1417]`(trailers: String)
    {
        Self.accept("1\r\na\r\n0\r\n\(trailers)\r\n", "a")
        ResponseCase.accept(
            "announced",
            "HTTP/1.1 200 OK\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\(trailers)\r\n"
        ).check()
    }

    @Test(arguments: [
        ("X: \u{0}\r\n\r\n", HTTPWireError.malformedFieldLine(.controlByte)),
        ("X\u{0}: y\r\n\r\n", .malformedFieldLine(.malformedName)),
        ("X\r\n\r\n", .malformedFieldLine(.missingColon)),
        (" X: y\r\n\r\n", .malformedFieldLine(.foldedFirstLine)),
        (String(repeating: "a: b\r\n", count: 129), .tooManyFields),
        ("a: " + String(repeating: "b", count: 66_000), .headTooLarge),
    ])
    func `trailers obey the rules and limits of a head [2106]`(trailers: String, error: HTTPWireError) {
        Self.reject("1\r\na\r\n0\r\n" + trailers, error)
    }

    @Test(arguments: [
        "", "3", "3\r", "3\r\n", "3\r\nab", "3\r\nabc", "3\r\nabc\r", "3\r\nabc\r\n", "0\r\n",
        "0\r\nX: y\r\n", "0\r\n\r",
    ])
    func `a body cut off before its last chunk is never a short success [207, 1909]`(body: String) {
        Self.reject(body, closed: true, .truncated(.body))
    }
}
