// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Transport

/// With the key of RFC 6455 section 1.3, "the sample nonce".
@Suite struct WebSocketUpgradeTests {
    private let upgrade = WebSocketUpgrade(nonce: Array("the sample nonce".utf8))
    /// What Scaler 2.9.0 answers.
    private static let answer = """
        HTTP/1.1 101 Switching Protocols\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
        \r

        """

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:8516"), ("::1", "[::1]:8516"), ("fe80::1%eth0", "[fe80::1]:8516"),
        ("scheduler.example", "scheduler.example:8516"),
    ])
    func `the request names the server and the path`(_ host: String, _ shown: String) {
        #expect(
            String(decoding: upgrade.request(host: host, port: 8516, path: "/a"), as: UTF8.self) == """
                GET /a HTTP/1.1\r
                Host: \(shown)\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                Sec-WebSocket-Version: 13\r
                \r

                """
        )
    }

    @Test func `an answer will do as soon as it is whole, and what follows belongs to the frames`() throws {
        let whole = Array(Self.answer.utf8)
        for count in whole.indices { #expect(try upgrade.remainder(of: Array(whole[..<count])) == nil) }
        #expect(try upgrade.remainder(of: whole) == [])
        #expect(try upgrade.remainder(of: whole + [0x82, 0]) == [0x82, 0])
        let other = Self.answer.uppercased().replacing(
            "S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
            with: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        )
        #expect(try upgrade.remainder(of: Array(other.utf8)) == [])
    }

    @Test(arguments: [
        ("HTTP/1.1 101", "HTTP/1.1 200", WebSocketFault.refused(status: "200")),
        ("HTTP/1.1 101", "HTTP/1.1 404", .refused(status: "404")),
        ("HTTP/1.1 101", "HTTP/1.1 1x1", .malformedAnswer), ("HTTP/1.1", "HTTP/1.0", .noHTTP),
        ("HTTP/1.1", "YMQ", .noHTTP), ("s3pP", "s3pp", .wrongAccept),
        ("Upgrade: websocket\r\n", "", .malformedAnswer),
        ("Upgrade: websocket", "Upgrade: h2c", .malformedAnswer),
        ("Connection: Upgrade", "Connection: close", .malformedAnswer),
        ("Connection:", "Connection", .malformedAnswer),
        ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", .unofferedChoice),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: ymq\r\n\r\n", .unofferedChoice),
        ("Sec-WebSocket-Accept", "Sec-WebSocket-Reject", .wrongAccept),
        (
            "Upgrade: websocket", "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            .wrongAccept
        ),
    ])
    func `any other answer is refused`(_ part: String, _ instead: String, _ fault: WebSocketFault) throws {
        let changed = Self.answer.replacing(part, with: instead)
        #expect(changed != Self.answer)
        #expect(throws: fault) { try upgrade.remainder(of: Array(changed.utf8)) }
    }

    @Test func `a head that does not end is not read for ever`() throws {
        var answer = Array("HTTP/1.1 101 x\r\n".utf8)
        answer += [UInt8](repeating: 65, count: WebSocketUpgrade.headByteCountMax - answer.count - 1)
        #expect(try upgrade.remainder(of: answer) == nil)
        #expect(throws: WebSocketFault.malformedAnswer) { try upgrade.remainder(of: answer + [65]) }
    }
}
