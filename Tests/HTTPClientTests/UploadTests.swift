// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HTTPWire
import TestSupport
import Testing
import Transport

/// Bodies that are large, unwanted, or both (RFC 9110 section 10.1.1, RFC 9112 section 9.3).
@Suite struct UploadTests {
    private static let refusal = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"
    private static let large = (1 << 20) + 1

    @Test func `a large body is sent after 100 Continue`() async throws {
        try await withServer { connection in
            while let head = try await connection.head() {
                try await connection.send("HTTP/1.1 100 Continue\r\n\r\n")
                #expect(try await connection.body(of: head) == pattern(Self.large))
                try await connection.send(okay)
            }
        } test: { client, server in
            for _ in 0..<2 {
                let response = try await client.answer(.put(Self.large), server.origin)
                #expect(response.status == 200)
            }
            #expect(server.requests.allSatisfy { $0.field("expect") == "100-continue" })
            #expect(server.connections.count == 1)
        }
    }

    @Test func `a large body is not sent after a refusal, and the connection is dropped`() async throws {
        try await withServer { connection in
            _ = try await connection.head()
            try await connection.send(Self.refusal)
            try await connection.waitForEnd()
        } test: { client, server in
            for count in 1...2 {
                let response = try await client.answer(.put(Self.large), server.origin)
                #expect(response.status == 403 && response.bytes == Array("no".utf8))
                try await server.connections[count - 1].ended.wait(until: soon)
            }
            #expect(server.connections.count == 2)
        }
    }

    @Test func `a server that never says continue gets the body after a while`() async throws {
        let request = HTTPRequest.put(Self.large).with { $0.deadlines.expectation = .milliseconds(30) }
        try await withServer(answering(okay)) { client, server in
            let response = try await client.answer(request, server.origin)
            #expect(response.status == 200)
            #expect(server.requests.first?.body == pattern(Self.large))
        }
    }

    @Test func `a server that does not know Expect is asked again without it`() async throws {
        try await withServer { connection in
            while let head = try await connection.head() {
                if head.field("expect") != nil {
                    try await connection.send("HTTP/1.1 417 What\r\nContent-Length: 0\r\n\r\n")
                } else {
                    #expect(try await connection.body(of: head) == pattern(Self.large))
                    try await connection.send(okay)
                }
            }
        } test: { client, server in
            let response = try await client.answer(.put(Self.large), server.origin)
            #expect(response.status == 200)
            #expect(server.requests.map { $0.field("expect") } == ["100-continue", nil])
        }
    }

    @Test func `an early answer to a body that is still being sent is taken, and the connection dropped`()
        async throws
    {
        let request = HTTPRequest.put(32 << 20).with { $0.deadlines.expectation = .milliseconds(1) }
        try await withServer { connection in
            _ = try await connection.head()
            try await sleep(for: .milliseconds(50))
            try await connection.send(Self.refusal)
            try await sleep(for: .seconds(20))
        } test: { client, server in
            let response = try await client.answer(request, server.origin)
            #expect(response.status == 403 && response.bytes == Array("no".utf8))
        }
    }

    @Test func `an answer is found behind a broken pipe`() async throws {
        try await onLoop {
            let stream = BrokenPipe(answer: Self.refusal)
            let connection = HTTPConnection(stream, authority: "h")
            let response = try await connection.exchange(.put(10))
            #expect(response.status == 403)
            #expect(stream.isClosed)
        }
    }

    @Test func `a broken pipe without an answer is an error of sending`() async throws {
        try await onLoop {
            let connection = HTTPConnection(BrokenPipe(answer: ""), authority: "h")
            let error = await connection.failure(.put(10))
            #expect(error == .transport(.truncated, .request))
        }
    }

    @Test func `a large body to a server that hangs up is an error, or its answer, never a hang`()
        async throws
    {
        let request = HTTPRequest.put(16 << 20).with { $0.deadlines.expectation = .milliseconds(1) }
        try await withServer { connection in
            _ = try await connection.head()
            try await sleep(for: .milliseconds(30))
        } test: { client, server in
            let error = await client.failure(request, server.origin)
            #expect(error?.fault == .network && error?.isRetryable == true)
        }
    }

    @Test func `a cancelled upload ends at once`() async throws {
        let request = HTTPRequest.put(32 << 20).with { $0.deadlines.expectation = .milliseconds(1) }
        try await withServer { connection in
            _ = try await connection.head()
            try await sleep(for: .seconds(20))
        } test: { client, server in
            let origin = server.origin
            let upload = spawn {
                await client.failure(request, origin)
            }
            while server.requests.isEmpty { await yieldToOthers() }
            try await sleep(for: .milliseconds(30))
            upload.cancel()
            #expect(await upload.value == .cancelled)
        }
    }
}

/// A stream whose writes fail while an answer waits to be read.
private final class BrokenPipe: ByteStream {
    private var answer: [UInt8]
    private(set) var isClosed = false

    init(answer: String) {
        self.answer = Array(answer.utf8)
    }

    func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        defer { answer = [] }
        return answer
    }

    func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) { throw .truncated }

    func finish(deadline: Deadline) async { close() }

    func close() { isClosed = true }

    var isIdleAndOpen: Bool { !isClosed }
}
