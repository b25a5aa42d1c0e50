// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Messaging
package import Transport

/// A binder of one connection, by hand: what it sends and reads are plain bytes.
@LoopActor
package final class YMQPeer {
    private let listener: TCPListener
    package let endpoint: Endpoint

    /// Listens on a port of its own.
    package init() throws {
        listener = try loopbackListener()
        guard let port = listener.address.port else { preconditionFailure("it listens on TCP") }
        endpoint = .tcp(host: "127.0.0.1", port: port)
    }

    /// Listens no more.
    package func close() {
        listener.close()
    }

    /// Takes the next connection and sends `greeting` at once.
    package func accept(_ greeting: [UInt8] = YMQFraming.hello(.two, identity: [9])) async throws -> TCPStream
    {
        let stream = try await listener.accept(deadline: soon)
        if !greeting.isEmpty { try await stream.write(greeting, deadline: soon) }
        return stream
    }
}

/// A stream ended before all the bytes came that a test wanted.
package struct EndedEarly: Error {
    let byteCount: Int
    let expected: Int
}

/// The next `byteCount` bytes of a stream.
@LoopActor
package func readExactly(_ stream: TCPStream, _ byteCount: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
        let more = try await stream.read(upTo: byteCount - bytes.count, deadline: soon)
        if more.isEmpty { throw EndedEarly(byteCount: bytes.count, expected: byteCount) }
        bytes += more
    }
    return bytes
}

/// All bytes to the end of a stream; throws when that is a reset.
@LoopActor
package func readToEnd(_ stream: TCPStream) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
        let more = try await stream.read(upTo: 1 << 20, deadline: soon)
        if more.isEmpty { return bytes }
        bytes += more
    }
}

/// A message as it stands on the wire.
package func frame(_ message: [UInt8]) -> [UInt8] {
    YMQFraming.header(byteCount: message.count) + message
}

/// What a ROUTER of libzmq 4.3.5 without an identity of its own opens a connection with: greeting and READY.
package let routerOpening: [UInt8] =
    [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1] + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)
    + [4, 0x29] + Array("\u{5}READY\u{B}Socket-Type\0\0\0\u{6}ROUTER\u{8}Identity\0\0\0\0".utf8)
