// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@testable import Messaging

/// Against a peer made by hand.
@Suite(.timeLimit(.minutes(1))) struct ZMTPConnectionTests {
    private static let opening = ZMTPFraming.opening(identity: Array("me".utf8))

    /// Both ends of a connection whose handshake is done.
    @LoopActor
    private static func connected(
        _ limits: LinkLimits = LinkLimits()
    ) async throws -> (ZMTPConnection, TCPStream) {
        let peer = try YMQPeer()
        let accepting = spawn { try? await peer.accept(routerOpening) }
        let link = try await connect(to: peer, limits)
        let stream = try #require(await accepting.value)
        #expect(try await readExactly(stream, opening.count) == opening)
        return (link, stream)
    }

    @LoopActor
    private static func connect(
        to peer: YMQPeer,
        _ limits: LinkLimits = LinkLimits(),
        deadline: Deadline = soon
    ) async throws -> ZMTPConnection {
        try await ZMTPConnection.connect(
            to: peer.endpoint,
            over: SocketNetwork(),
            identity: Array("me".utf8),
            limits: limits,
            deadline: deadline
        )
    }

    private static func frame(_ message: [UInt8]) -> [UInt8] {
        ZMTPFraming.header(byteCount: message.count) + message
    }

    private static let ping = [4, 7, 4] + Array("PING".utf8) + [0, 0]
    private static let pong = [4, 5, 4] + Array("PONG".utf8)

    @Test func `a peer that says its greeting byte by byte, and waits for ours, is understood`() async throws
    {
        try await onLoop {
            let peer = try YMQPeer()
            let connecting = spawn { try? await Self.connect(to: peer) }
            let stream = try await peer.accept(Array(routerOpening.prefix(10)))
            // The rest only after the other's signature, as libzmq does.
            #expect(try await readExactly(stream, Self.opening.count) == Self.opening)
            for byte in routerOpening.dropFirst(10) { try await stream.write([byte], deadline: soon) }
            let link = try #require(await connecting.value)
            try await stream.write(Self.frame([5]), deadline: soon)
            try await expectNext(link, [5])
            stream.close()
            await link.close(lingering: .zero)
        }
    }

    @Test func `a peer of another protocol is told nothing`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let connecting = spawn { await outcome { _ = try await Self.connect(to: peer) } }
            let stream = try await peer.accept()
            #expect(await connecting.value == .unexpectedMagic(Array("YMQ\u{2}".utf8)))
            #expect(try await readToEnd(stream).isEmpty)
        }
    }

    @Test func `one that is silent, or stops in the middle of its greeting, is given up`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            for (length, expected) in [
                (0, MessagingError.peerSilent(peer.endpoint)), (10, .deadlinePassed), (70, .deadlinePassed),
            ] {
                let accepting = spawn { try? await peer.accept(Array(routerOpening.prefix(length))) }
                let end = await outcome {
                    _ = try await Self.connect(to: peer, deadline: .after(.milliseconds(200)))
                }
                #expect(end == expected, "after \(length) bytes")
                await accepting.value?.close()
            }
        }
    }

    @Test func `every end of a connection is an accident, whatever came before`() async throws {
        try await onLoop {
            for script in [[], Self.frame([1]), Self.frame([1]) + [0, 5, 1]] {
                let (link, stream) = try await Self.connected()
                try await stream.write(script, deadline: soon)
                let finishing = spawn { await stream.finish(deadline: soon) }
                if !script.isEmpty { try await expectNext(link, [1]) }
                let end = await outcome { _ = try await link.receive(until: soon) }
                #expect(end == .aborted(reason: "the peer closed the connection"))
                #expect(await outcome { try link.send([1]) } == end)
                await link.close(lingering: .zero)
                await finishing.value
            }
        }
    }

    @Test func `a PING is answered with what it brought, between messages and inside one`() async throws {
        try await onLoop {
            let (link, stream) = try await Self.connected()
            let context = Array("abc".utf8)
            let ping = [4, 10, 4] + Array("PING".utf8) + [0, 9] + context
            try await stream.write(
                ping + [1, 1, 7] + ping + Self.frame([8]) + Self.frame([9]),
                deadline: soon
            )
            try await expectNext(link, [9])
            let pong = [4, 8, 4] + Array("PONG".utf8) + context
            #expect(try await readExactly(stream, 2 * pong.count) == pong + pong)
            stream.close()
            await link.close(lingering: .zero)
        }
    }

    @Test func `a flood of PINGs ends the link, and one of unknown commands too`() async throws {
        try await onLoop {
            for command in [Self.ping, [4, 5, 4] + Array("EVIL".utf8)] {
                let (link, stream) = try await Self.connected()
                let flooding = spawn {
                    let piece = Array(repeatElement(command, count: 1000).joined())
                    while (try? await stream.write(piece, deadline: soon)) != nil {}
                }
                let end = await outcome { _ = try await link.receive(until: soon) }
                #expect(end == .zmtp(.commandFlood(count: ZMTPFraming.commandCountMax + 1)))
                await link.close(lingering: .zero)
                await flooding.value
                stream.close()
            }
        }
    }

    /// Messages between them keep the number of PINGs from being a flood.
    @Test func `answers do not pile up for a peer that reads none`() async throws {
        try await onLoop {
            let (link, stream) = try await Self.connected()
            let round = Array(repeatElement(Self.ping, count: 900).joined()) + Self.frame([1])
            let writing = spawn {
                for _ in 0..<400 { try? await stream.write(round, deadline: soon) }
                try? await stream.write(Self.frame([2]), deadline: soon)
            }
            // Enough to fill the buffers of the kernel.
            try link.send(pattern(16 << 20))
            while try await link.receive(until: soon) != [2] {}
            await writing.value
            let expected = ZMTPFraming.header(byteCount: 16 << 20).count + (16 << 20)
            _ = try await readExactly(stream, expected)
            try await stream.write(Self.ping + Self.frame([3]), deadline: soon)
            try await expectNext(link, [3])
            #expect(try await readExactly(stream, Self.pong.count) == Self.pong)
            let closing = spawn { await link.close(lingering: .seconds(5)) }
            #expect(try await readToEnd(stream).count < 128 * 1024)
            stream.close()
            await closing.value
        }
    }

    @Test func `a message that comes by drops ends the link, whole or in frames`() async throws {
        try await onLoop {
            for start: [UInt8] in [[2, 0, 0, 0, 0, 0, 0x10, 0, 0], [1, 0, 3, 0, 0, 0, 0, 0, 0x10, 0, 0]] {
                let limits = LinkLimits(progressTime: .milliseconds(100))
                let (link, stream) = try await Self.connected(limits)
                try await stream.write(Self.frame([1]) + start, deadline: soon)
                try await expectNext(link, [1])
                let drops = spawn {
                    while (try? await stream.write([0], deadline: soon)) != nil {
                        try? await sleep(for: .milliseconds(20))
                    }
                }
                let end = await outcome { _ = try await link.receive(until: soon) }
                guard case .messageStalled(let byteCount, announced: 1 << 20) = end else {
                    Issue.record("ended with \(String(describing: end))")
                    return
                }
                #expect(byteCount < 100)
                await link.close(lingering: .zero)
                await drops.value
                stream.close()
            }
        }
    }

    @Test func `a message on a slow line arrives, and a pause between two is no matter`() async throws {
        try await onLoop {
            let progressTime = Duration.seconds(2)
            let (link, stream) = try await Self.connected(LinkLimits(progressTime: progressTime))
            let message = pattern(12 << 14)
            let writer = spawn {
                try? await stream.write(ZMTPFraming.header(byteCount: message.count), deadline: soon)
                for start in stride(from: 0, to: message.count, by: 1 << 14) {
                    try? await sleep(for: .milliseconds(200))
                    try? await stream.write(Array(message[start..<start + (1 << 14)]), deadline: soon)
                }
                try? await sleep(for: progressTime)
                try? await stream.write(Self.frame([2]), deadline: soon)
            }
            #expect(try await link.receive(until: soon) == message)
            try await expectNext(link, [2])
            await writer.value
            stream.close()
            await link.close(lingering: .zero)
        }
    }

    @Test func `a deadline or a cancellation in mid-message loses nothing`() async throws {
        try await onLoop {
            let (link, stream) = try await Self.connected()
            for byte in Self.frame([1, 2, 3]).dropLast() {
                try await stream.write([byte], deadline: soon)
                let end = await outcome { _ = try await link.receive(until: .after(.milliseconds(1))) }
                #expect(end == .deadlinePassed)
            }
            try await stream.write([3], deadline: soon)
            try await expectNext(link, [1, 2, 3])
            stream.close()
            await link.close(lingering: .zero)
        }
    }
}
