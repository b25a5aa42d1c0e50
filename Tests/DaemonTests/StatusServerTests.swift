// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import HTTPWire
import Logging
import TestSupport
import Testing
import Transport

@testable import Daemon

@Suite(.timeLimit(.minutes(1))) struct StatusServerTests {
    /// Has `body` talk to a server with one page, /livez.
    private func serving(
        _ body: @escaping @LoopActor @Sendable (SocketAddress) async throws -> Void
    ) async throws {
        try await onLoop {
            let server = try await StatusServer(
                at: .tcp(host: "127.0.0.1", port: 0),
                log: RecordedLog().logger
            ) {
                path,
                _ in
                path == "/livez" ? StatusPage(status: 200, text: "ok\n") : nil
            }
            let work = spawn { await server.run() }
            do { try await body(server.address) } catch {
                work.cancel()
                throw error
            }
            work.cancel()
            await work.value
        }
    }

    /// Everything that the server answers to the pieces of a request.
    @LoopActor
    private static func answer(_ pieces: [String], at address: SocketAddress) async throws -> String {
        let stream = try await connectTCP(to: [address], deadline: soon)
        defer { stream.close() }
        for piece in pieces {
            try await stream.write(Array(piece.utf8), deadline: soon)
            await yieldToOthers()
        }
        return String(decoding: try await readToEnd(stream), as: UTF8.self)
    }

    @Test(arguments: [
        ("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "ok\n"),
        ("GET /livez?verbose HTTP/1.0\r\n\r\n", "200 OK", "ok\n"),
        ("GET /livez HTTP/1.1\n\n", "200 OK", "ok\n"),
        ("HEAD /livez HTTP/1.1\r\n\r\n", "200 OK", ""),
        (
            "GET / HTTP/1.1\r\n\r\n", "404 Not Found",
            "no such page; there are /, /livez, /readyz, /metrics, /status.json, /history.json\n"
        ),
        ("POST /livez HTTP/1.1\r\n\r\n", "405 Method Not Allowed", "only GET and HEAD are answered\n"),
        ("hello\r\n\r\n", "400 Bad Request", "this is no HTTP request\n"),
        ("GET /livez\r\n\r\n", "400 Bad Request", "this is no HTTP request\n"),
        ("GET  /livez HTTP/2\r\n\r\n", "400 Bad Request", "this is no HTTP request\n"),
        ("\r\n\r\n", "400 Bad Request", "this is no HTTP request\n"),
    ])
    func `each request has its answer, whole or byte by byte`(
        _ request: String,
        _ status: String,
        _ text: String
    ) async throws {
        try await serving { address in
            for pieces in [[request], request.unicodeScalars.map { String($0) }] {
                let answer = try await Self.answer(pieces, at: address)
                #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n"))
                #expect(answer.hasSuffix("\r\n\r\n\(text)"))
            }
        }
    }

    @Test(arguments: [
        ("127.0.0.1:9100", true), ("[::1]:9100", true), ("localhost:9100", true), ("LOCALHOST.", true),
        ("10.1.2.3", true), ("scaler-oci-hpc:9100", true), ("a.svc.cluster.local", true), ("", true),
        ("a.ns.svc", false), ("a.ns", false),
        ("node.example.com:9100", true), ("NODE.example.com", true), ("evil.example.com:9100", false),
        ("evil.example.com", false), ("127.0.0.1.evil.example.com", false), ("[evil.example.com]", false),
        ("local.evil.example.com", false), ("evilnode.example.com", false),
        ("node.example.com.evil.com", false),
    ])
    func `a name that a stranger can own is not answered`(_ host: String, _ isOurs: Bool) async throws {
        #expect(StatusHosts(ownNames: ["Node.example.com"]).admit(host) == isOurs)
        guard host.lowercased() != "node.example.com" && host != "node.example.com:9100" else { return }
        try await serving { address in
            let fields = "User-Agent: x\r\nhOST : y\r\nhost:\t\(host) \r\n"
            for method in ["GET", "HEAD"] {
                let answer = try await Self.answer(
                    ["\(method) /livez HTTP/1.1\r\n\(fields)\r\n"],
                    at: address
                )
                #expect(answer.hasPrefix("HTTP/1.1 \(isOurs ? "200 OK" : "421 Misdirected Request")\r\n"))
            }
        }
    }

    @Test func `of several names each must be ours`() async throws {
        try await serving { address in
            let fields = "Host: localhost\r\nHost: evil.example.com\r\n"
            let answer = try await Self.answer(["GET /livez HTTP/1.1\r\n\(fields)\r\n"], at: address)
            #expect(answer.hasPrefix("HTTP/1.1 421 "))
        }
    }

    @Test func `no page is made before the head is whole`() async throws {
        try await onLoop {
            let server = try await StatusServer(
                at: .tcp(host: "127.0.0.1", port: 0),
                log: RecordedLog().logger
            ) { path, _ in StatusPage(status: 200, text: path) }
            let work = spawn { await server.run() }
            let slow = try await connectTCP(to: [server.address], deadline: soon)
            try await slow.write(Array("GET /slow HTTP/1.1\r\nHost: x\r\n".utf8), deadline: soon)
            // It came later and is answered, so the other was read and has none.
            let quick = try await Self.answer(["GET /quick HTTP/1.1\r\n\r\n"], at: server.address)
            #expect(quick.hasSuffix("/quick"))
            let early = try? await slow.read(upTo: 1, deadline: .after(.milliseconds(1)))
            #expect(early == nil)
            try await slow.write(Array("\r\n".utf8), deadline: soon)
            #expect(String(decoding: try await readToEnd(slow), as: UTF8.self).hasSuffix("/slow"))
            work.cancel()
            await work.value
        }
    }

    @Test func `a head without an end is refused before it fills the memory`() async throws {
        try await serving { address in
            let answer = try await Self.answer(["GET /" + String(repeating: "x", count: 9000)], at: address)
            #expect(answer.hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func `a probe is answered although a hundred others come right behind it`() async throws {
        try await onLoop {
            let server = try await StatusServer(
                at: .tcp(host: "127.0.0.1", port: 0),
                log: RecordedLog().logger
            ) { path, _ in StatusPage(status: 200, text: path) }
            // All of them wait before the server sees the first.
            let probe = try await connectTCP(to: [server.address], deadline: soon)
            try await probe.write(Array("GET /livez HTTP/1.1\r\n\r\n".utf8), deadline: soon)
            var others: [TCPStream] = []
            for _ in 0..<100 { others.append(try await connectTCP(to: [server.address], deadline: soon)) }
            let work = spawn { await server.run() }
            let answer = String(decoding: try await readToEnd(probe), as: UTF8.self)
            #expect(answer.hasSuffix("/livez"))
            for stream in others { stream.close() }
            work.cancel()
            await work.value
        }
    }

    @Test func `connections that say nothing keep no probe from its answer`() async throws {
        try await serving { address in
            var silent: [TCPStream] = []
            for _ in 0..<(3 * StatusServer.connectionCountMax) {
                silent.append(try await connectTCP(to: [address], deadline: soon))
            }
            let answer = try await Self.answer(["GET /livez HTTP/1.1\r\n\r\n"], at: address)
            #expect(answer.hasSuffix("ok\n"))
            // The oldest had to make room.
            #expect(try await silent[0].read(upTo: 1, deadline: soon).isEmpty)
            for stream in silent { stream.close() }
        }
    }
}
