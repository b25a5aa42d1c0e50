// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
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
                $0 == "/livez" ? StatusPage(status: 200, text: "ok\n") : nil
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
        ("GET / HTTP/1.1\r\n\r\n", "404 Not Found", "no such page; there are /livez, /readyz, /metrics\n"),
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

    @Test func `a head without an end is refused before it fills the memory`() async throws {
        try await serving { address in
            let answer = try await Self.answer(["GET /" + String(repeating: "x", count: 9000)], at: address)
            #expect(answer.hasPrefix("HTTP/1.1 431 "))
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
