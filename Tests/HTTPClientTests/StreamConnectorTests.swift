// SPDX-License-Identifier: Apache-2.0

import Encodings
import EventLoop
import HTTPClient
import HTTPWire
import TestSupport
import Testing
import Transport

/// Over TLS, and through a proxy.
@Suite struct StreamConnectorTests {
    /// Runs a test against an `https` server.
    private static func withSecureServer(
        naming names: [String] = ["IP:127.0.0.1"],
        _ script: @escaping ScriptedServer.Script,
        test: @escaping @LoopActor @Sendable (TLSFixture, ScriptedServer) async throws -> Void
    ) async throws {
        try await onLoop {
            let fixture = try TLSFixture.make { $0.names = names }
            let server = try ScriptedServer(tls: fixture.server, script)
            defer { server.close() }
            try await test(fixture, server)
        }
    }

    @LoopActor
    private static func client(_ fixture: TLSFixture, _ proxies: ProxySettings = .direct) -> HTTPClient {
        HTTPClient(connector: StreamConnector(fixture.client, proxies: proxies))
    }

    @Test func `requests go over TLS, and one handshake serves them all`() async throws {
        try await Self.withSecureServer(answering(okay)) { fixture, server in
            let client = Self.client(fixture)
            for _ in 0..<10 {
                let response = try await client.answer(.get, server.secureOrigin)
                #expect(response.bytes == Array("ok".utf8))
            }
            #expect(fixture.server.handshakeCounts == (full: 1, resumed: 0))
            client.close()
        }
    }

    @Test func `connections after the first resume its session`() async throws {
        try await Self.withSecureServer { connection in
            _ = try await connection.request()
            try await connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        } test: { fixture, server in
            let client = Self.client(fixture)
            for _ in 0..<10 { _ = try await client.answer(.get, server.secureOrigin) }
            #expect(fixture.server.handshakeCounts == (full: 1, resumed: 9))
        }
    }

    @Test func `a large body goes both ways over TLS`() async throws {
        try await Self.withSecureServer { connection in
            while let head = try await connection.head() {
                if head.field("expect") != nil { try await connection.send("HTTP/1.1 100 Continue\r\n\r\n") }
                let body = try await connection.body(of: head)
                try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
                try await connection.send(body)
            }
        } test: { fixture, server in
            let client = Self.client(fixture)
            for byteCount in [100_000, 3 << 20] {
                let response = try await client.answer(.put(byteCount), server.secureOrigin)
                #expect(response.bytes == pattern(byteCount))
            }
            client.close()
        }
    }

    @Test func `a server with another name is refused before a byte of the request`() async throws {
        try await Self.withSecureServer(naming: ["DNS:other.test"], answering(okay)) { fixture, server in
            let error = await Self.client(fixture).failure(.get, server.secureOrigin)
            #expect(error?.phase == .handshake && error?.fault == .peer)
            #expect(error?.isRetryable == false && error?.phase?.isBeforeRequest == true)
            #expect(server.requests.isEmpty)
        }
    }

    @Test func `a body without a length is whole only after close_notify`() async throws {
        try await Self.withSecureServer { connection in
            let request = try await connection.request()
            try await connection.send("HTTP/1.1 200 OK\r\n\r\nall of it?")
            if request?.head.contains("/whole") == true { await connection.finish() }
        } test: { fixture, server in
            let client = Self.client(fixture)
            let whole = try await client.answer(
                HTTPRequest(method: "GET", target: "/whole"),
                server.secureOrigin
            )
            #expect(whole.bytes == Array("all of it?".utf8))
            let error = await client.failure(HTTPRequest(method: "GET", target: "/cut"), server.secureOrigin)
            #expect(error == .transport(.truncated, .body))
            #expect(error?.isRetryable == true)
        }
    }

    @Test func `a body with a length needs no close_notify`() async throws {
        try await Self.withSecureServer { connection in
            _ = try await connection.request()
            try await connection.send(okay)
        } test: { fixture, server in
            let client = Self.client(fixture)
            for _ in 0..<3 {
                let response = try await client.answer(.get, server.secureOrigin)
                #expect(response.status == 200)
            }
        }
    }

    @Test func `a handshake that stalls has its own deadline`() async throws {
        try await onLoop {
            let fixture = try TLSFixture.make()
            let silent = try ScriptedServer { connection in try await connection.waitForEnd() }
            defer { silent.close() }
            let request = HTTPRequest.get.with { $0.deadlines.handshake = .milliseconds(50) }
            let error = await Self.client(fixture).failure(request, silent.secureOrigin)
            #expect(error == .deadlinePassed(.handshake))
            #expect(error?.phase?.isBeforeRequest == true && error?.isRetryable == true)
        }
    }

    @LoopActor
    private static func proxied(
        _ fixture: TLSFixture,
        _ proxy: ScriptedServer,
        user: String = ""
    ) throws -> HTTPClient {
        let address = "http://\(user)\(proxy.origin.authority)"
        return client(fixture, try ProxySettings(environment: ["HTTPS_PROXY": address]))
    }

    @Test func `a proxy is asked for a tunnel, and TLS is with the server behind it`() async throws {
        try await Self.withSecureServer(answering(okay)) { fixture, server in
            let origin = server.secureOrigin
            let proxy = try ScriptedServer { connection in
                _ = try await connection.head()
                try await connection.send("HTTP/1.1 200 Established\r\nContent-Length: 5\r\n\r\n")
                try await connection.relay(to: origin)
            }
            defer { proxy.close() }
            let client = try Self.proxied(fixture, proxy, user: "us%3Aer:p%40ss@")
            for _ in 0..<3 {
                let response = try await client.answer(.get, origin)
                #expect(response.bytes == Array("ok".utf8))
            }
            let asked = try #require(proxy.requests.first)
            let name = "\(origin.host):\(origin.port)"
            #expect(asked.head.hasPrefix("CONNECT \(name) HTTP/1.1\r\nhost: \(name)\r\n"))
            let credentials = Base64.encode(Array("us:er:p@ss".utf8))
            #expect(asked.field("proxy-authorization") == "Basic \(credentials)")
            #expect(proxy.requests.count == 1 && server.requests.count == 3)
            #expect(server.requests.allSatisfy { $0.field("proxy-authorization") == nil })
            client.close()
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 407 Who\r\nContent-Length: 3\r\n\r\nwho", HTTPError.proxyRefused(status: 407), false),
        ("HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", .proxyRefused(status: 502), true),
        ("SOCKS", .wire(.notHTTP, .proxy), false), ("", .wire(.closedBeforeResponse, .proxy), true),
    ])
    func `a proxy that makes no tunnel is an error of the proxy`(
        text: String,
        expected: HTTPError,
        isRetryable: Bool
    ) async throws {
        try await onLoop {
            let fixture = try TLSFixture.make()
            let proxy = try ScriptedServer { connection in
                _ = try await connection.head()
                try await connection.send(text)
            }
            defer { proxy.close() }
            let client = try Self.proxied(fixture, proxy)
            let error = await client.failure(.get, HTTPOrigin(scheme: .https, host: "localhost"))
            #expect(error == expected)
            #expect(
                error?.isRetryable == isRetryable && error?.phase?.isBeforeRequest == true
                    && error?.phase == .proxy
            )
            try await proxy.connections[0].ended.wait(until: soon)
        }
    }

    @Test func `a proxy that says nothing has the handshake's deadline`() async throws {
        try await onLoop {
            let fixture = try TLSFixture.make()
            let proxy = try ScriptedServer { connection in try await connection.waitForEnd() }
            defer { proxy.close() }
            let request = HTTPRequest.get.with { $0.deadlines.handshake = .milliseconds(50) }
            let client = try Self.proxied(fixture, proxy)
            let error = await client.failure(request, HTTPOrigin(scheme: .https, host: "localhost"))
            #expect(error == .deadlinePassed(.proxy))
        }
    }
}
