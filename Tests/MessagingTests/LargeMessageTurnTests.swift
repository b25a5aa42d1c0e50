// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@testable import Messaging

@Suite(.timeLimit(.minutes(1))) struct LargeMessageTurnTests {
    /// A link, and the peer's end on which it is written to.
    private typealias Link = (link: any MessageLink, stream: TCPStream)

    private enum Wire: CaseIterable { case ymq, zmtp }

    @LoopActor private static func connected(
        _ wire: Wire,
        _ turn: LargeMessageTurn,
        progressTime: Duration = .seconds(30)
    ) async throws -> Link {
        let limits = LinkLimits(largeMessageTurn: turn, progressTime: progressTime)
        if wire == .ymq {
            let (link, stream) = try await connectedYMQ(limits: limits)
            return (link, stream)
        }
        let peer = try YMQPeer()
        let accepting = spawn { try? await peer.accept(routerOpening) }
        let link = try await ZMTPConnection.connect(
            to: peer.endpoint,
            over: SocketNetwork(),
            identity: Array("me".utf8),
            limits: limits,
            deadline: soon
        )
        return (link, try #require(await accepting.value))
    }

    private static func header(_ wire: Wire, _ byteCount: Int) -> [UInt8] {
        switch wire {
        case .ymq: YMQFraming.header(byteCount: byteCount)
        case .zmtp: ZMTPFraming.header(byteCount: byteCount)
        }
    }

    private static let size = 3 << 20

    /// In which order messages have come whole.
    @LoopActor private final class Order {
        private(set) var numbers: [Int] = []

        func note(_ number: Int, _ link: Link, _ byteCount: Int) -> Spawned<Void> {
            spawn {
                let message = try? await link.link.receive(until: soon)
                #expect(message?.count == byteCount)
                self.numbers.append(number)
            }
        }
    }

    @Test(arguments: Wire.allCases)
    private func `one link at a time puts a large message together, and small ones pass`(
        _ wire: Wire
    ) async throws {
        try await onLoop {
            let turn = LargeMessageTurn()
            let (first, second) = (try await Self.connected(wire, turn), try await Self.connected(wire, turn))
            let small = try await Self.connected(wire, turn)
            let ended = Order()
            let receiving = [ended.note(1, first, Self.size), ended.note(2, second, Self.size)]
            let part = [UInt8](repeating: 7, count: Self.size / 2)
            try await first.stream.write(Self.header(wire, Self.size) + part, deadline: soon)
            // All of the second's comes, and nobody takes more of it than may be held.
            let whole = spawn {
                try? await second.stream.write(Self.header(wire, Self.size) + part + part, deadline: soon)
            }
            let last = ended.note(3, small, 5)
            try await small.stream.write(Self.header(wire, 5) + [1, 2, 3, 4, 5], deadline: soon)
            await last.value
            #expect(ended.numbers == [3])
            try await first.stream.write(part, deadline: soon)
            for one in receiving { await one.value }
            await whole.value
            #expect(ended.numbers == [3, 1, 2])
            for one in [first, second, small] {
                await one.link.close(lingering: .zero)
                one.stream.close()
            }
        }
    }

    @Test(arguments: Wire.allCases)
    private func `a link that ends in the middle of its message lets the next one go on`(
        _ wire: Wire
    ) async throws {
        try await onLoop {
            let turn = LargeMessageTurn()
            var first: Link? = try await Self.connected(wire, turn)
            let second = try await Self.connected(wire, turn)
            let part = [UInt8](repeating: 7, count: Self.size / 2)
            try await first?.stream.write(Self.header(wire, Self.size) + part, deadline: soon)
            first?.stream.close()
            let error = await outcome { _ = try await first?.link.receive(until: soon) }
            #expect(error != nil)
            await first?.link.close(lingering: .zero)
            first = nil
            let whole = spawn {
                try? await second.stream.write(Self.header(wire, Self.size) + part + part, deadline: soon)
            }
            #expect(try await second.link.receive(until: soon).count == Self.size)
            await whole.value
            await second.link.close(lingering: .zero)
            second.stream.close()
        }
    }

    @Test(arguments: Wire.allCases)
    private func `a wait for the turn is not the peer's, and ends with the link`(_ wire: Wire) async throws {
        try await onLoop {
            let turn = LargeMessageTurn()
            let first = try await Self.connected(wire, turn)
            // The second has no time to wait in, and waits all the same.
            let second = try await Self.connected(wire, turn, progressTime: .milliseconds(200))
            let third = try await Self.connected(wire, turn)
            let part = [UInt8](repeating: 7, count: Self.size / 2)
            let ended = Order()
            let receiving = ended.note(1, first, Self.size)
            try await first.stream.write(Self.header(wire, Self.size) + part, deadline: soon)
            let waiting = ended.note(2, second, Self.size)
            let whole = spawn {
                try? await second.stream.write(Self.header(wire, Self.size) + part + part, deadline: soon)
            }
            let leaving = spawn { await outcome { _ = try await third.link.receive(until: soon) } }
            try await third.stream.write(Self.header(wire, Self.size) + part.prefix(1 << 20), deadline: soon)
            try await sleep(for: .milliseconds(500))
            await third.link.close(lingering: .zero)
            #expect(await leaving.value == .closed)
            #expect(ended.numbers == [])
            try await first.stream.write(part, deadline: soon)
            await receiving.value
            await waiting.value
            await whole.value
            #expect(ended.numbers == [1, 2])
            for one in [first, second] {
                await one.link.close(lingering: .zero)
                one.stream.close()
            }
        }
    }
}
