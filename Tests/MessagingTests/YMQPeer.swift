// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

/// A binder of one connection, by hand: what it sends and reads are plain bytes.
@LoopActor
final class YMQPeer {
    private let listener: TCPListener
    let endpoint: Endpoint

    init() throws {
        listener = try loopbackListener()
        endpoint = .tcp(host: "127.0.0.1", port: try #require(listener.address.port))
    }

    /// Takes the next connection and sends `greeting` at once.
    func accept(_ greeting: [UInt8] = YMQFraming.hello(.two, identity: [9])) async throws -> TCPStream {
        let stream = try await listener.accept(deadline: soon)
        if !greeting.isEmpty { try await stream.write(greeting, deadline: soon) }
        return stream
    }
}

/// Both ends of a connection whose greetings are done.
@LoopActor
func connectedYMQ(limits: YMQLimits = YMQLimits()) async throws -> (YMQConnection, TCPStream) {
    let peer = try YMQPeer()
    let accepting = spawn { try? await peer.accept() }
    let link = try await YMQConnection.connect(
        to: peer.endpoint,
        identity: Array("me".utf8),
        limits: limits,
        deadline: soon
    )
    let stream = try #require(await accepting.value)
    #expect(try await readExactly(stream, 14) == YMQFraming.hello(.two, identity: Array("me".utf8)))
    return (link, stream)
}

/// The next `byteCount` bytes of a stream.
@LoopActor
func readExactly(_ stream: TCPStream, _ byteCount: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
        let more = try await stream.read(upTo: byteCount - bytes.count, deadline: soon)
        try #require(!more.isEmpty, "the stream ended after \(bytes.count) of \(byteCount) bytes")
        bytes += more
    }
    return bytes
}

/// All bytes to the end of a stream; throws when that is a reset.
@LoopActor
func readToEnd(_ stream: TCPStream) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
        let more = try await stream.read(upTo: 1 << 20, deadline: soon)
        if more.isEmpty { return bytes }
        bytes += more
    }
}

/// A message as it stands on the wire.
func frame(_ message: [UInt8]) -> [UInt8] {
    YMQFraming.header(byteCount: message.count) + message
}
