// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HTTPWire
import TestSupport
import Testing
import Transport

/// Where the body of an answer goes, and how much of it is taken.
@Suite struct ResponseBodyTests {
    private static func answer(_ byteCount: Int, status: Int = 200) -> ScriptedServer.Script {
        { connection in
            while try await connection.request() != nil {
                try await connection.send("HTTP/1.1 \(status) X\r\nContent-Length: \(byteCount)\r\n\r\n")
                try await connection.send(pattern(byteCount))
            }
        }
    }

    @Test func `a body over the cap is refused by its length, or as soon as it passes it`() async throws {
        let small = HTTPRequest.get.with { $0.bodyBytesMax = 1000 }
        try await withServer(Self.answer(1001)) { client, server in
            let error = await client.failure(small, server.origin)
            #expect(error == .wire(.bodyTooLarge(bytesMax: 1000), .head))
            #expect(error?.isRetryable == false)
        }
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.send("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
            while true { try await connection.send("64\r\n" + String(repeating: "a", count: 100) + "\r\n") }
        } test: { client, server in
            let error = await client.failure(small, server.origin)
            #expect(error == .wire(.bodyTooLarge(bytesMax: 1000), .body))
        }
        try await withServer(Self.answer(1000)) { client, server in
            let response = try await client.answer(small, server.origin)
            #expect(response.bytes == pattern(1000))
        }
    }

    @Test func `of a failure's body the beginning is kept, whatever the cap, and the status always`()
        async throws
    {
        let request = HTTPRequest.get.with { $0.bodyBytesMax = 10 }
        try await withServer(Self.answer(1000, status: 503)) { client, server in
            let response = try await client.answer(request, server.origin)
            #expect(response.status == 503 && response.bytes == pattern(1000) && !response.isCutShort)
        }
        try await withServer(Self.answer(300_000, status: 503)) { client, server in
            for _ in 0..<2 {
                let response = try await client.answer(request, server.origin)
                #expect(response.status == 503 && response.isCutShort)
                #expect(response.bytes == Array(pattern(300_000).prefix(256 * 1024)))
            }
            #expect(server.connections.count == 2)
        }
    }

    @Test func `a large body is handed on in pieces and not gathered`() async throws {
        let byteCount = 5 << 20
        try await withServer(Self.answer(byteCount)) { client, server in
            let sink = Sink()
            var request = HTTPRequest.get.with { $0.bodyBytesMax = byteCount }
            request.bodyUse = .stream { piece in await sink.take(piece) }
            let response = try await client.answer(request, server.origin)
            #expect(response.bytes.isEmpty)
            #expect(sink.bytes == pattern(byteCount))
            #expect(sink.longest <= 64 * 1024)
        }
    }

    @Test func `a failure's body is not handed on as if it were the object`() async throws {
        try await withServer(Self.answer(20, status: 404)) { client, server in
            var request = HTTPRequest.get
            request.bodyUse = .stream { _ in Issue.record("the sink is for successful answers") }
            let response = try await client.answer(request, server.origin)
            #expect(response.bytes == pattern(20))
        }
    }

    @Test func `a body above the threshold goes to a file, one below stays in memory`() async throws {
        for (byteCount, isSpooled) in [(1000, false), (1001, true), (300_000, true)] {
            try await withServer(Self.answer(byteCount)) { client, server in
                let request = HTTPRequest.get.with { $0.bodyUse = .spool(above: 1000) }
                let body = try await client.answer(request, server.origin).body
                #expect(body.memoryByteCount == (isSpooled ? 0 : byteCount))
                #expect(body.byteCount == byteCount)
                #expect(try body.bytes(at: 0, upTo: byteCount) == pattern(byteCount))
            }
        }
    }

    @Test func `a sink that fails ends the exchange with its error`() async throws {
        try await withServer(Self.answer(100_000)) { client, server in
            var request = HTTPRequest.get
            request.bodyUse = .stream { _ throws(TransportError) in throw .truncated }
            let sent = request
            let error = await client.failure(sent, server.origin)
            #expect(error == .transport(.truncated, .body))
        }
    }
}

@LoopActor
private final class Sink {
    private(set) var bytes: [UInt8] = []
    private(set) var longest = 0

    nonisolated init() {}

    func take(_ piece: [UInt8]) async {
        longest = max(longest, piece.count)
        await yieldToOthers()
        bytes += piece
    }
}
