// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HTTPWire
import TestSupport
import Testing
import Transport

/// Connections over many requests.
@Suite struct HTTPClientTests {
    @Test func `requests in turn share one connection`() async throws {
        try await withServer(answering(okay)) { client, server in
            for _ in 0..<20 { _ = try await client.answer(.get, server.origin) }
            #expect(server.connections.count == 1)
            #expect(client.replayCount == 0 && client.connectionCount == 1)
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", okay + "extra",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ])
    func `a connection that may not be used again is not, and its answer is kept`(text: String) async throws {
        try await withServer(answering(text)) { client, server in
            for _ in 0..<3 {
                let response = try await client.answer(.get, server.origin)
                #expect(response.bytes == Array("ok".utf8))
            }
            #expect(server.connections.count == 3)
            #expect(client.replayCount == 0)
        }
    }

    @Test func `bytes that come after an answer spoil the idle connection`() async throws {
        try await withServer { connection in
            while try await connection.request() != nil {
                try await connection.send(okay)
                try await sleep(for: .milliseconds(5))
                try await connection.send(okay)
            }
        } test: { client, server in
            for _ in 0..<3 {
                _ = try await client.answer(.get, server.origin)
                try await sleep(for: .milliseconds(30))
            }
            #expect(server.connections.count == 3 && client.replayCount == 0)
        }
    }

    @Test func `an idle connection that the server closed is noticed before it is used`() async throws {
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.send(okay)
            // Not at once, or the client would see the close before the connection is idle.
            try await sleep(for: .milliseconds(20))
        } test: { client, server in
            for count in 1...3 {
                _ = try await client.answer(HTTPRequest(method: "POST", target: "/"), server.origin)
                try await server.connections[count - 1].ended.wait(until: soon)
                try await sleep(for: .milliseconds(5))
            }
            #expect(client.replayCount == 0 && client.connectionCount == 3)
        }
    }

    /// Answers once on each connection, takes the next request, and closes without a word.
    private static let closeRace: ScriptedServer.Script = { connection in
        _ = try await connection.request()
        try await connection.send(okay)
        _ = try await connection.request()
    }

    @Test(arguments: [("GET", nil), ("DELETE", nil), ("PUT", nil), ("POST", true)] as [(String, Bool?)])
    func `the close race is won by sending once more, if that is allowed`(
        method: String,
        isReplayable: Bool?
    ) async throws {
        try await withServer(Self.closeRace) { client, server in
            let request = HTTPRequest(method: method, target: "/", isReplayable: isReplayable)
            for _ in 0..<3 {
                let response = try await client.answer(request, server.origin)
                #expect(response.status == 200)
            }
            #expect(client.replayCount == 2)
        }
    }

    @Test func `a request that is neither idempotent nor carries a token is not sent twice`() async throws {
        try await withServer(Self.closeRace) { client, server in
            let request = HTTPRequest(method: "POST", target: "/")
            _ = try await client.answer(request, server.origin)
            let error = await client.failure(request, server.origin)
            #expect(error == .wire(.closedBeforeResponse, .head))
            #expect(client.replayCount == 0 && server.requests.count == 2)
        }
    }

    @Test func `a new connection that closes without a word is an error at once`() async throws {
        try await withServer { connection in
            _ = try await connection.request()
        } test: { client, server in
            let error = await client.failure(.get, server.origin)
            #expect(error == .wire(.closedBeforeResponse, .head))
            #expect(server.requests.count == 1)
        }
    }

    @Test func `the second loss in a row is an error`() async throws {
        try await withServer { connection in
            _ = try await connection.request()
            if connection.index == 0 {
                try await connection.send(okay)
                _ = try await connection.request()
            }
        } test: { client, server in
            _ = try await client.answer(.get, server.origin)
            let error = await client.failure(.get, server.origin)
            #expect(error == .wire(.closedBeforeResponse, .head))
            #expect(server.requests.count == 3 && client.replayCount == 1)
        }
    }

    @Test func `an answer that began is not asked for again`() async throws {
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.send(okay)
            _ = try await connection.request()
            try await connection.send("H")
        } test: { client, server in
            _ = try await client.answer(.get, server.origin)
            let error = await client.failure(.get, server.origin)
            #expect(error == .wire(.truncated(.head), .head))
            #expect(client.replayCount == 0)
        }
    }

    @Test func `an answer that began before the connection broke is not asked for again`() async throws {
        try await onLoop {
            let connector = BreakingConnector()
            let client = HTTPClient(connector: connector)
            let origin = HTTPOrigin(scheme: .http, host: "h")
            _ = try await client.request(.get, to: origin)
            let error = await client.failure(.get, origin)
            #expect(error == .transport(.truncated, .head))
            #expect(client.replayCount == 0 && client.connectionCount == 1)
        }
    }

    @Test func `at most that many connections at a time, and requests are answered in the order they came`()
        async throws
    {
        try await withServer(connectionsPerHostMax: 3, answering(okay)) { client, server in
            let origin = server.origin
            let arrived = Mailbox<Int>()
            for index in 0..<30 {
                spawn {
                    let target = "/\(index)"
                    _ = await client.failure(HTTPRequest(method: "GET", target: target), origin)
                    arrived.send(index)
                }
            }
            var order: [Int] = []
            while order.count < 30 { order.append(try await arrived.receive(until: soon)) }
            #expect(server.connections.count == 3)
            // Three at a time may overtake one another, no more.
            #expect(order.enumerated().allSatisfy { abs($0.offset - $0.element) <= 2 }, "\(order)")
        }
    }

    @Test func `a cancelled request closes its connection and frees its place at once`() async throws {
        try await withServer(connectionsPerHostMax: 1) { connection in
            while try await connection.request() != nil {
                if connection.index > 0 { try await connection.send(okay) }
            }
        } test: { client, server in
            let origin = server.origin
            let stuck = spawn {
                await client.failure(.get, origin)
            }
            while server.requests.isEmpty { await yieldToOthers() }
            let leaving = spawn {
                await client.failure(.get, origin)
            }
            let waiting = spawn {
                await client.failure(.get, origin)
            }
            await yieldToOthers()
            leaving.cancel()
            #expect(await leaving.value == .cancelled)
            stuck.cancel()
            #expect(await stuck.value == .cancelled)
            #expect(await waiting.value == nil)
            try await server.connections[0].ended.wait(until: soon)
            #expect(server.connections.count == 2)
        }
    }

    @Test func `a place granted to a request that is cancelled in the same turn goes to the next`()
        async throws
    {
        try await withServer(connectionsPerHostMax: 1) { connection in
            while let request = try await connection.request() {
                if request.head.contains("/first") { try await sleep(for: .milliseconds(20)) }
                try await connection.send(okay)
            }
        } test: { client, server in
            let origin = server.origin
            let all = (0..<6).map { index in
                spawn {
                    let target = index == 0 ? "/first" : "/\(index)"
                    return await client.failure(HTTPRequest(method: "GET", target: target), origin)
                }
            }
            _ = await all[0].value
            for index in [1, 2, 3] { all[index].cancel() }
            #expect(await all[4].value == nil)
            #expect(await all[5].value == nil)
            #expect(server.connections.count <= 2)
        }
    }

    @Test func `idle connections are closed after their time, or the server's`() async throws {
        try await withServer(idleTime: .milliseconds(50), answering(okay)) { client, server in
            _ = try await client.answer(.get, server.origin)
            try await server.connections[0].ended.wait(until: soon)
        }
        let hurried = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok"
        try await withServer(answering(hurried)) { client, server in
            for _ in 0..<2 { _ = try await client.answer(.get, server.origin) }
            try await server.connections[1].ended.wait(until: soon)
            #expect(client.connectionCount == 2)
        }
    }

    @Test func `a closed client refuses requests and lets those under way end`() async throws {
        try await withServer { connection in
            _ = try await connection.request()
            try await sleep(for: .milliseconds(20))
            try await connection.send(okay)
            try await connection.waitForEnd()
        } test: { client, server in
            let origin = server.origin
            let underWay = spawn {
                await client.failure(.get, origin)
            }
            while server.requests.isEmpty { await yieldToOthers() }
            client.close()
            #expect(
                await client.failure(.get, origin)
                    == .clientClosed
            )
            #expect(await underWay.value == nil)
            try await server.connections[0].ended.wait(until: soon)
        }
    }

    @Test func `a host that refuses connections is an error before the request, and keeps no place`()
        async throws
    {
        try await onLoop {
            let listener = try loopbackListener()
            let origin = HTTPOrigin(scheme: .http, host: "127.0.0.1", port: listener.address.port)
            listener.close()
            let client = HTTPClient(connector: PlainConnector(), connectionsPerHostMax: 1)
            for _ in 0..<3 {
                let error = await client.failure(.get, origin)
                #expect(
                    error?.phase == .connect && error?.phase?.isBeforeRequest == true
                        && error?.isRetryable == true
                )
            }
        }
    }
}

/// Opens streams that answer one request, and break one byte into the answer to the next.
private final class BreakingConnector: Connector {
    private final class BreakingStream: ByteStream {
        private var reads = [Array(okay.utf8), [UInt8(ascii: "H")]][...]

        func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
            guard let next = reads.popFirst() else { throw .truncated }
            return next
        }

        func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {}

        func finish(deadline: Deadline) async {}

        func close() {}

        var isIdleAndOpen: Bool { true }
    }

    func connect(
        to origin: HTTPOrigin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream {
        BreakingStream()
    }
}
