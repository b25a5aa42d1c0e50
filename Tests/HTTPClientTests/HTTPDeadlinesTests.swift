// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HTTPWire
import TestSupport
import Testing
import Transport

/// Servers that stall, in each phase.
@Suite struct HTTPDeadlinesTests {
    private static let noHead = HTTPRequest.get.with { $0.deadlines.head = .milliseconds(60) }
    private static let noBody = HTTPRequest.get.with { $0.deadlines.progress = .milliseconds(200) }

    private static func expect(
        _ expected: HTTPPhase,
        _ script: @escaping ScriptedServer.Script,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await withServer(script) { client, server in
            let error = await client.failure(expected == .head ? noHead : noBody, server.origin)
            #expect(error == .deadlinePassed(expected), sourceLocation: sourceLocation)
            #expect(error?.isRetryable == true && error?.fault == .network, sourceLocation: sourceLocation)
            try await server.connections[0].ended.wait(until: soon)
        }
    }

    @Test func `no answer`() async throws {
        try await Self.expect(.head) { connection in try await connection.waitForEnd() }
    }

    @Test func `a head that comes a byte at a time has one deadline in all`() async throws {
        try await Self.expect(.head) { connection in
            _ = try await connection.request()
            for byte in "HTTP/1.1 200 OK\r\nX: ".utf8 {
                try await connection.send([byte])
                try await sleep(for: .milliseconds(10))
            }
        }
    }

    @Test func `interim answers do not buy time`() async throws {
        try await Self.expect(.head) { connection in
            _ = try await connection.request()
            for _ in 0..<9 {
                try await connection.send("HTTP/1.1 102 Processing\r\n\r\n")
                try await sleep(for: .milliseconds(20))
            }
        }
    }

    @Test func `a body that stops`() async throws {
        try await Self.expect(.body) { connection in
            _ = try await connection.request()
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            try await connection.waitForEnd()
        }
    }

    @Test func `a body that comes a byte at a time does not count as progress`() async throws {
        try await Self.expect(.body) { connection in
            _ = try await connection.request()
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            for byte in pattern(100) {
                try await connection.send([byte])
                try await sleep(for: .milliseconds(10))
            }
        }
    }

    @Test func `a body that makes progress may take longer than one window`() async throws {
        let request = HTTPRequest.get.with {
            $0.deadlines.progress = .seconds(3)
            $0.deadlines.progressBytesMin = 10
        }
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
            for _ in 0..<20 {
                try await sleep(for: .milliseconds(160))
                try await connection.send(pattern(10))
            }
        } test: { client, server in
            let response = try await client.answer(request, server.origin)
            #expect(response.bytes.count == 200)
        }
    }

    @Test func `a server that does not read`() async throws {
        let request = HTTPRequest.put(16 << 20).with {
            $0.deadlines.head = .seconds(20)
            $0.deadlines.progress = .milliseconds(100)
            $0.deadlines.expectation = .milliseconds(1)
        }
        try await withServer { connection in
            try await sleep(for: .seconds(20))
        } test: { client, server in
            let start = Deadline.now
            let error = await client.failure(request, server.origin)
            #expect(error == .deadlinePassed(.request))
            // Without waiting for an answer that cannot come.
            #expect(Deadline.now.duration(since: start) < .seconds(10))
        }
    }

    @Test func `the caller's own deadline holds in every phase`() async throws {
        for sent in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"] {
            try await withServer(connectionsPerHostMax: 1) { connection in
                _ = try await connection.request()
                try await connection.send(sent)
                try await connection.waitForEnd()
            } test: { client, server in
                let origin = server.origin
                let first = spawn {
                    await client.failure(.get.with { $0.deadline = .after(.milliseconds(400)) }, origin)
                }
                let second = spawn {
                    await client.failure(.get.with { $0.deadline = .after(.milliseconds(100)) }, origin)
                }
                #expect(await first.value == .deadlinePassed(sent.isEmpty ? .head : .body))
                #expect(await second.value == .deadlinePassed(.queue))
                #expect(await second.value?.phase?.isBeforeRequest == true)
            }
        }
    }
}
