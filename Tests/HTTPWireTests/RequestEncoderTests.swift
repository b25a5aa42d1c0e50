// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Testing

@Suite struct RequestEncoderTests {
    private static func head(
        method: String = "PUT",
        target: String = "/n/ns/b/bucket/o/a%20b?x=1",
        _ headers: HeaderFields = ["host": "h"]
    ) -> RequestHead {
        RequestHead(method: method, target: target, headers: headers)
    }

    @Test func `a head is written in the order it was made`() throws {
        let head = Self.head(["Host": "h:8080", "Date": "now", "x-y": "", "opc-meta-a": "caf\u{e9}"])
        #expect(
            try RequestEncoder.encode(head, contentLength: 12)
                == Array(
                    """
                    PUT /n/ns/b/bucket/o/a%20b?x=1 HTTP/1.1\r
                    Host: h:8080\r
                    Date: now\r
                    x-y: \r
                    opc-meta-a: caf\u{e9}\r
                    content-length: 12\r
                    \r

                    """.utf8
                )
        )
    }

    @Test func `a length is written once, and not at all without a body`() throws {
        let declared = Self.head(["host": "h", "Content-Length": "0"])
        let text = String(decoding: try RequestEncoder.encode(declared, contentLength: 0), as: UTF8.self)
        #expect(text.hasSuffix("host: h\r\nContent-Length: 0\r\n\r\n"))
        let none = try RequestEncoder.encode(Self.head(method: "GET"), contentLength: nil)
        #expect(!String(decoding: none, as: UTF8.self).contains("ength"))
    }

    @Test(arguments: ["\r", "\n", "\r\n", "\0", "\r\nX: y", "\u{1}", "\u{7f}"])
    func `control bytes are refused in every part`(bytes: String) {
        for text in [bytes, "a" + bytes + "b"] {
            Self.refuse(Self.head(method: text), .method)
            Self.refuse(Self.head(target: "/" + text), .target)
            Self.refuse(Self.head(["host": "h", text: "v"]), .fieldName)
            Self.refuse(Self.head(["host": "h", "x": text]), .fieldValue)
            Self.refuse(Self.head(["host": text]), .fieldValue)
        }
    }

    @Test(arguments: ["", "G T", "GET:", "\u{e9}"])
    func `a method that is not a token is refused`(method: String) {
        Self.refuse(Self.head(method: method), .method)
    }

    @Test(arguments: ["", "/a b", "/\u{e9}", "/a\tb"])
    func `a target that is not encoded is refused`(target: String) {
        Self.refuse(Self.head(target: target), .target)
    }

    @Test(arguments: ["", "a b", "a:", "\u{e9}", " a", "a("])
    func `a field name that is not a token is refused`(name: String) {
        Self.refuse(Self.head(["host": "h", name: "v"]), .fieldName)
    }

    @Test(arguments: [" a", "a ", "\ta", " "])
    func `a field value with white space around it is refused, for a signature would not fit`(value: String) {
        Self.refuse(Self.head(["host": "h", "x": value]), .fieldValue)
    }

    @Test func `a request without one host, with chunks or with another length is refused`() {
        Self.refuse(Self.head([:]), .host)
        Self.refuse(Self.head(["host": "a", "Host": "b"]), .host)
        Self.refuse(Self.head(["host": "a", "Transfer-Encoding": "chunked"]), .transferEncoding)
        Self.refuse(Self.head(["host": "a", "Content-Length": "4"]), .contentLength)
        Self.refuse(Self.head(["host": "a", "Content-Length": "3", "content-length": "3"]), .contentLength)
    }

    private static func refuse(_ head: RequestHead, _ part: HTTPWireError.RequestPart) {
        let error = HTTPWireError.unencodableRequest(part)
        #expect(throws: error) { try RequestEncoder.encode(head, contentLength: 3) }
        #expect(!error.isRetryable)
    }
}
