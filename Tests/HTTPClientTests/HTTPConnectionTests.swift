// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HTTPWire
import TestSupport
import Testing
import Transport

/// One exchange, as the server sees it.
@Suite struct HTTPConnectionTests {
    @Test func `a request without a body says who is asked and that nothing compressed is wanted`()
        async throws
    {
        try await withServer(answering(okay)) { client, server in
            let response = try await client.answer(.get, server.origin)
            #expect(response.status == 200)
            #expect(response.bytes == Array("ok".utf8))
            let head = try #require(server.requests.first).head
            #expect(
                head
                    == "GET /a?b HTTP/1.1\r\nhost: \(server.origin.authority)\r\naccept-encoding: identity\r\n\r\n"
            )
        }
    }

    @Test(arguments: ["POST", "PUT", "PATCH"])
    func `a request of a method that has a body says how long it is, also when empty`(
        method: String
    ) async throws {
        try await withServer(answering(okay)) { client, server in
            _ = try await client.answer(HTTPRequest(method: method, target: "/"), server.origin)
            #expect(server.requests.first?.field("content-length") == "0")
        }
    }

    @Test(arguments: [1, 16_384, 16_385, 1 << 20])
    func `a body arrives whole, from memory and from a file`(byteCount: Int) async throws {
        try await withServer(answering(okay)) { client, server in
            _ = try await client.answer(.put(byteCount), server.origin)
            let file = try SpoolFile()
            try file.append(pattern(byteCount)[...])
            _ = try await client.answer(HTTPRequest.put(1).with { $0.body = Blob(file) }, server.origin)
            for request in server.requests {
                #expect(request.field("content-length") == String(byteCount))
                #expect(request.field("expect") == nil)
                #expect(request.body == pattern(byteCount))
            }
            #expect(server.requests.count == 2)
        }
    }

    @Test func `an answer in chunks after an interim one is read whole`() async throws {
        let text =
            "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "2\r\nab\r\n3;x\r\ncde\r\n0\r\nT: u\r\n\r\n"
        try await withServer(answering(text)) { client, server in
            for _ in 0..<2 {
                let response = try await client.answer(.get, server.origin)
                #expect(response.bytes == Array("abcde".utf8))
            }
            #expect(server.connections.count == 1)
        }
    }

    @Test func `an answer without a length ends with the connection`() async throws {
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.send("HTTP/1.0 200 OK\r\n\r\nall of it")
        } test: { client, server in
            let response = try await client.answer(.get, server.origin)
            #expect(response.bytes == Array("all of it".utf8))
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirection is an answer and not followed, for the signature is not for there`(
        status: Int
    ) async throws {
        try await onLoop {
            let elsewhere = try ScriptedServer(answering(okay))
            let location = "http://127.0.0.1:\(elsewhere.origin.port)/a"
            let text = "HTTP/1.1 \(status) X\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n"
            let server = try ScriptedServer(answering(text))
            let client = HTTPClient(connector: PlainConnector())
            #expect(try await client.answer(.get, server.origin).status == status)
            #expect(server.requests.count == 1 && elsewhere.connections.isEmpty)
            for closed in [server, elsewhere] { closed.close() }
        }
    }

    @Test func `HEAD has no body whatever it says`() async throws {
        try await withServer(answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")) { client, server in
            let response = try await client.answer(HTTPRequest(method: "HEAD", target: "/"), server.origin)
            #expect(response.head.headers["content-length"] == "10")
            #expect(response.bytes.isEmpty)
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", HTTPError.wire(.truncated(.body), .body)),
        ("HTTP/1.1 200 OK\r\nConte", .wire(.truncated(.head), .head)),
        ("", .wire(.closedBeforeResponse, .head)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
            .wire(.truncated(.body), .body)
        ),
    ])
    func `a close before the end is an error, never a short success`(
        text: String,
        error: HTTPError
    ) async throws {
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.send(text)
        } test: { client, server in
            let request = HTTPRequest(method: "POST", target: "/")
            #expect(
                await client.failure(request, server.origin) == error
            )
            #expect(error.fault == .network && error.isRetryable && error.phase?.isBeforeRequest != true)
        }
    }

    @Test func `a reset is the network's fault`() async throws {
        try await withServer { connection in
            // Closing with the request unread makes the kernel answer with a reset.
            try await sleep(for: .milliseconds(20))
        } test: { client, server in
            let error = await client.failure(HTTPRequest(method: "POST", target: "/"), server.origin)
            #expect(error?.fault == .network && error?.isRetryable == true)
        }
    }

    @Test func `an answer that breaks the rules closes the connection and spares the client`() async throws {
        try await withServer { connection in
            while try await connection.request() != nil {
                try await connection.send(connection.index == 0 ? "SSH-2.0-x\r\n" : okay)
            }
        } test: { client, server in
            let error = await client.failure(.get, server.origin)
            #expect(error == .wire(.notHTTP, .head))
            let response = try await client.answer(.get, server.origin)
            #expect(response.status == 200)
            try await server.connections[0].ended.wait(until: soon)
        }
    }

    @Test func `a request that may not be encoded is refused and costs no connection`() async throws {
        try await withServer(answering(okay)) { client, server in
            let bad = HTTPRequest(method: "GET", target: "/", headers: ["x": "a\r\nb"])
            for _ in 0..<3 {
                let error = await client.failure(bad, server.origin)
                #expect(error == .wire(.unencodableRequest(.fieldValue), .request))
                #expect(error?.fault == .ours)
            }
            _ = try await client.answer(.get, server.origin)
            #expect(client.connectionCount == 1)
        }
    }

    @Test func `the signer sees every field and is asked at the moment of sending`() async throws {
        try await withServer(answering(okay)) { client, server in
            var request = HTTPRequest.put(3)
            request.sign = { fields in
                let seen = fields.fields.map(\.name).joined(separator: " ")
                fields.append("x-seen", seen)
            }
            _ = try await client.answer(request, server.origin)
            #expect(server.requests.first?.field("x-seen") == "host content-length accept-encoding")
        }
    }
}
