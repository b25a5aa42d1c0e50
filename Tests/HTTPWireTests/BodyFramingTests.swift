// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Testing

/// RFC 9112 section 6.3 and RFC 9110 section 8.6; the names in brackets are the curl tests of the same case.
@Suite struct BodyFramingTests {
    @Test(arguments: [
        ResponseCase.reject(
            "two lengths that differ [771]",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            .conflictingContentLength
        ),
        .reject(
            "a list of lengths that differ",
            "HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabcd",
            .conflictingContentLength
        ),
        .accept(
            "two lengths that agree [767]",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\ncontent-length:3\r\n\r\nabc",
            body: "abc"
        ),
        .accept(
            "a list of lengths that agree [770]",
            "HTTP/1.1 200 OK\r\nContent-Length: 3, 3 ,03\r\n\r\nabc",
            body: "abc"
        ),
        .reject(
            "an empty member in a list of lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 3,\r\n\r\nabc",
            .malformedContentLength
        ),
        .accept("a length of nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ])
    func `lengths count only when they agree`(_ given: ResponseCase) {
        given.check()
    }

    @Test(arguments: ["-6", "+6", "6a", "0x6", "6 6", "6_0", "six", "", "\u{661}", "6;", "6.0", "1e3"])
    func `a length that is not a decimal number is refused [178, 394, 768]`(length: String) {
        ResponseCase.reject(
            length,
            "HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\nabcdef",
            .malformedContentLength
        ).check()
    }

    @Test(arguments: [
        "9223372036854775808", "18446744073709551621", String(repeating: "9", count: 200),
    ])
    func `a length that no integer holds is refused at the head [393, 395]`(
        length: String
    ) {
        ResponseCase.reject(
            length,
            "HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n",
            .bodyTooLarge(bytesMax: .max)
        ).check()
    }

    @Test(arguments: ["1001", "9223372036854775807"])
    func `every length that an integer holds is waited for`(length: String) {
        ResponseCase.reject(
            length,
            "HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n",
            closed: true,
            .truncated(.body)
        ).check()
    }

    @Test(arguments: [
        "Content-Length: 9\r\nTransfer-Encoding: chunked", "transfer-encoding: Chunked\r\ncontent-length: x",
    ])
    func `chunked wins over a length, and the connection closes afterwards [365, 1677]`(fields: String) {
        ResponseCase.accept(
            fields,
            "HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            body: "abc",
            then: .ambiguousFraming
        ).check()
    }

    @Test(arguments: [
        "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity, chunked", "Transfer-Encoding: identity", "Transfer-Encoding:",
        "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: \u{b}chunked",
    ])
    func
        `a transfer coding other than one chunked is refused [418, 1482, 1483, 1493, 1495, 1496, 1722, 2119]`(
            field: String
        )
    {
        let isControl = field.utf8.contains(0x0B)
        ResponseCase.reject(
            field,
            "HTTP/1.1 200 OK\r\n\(field)\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            isControl ? .malformedFieldLine(.controlByte) : .unsupportedTransferCoding
        ).check()
    }

    @Test func `a transfer coding in HTTP 1.0 is refused`() {
        ResponseCase.reject(
            "1.0",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            .unsupportedTransferCoding
        ).check()
    }

    @Test(arguments: [
        "Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 6",
    ])
    func `HEAD, 204 and 304 have no body whatever their fields say [249, 334, 499, 1144]`(field: String) {
        for (method, status) in [("HEAD", 200), ("HEAD", 404), ("GET", 204), ("GET", 304), ("DELETE", 204)] {
            let text = "HTTP/1.1 \(status) X\r\n\(field)\r\n\r\n"
            ResponseCase.accept("\(method) \(status)", text, method: method, status: status).check()
            ResponseCase.accept(
                "\(method) \(status) with a body",
                text + "abcde",
                method: method,
                status: status,
                extra: 5,
                then: .extraBytes
            ).check()
        }
    }

    @Test func `success to CONNECT is a tunnel whatever its fields say, failure is an ordinary answer`() {
        ResponseCase.accept(
            "established",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            method: "CONNECT",
            then: .tunnel
        ).check()
        ResponseCase.accept(
            "refused",
            "HTTP/1.1 407 Who\r\nContent-Length: 2\r\n\r\nno",
            method: "CONNECT",
            status: 407,
            body: "no"
        ).check()
    }

    @Test func `without a length the body ends where the connection does`() {
        ResponseCase.accept(
            "closed",
            "HTTP/1.1 200 OK\r\n\r\nabc",
            closed: true,
            body: "abc",
            then: .bodyUntilClose
        )
        .check()
        ResponseCase.accept("empty", "HTTP/1.0 200 OK\r\n\r\n", closed: true, then: .bodyUntilClose).check()
    }

    @Test func `a compressed body is handed on as it came [221, 223, 457]`() {
        ResponseCase.accept(
            "gzip",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\u{1f}abc",
            body: "\u{1f}abc"
        ).check()
    }
}
