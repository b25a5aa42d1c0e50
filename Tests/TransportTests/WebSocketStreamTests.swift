// SPDX-License-Identifier: Apache-2.0

import Encodings
import EventLoop
import TestSupport
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct WebSocketStreamTests {
    @Test func `bytes go both ways, and a message in fragments is one stream`() async throws {
        try await onLoop {
            let (client, server) = try await upgradedPair()
            try await client.write([1, 2, 3], deadline: soon)
            #expect(try await nextFrame(server) == Frame(0x82, [1, 2, 3]))
            try await server.write([0x02, 2, 10], deadline: soon)
            #expect(try await client.read(upTo: 100, deadline: soon) == [10])
            try await server.write([11, 0x89, 0, 0x80, 1, 12], deadline: soon)
            #expect(try await client.read(upTo: 1, deadline: soon) == [11])
            #expect(try await client.read(upTo: 1, deadline: soon) == [12])
            #expect(try await nextFrame(server) == Frame(0x8A, []))
            client.close()
        }
    }

    @Test func `a ping is answered while nothing is written, with its own bytes`() async throws {
        try await onLoop {
            let (client, server) = try await upgradedPair()
            try await server.write([0x89, 2, 7, 8, 0x82, 1, 5], deadline: soon)
            #expect(try await client.read(upTo: 100, deadline: soon) == [5])
            #expect(try await nextFrame(server) == Frame(0x8A, [7, 8]))
            client.close()
        }
    }

    @Test func `a close frame is answered by one, and is an end of the stream`() async throws {
        try await onLoop {
            let (client, server) = try await upgradedPair()
            try await server.write([0x82, 1, 5, 0x88, 2, 3, 0xE8], deadline: soon)
            #expect(try await client.read(upTo: 100, deadline: soon) == [5])
            #expect(try await client.read(upTo: 100, deadline: soon).isEmpty)
            #expect(try await client.read(upTo: 100, deadline: soon).isEmpty)
            #expect(try await nextFrame(server) == Frame(0x88, [3, 0xE8]))
            client.close()
        }
    }

    @Test func `an end without a close frame is an end of the stream, too`() async throws {
        try await onLoop {
            let (client, server) = try await upgradedPair()
            server.close()
            #expect(try await client.read(upTo: 100, deadline: soon).isEmpty)
            client.close()
        }
    }

    @Test func `an end from this side says close, and then nothing`() async throws {
        try await onLoop {
            let (client, server) = try await upgradedPair()
            let finishing = spawn { await client.finish(deadline: soon) }
            #expect(try await nextFrame(server) == Frame(0x88, []))
            #expect(try await server.read(upTo: 100, deadline: soon).isEmpty)
            server.close()
            await finishing.value
            await #expect(throws: TransportError.closed) { try await client.write([1], deadline: soon) }
        }
    }

    @Test func `large writes are cut into frames that a server can hold`() async throws {
        try await onLoop {
            let (client, server) = try await upgradedPair()
            let bytes = patternBytes(200_000)
            let writing = spawn { try? await client.write(bytes, deadline: soon) }
            var received: [UInt8] = []
            while received.count < bytes.count {
                let frame = try await nextFrame(server)
                #expect(frame.payload.count <= 65536)
                received += frame.payload
            }
            #expect(received == bytes)
            await writing.value
            client.close()
        }
    }

    @Test func `a peer that only pings does not keep a reader beyond its deadline, and nothing piles up`()
        async throws
    {
        try await onLoop {
            let (client, server) = try await upgradedPair()
            let flooding = spawn { () async -> Bool in
                while true {
                    let pings = Array(repeatElement([0x89, 1, 1] as [UInt8], count: 20_000).joined())
                    do { try await server.write(pings, deadline: soon) } catch { return true }
                }
            }
            await #expect(throws: TransportError.deadlinePassed(.read)) {
                _ = try await client.read(upTo: 32768, deadline: .after(.milliseconds(100)))
            }
            client.close()
            #expect(await flooding.value)
        }
    }

    @Test func `a breach of the protocol is a failure of the peer`() async throws {
        try await onLoop {
            let (client, server) = try await upgradedPair()
            try await server.write([0x82, 0x80], deadline: soon)
            await #expect(throws: TransportError.webSocket(.masked)) {
                _ = try await client.read(upTo: 100, deadline: soon)
            }
            #expect(TransportError.webSocket(.masked).fault == .peer)
            client.close()
        }
    }

    @Test func `a server that does not switch protocols is refused, and left`() async throws {
        try await onLoop {
            let (plain, server) = try await connectedPair()
            try await server.write(Array("HTTP/1.1 404 Not Found\r\n\r\n".utf8), deadline: soon)
            await #expect(throws: TransportError.webSocket(.refused(status: "404"))) {
                _ = try await WebSocketStream.connect(
                    over: plain,
                    host: "h",
                    port: 1,
                    path: "/",
                    deadline: soon
                )
            }
            await #expect(throws: TransportError.closed) { try await plain.write([1], deadline: soon) }
        }
    }
}

/// A client's frame, without its mask.
private struct Frame: Equatable {
    let first: UInt8
    let payload: [UInt8]

    init(_ first: UInt8, _ payload: [UInt8]) { (self.first, self.payload) = (first, payload) }
}

/// The next frame of a client, read by hand.
@LoopActor
private func nextFrame(_ server: TCPStream) async throws -> Frame {
    let head = try await readExactly(server, 2)
    try #require(head[1] & 0x80 != 0)
    var count = Int(head[1] & 0x7F)
    if count >= 126 {
        count = try await readExactly(server, count == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
    }
    let key = try await readExactly(server, 4)
    let masked = try await readExactly(server, count)
    return Frame(head[0], masked.enumerated().map { $1 ^ key[$0 & 3] })
}

/// A client and the socket of a server that has agreed to frames.
@LoopActor
private func upgradedPair() async throws -> (client: WebSocketStream, server: TCPStream) {
    let (plain, server) = try await connectedPair()
    let connecting = spawn { () async -> WebSocketStream? in
        try? await WebSocketStream.connect(over: plain, host: "h", port: 1, path: "/", deadline: soon)
    }
    var request = ""
    while !request.hasSuffix("\r\n\r\n") {
        request += String(decoding: try await server.read(upTo: 4096, deadline: soon), as: UTF8.self)
    }
    let line = try #require(request.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") })
    let digested = line.dropFirst("Sec-WebSocket-Key: ".count) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    let accept = Base64.encode(DigestAlgorithm.sha1.digest(Array(digested.utf8)))
    let answer =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: \(accept)\r\n\r\n"
    try await server.write(Array(answer.utf8), deadline: soon)
    return (try #require(await connecting.value), server)
}
