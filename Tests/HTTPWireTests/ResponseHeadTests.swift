// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPWire

/// RFC 9112 section 4.
@Suite struct ResponseHeadTests {
    @Test(arguments: [
        ("HTTP/1.1 200 OK", 200, "OK", 1), ("HTTP/1.1 200 ", 200, "", 1), ("HTTP/1.1 200", 200, "", 1),
        ("HTTP/1.0 404 Not Found", 404, "Not Found", 0), ("HTTP/1.1 999 ?", 999, "?", 1),
        ("HTTP/1.7 200 OK", 200, "OK", 1),
        ("HTTP/1.1 500  two  spaces", 500, " two  spaces", 1),
        ("HTTP/1.1 200 tr\u{e8}s\tbien", 200, "tr\u{e8}s\tbien", 1),
    ])
    func `a status line is a version, three digits and perhaps a reason`(
        line: String,
        status: Int,
        reason: String,
        minorVersion: Int
    ) throws {
        let head = try head(of: line + "\r\ncontent-length: 0\r\n\r\n")
        #expect(
            head
                == ResponseHead(
                    minorVersion: minorVersion,
                    status: status,
                    reason: reason,
                    headers: ["content-length": "0"]
                )
        )
        let isKept = minorVersion == 1
        ResponseCase.accept(
            line,
            line + "\r\ncontent-length: 0\r\n\r\n",
            status: status,
            then: isKept ? nil : .versionWithoutKeepAlive
        ).check()
    }

    @Test(arguments: [
        "HTTP/1.1 2 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 X", "HTTP/1.1 -20 X",
        "HTTP/1.1  200 OK",
        "HTTP/1.1\t200 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 200OK", "HTTP/1.1 200\tOK", "HTTP/1.1", "HTTP/1.",
        "HTTP/1.11 200 OK",
        "HTTP/1.x 200 OK", "HTTP/1.1 200 O\u{0}K", "HTTP/1.1 200 OK\r", "HTTP/1.1 200 \u{7f}",
        "HTTP/1. 1 200 OK",
        "HTTP/1.1 " + String(repeating: "2", count: 100) + " OK",
        "HTTP/1." + String(repeating: "1", count: 100) + " 200 OK",
    ])
    func `a status line that is anything else is refused [1430, 1432, 1433]`(line: String) {
        ResponseCase.reject(line, line + "\r\n\r\n", .malformedStatusLine).check()
    }

    @Test(arguments: [
        "<html>", "HTTP/2 200 OK\r\n\r\n", "HTTP/0.9 200 OK\r\n", "http/1.1 200 OK\r\n\r\n",
        " HTTP/1.1 200 OK\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTPS/1.1 200 OK", "\u{15}\u{3}\u{1}", "ICY 200 OK", "HTTP/01.1 200 OK\r\n",
    ])
    func `what does not begin as HTTP 1 is refused by its first bytes [1172]`(text: String) {
        ResponseCase.reject(text, text, .notHTTP).check()
    }
}
