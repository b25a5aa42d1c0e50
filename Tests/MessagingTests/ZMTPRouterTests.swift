// SPDX-License-Identifier: Apache-2.0

import CZeroMQ
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Messaging

/// Against a ROUTER of the real libzmq.
@Suite(.timeLimit(.minutes(1))) struct ZMTPRouterTests {
    @Test func `a hundred thousand messages each way arrive in order, in few turns, on one thread`() async {
        await #expect(processExitsWith: .success) {
            let router = try TestRouter()
            let isComplete = EventLoop.run { await flood(router.endpoint, messageCount: 100_000) }
            router.stop()
            precondition(isComplete)
        }
    }

    @Test func `one message at a time there and back never sticks`() async throws {
        let router = try TestRouter()
        try await withLink(router.endpoint) { link in
            for number in 0..<3_000 {
                try link.send(littleEndian(number))
                try await expectNext(link, littleEndian(number))
            }
        }
        router.stop()
    }

    @Test(arguments: [0, 1, 255, 256, 8_192, 8_193, 64 << 20])
    func `a message of any length comes back unharmed`(_ byteCount: Int) async throws {
        let router = try TestRouter()
        let message = pattern(byteCount)
        try await withLink(router.endpoint) { link in
            try link.send(message)
            let echo = try await link.receive(until: .after(.seconds(30)))
            #expect(echo == message)
        }
        router.stop()
    }

    @Test func `several messages in one send stay adjacent`() async throws {
        let router = try TestRouter()
        try await withLink(router.endpoint) { link in
            try link.send([[1], [2, 2], []])
            for expected in [[1], [2, 2], []] as [[UInt8]] { try await expectNext(link, expected) }
        }
        router.stop()
    }

    // MARK: - Limits

    @Test func `messages of several frames are dropped, those around them arrive`() async throws {
        let router = try TestRouter { _ in [[[1]], [[2], [3]], [[], [], [4]], [[5]]] }
        try await withLink(router.endpoint) { link in
            try link.send([0])
            try await expectNext(link, [1])
            try await expectNext(link, [5])
        }
        router.stop()
    }

    /// More frames than are borne, fewer with more bytes in all than a message may have, and one that has more alone.
    @Test(arguments: [
        [[UInt8]](repeating: [], count: 65), [[UInt8]](repeating: pattern(400), count: 3), [pattern(1_001)],
    ])
    func `a message over a limit ends the link with a typed error, and another one works`(
        frames: [[UInt8]]
    ) async throws {
        let router = try TestRouter { $0 == [[0]] ? [[[1]], frames, [[5]]] : [$0] }
        try await withLink(router.endpoint, messageBytesMax: 1_000) { link in
            try link.send([0])
            try await expectNext(link, [1])
            let end = await outcome { _ = try await link.receive(until: soon) }
            #expect(end?.isBreach == true)
            #expect(await outcome { try link.send([2]) } == end)
        }
        // The router may not know yet of the end of the first, whose identity it would not hear again.
        try await withLink(router.endpoint, identity: "Worker|test|1") { link in
            try link.send([3])
            try await expectNext(link, [3])
        }
        router.stop()
    }

    /// One that is not answered in time is given up by libzmq (ZMQ_HEARTBEAT_TIMEOUT).
    @Test func `a router that asks for heartbeats has them`() async throws {
        let router = try TestRouter(options: [ZMQ_HEARTBEAT_IVL: 10, ZMQ_HEARTBEAT_TIMEOUT: 1_000])
        try await withLink(router.endpoint) { link in
            #expect(
                await outcome { _ = try await link.receive(until: .after(.milliseconds(1_200))) }
                    == .deadlinePassed
            )
            try link.send([7])
            try await expectNext(link, [7])
        }
        router.stop()
    }

    // MARK: - Connections that end

    @Test func `the end of a router is an accident, after which the same identity comes back`() async throws {
        let first = try TestRouter(nameOfItsOwn())
        let endpoint = first.endpoint
        try await withLink(endpoint) { link in
            try link.send([1])
            try await expectNext(link, [1])
            first.stop()
            let end = await outcome { _ = try await link.receive(until: soon) }
            guard case .aborted = end else {
                Issue.record("ended with \(String(describing: end))")
                return
            }
        }
        let second = try TestRouter(endpoint.description)
        try await withLink(endpoint) { link in
            try link.send([2])
            try await expectNext(link, [2])
        }
        second.stop()
    }

    /// Which is why a connection that hears nothing is given up for another (SchedulerChannel).
    @Test func `of two links with one identity the router hears the first, and never the second`()
        async throws
    {
        let router = try TestRouter()
        try await withLink(router.endpoint) { first in
            try first.send([1])
            try await expectNext(first, [1])
            let second = try await open(router.endpoint)
            try second.send([2])
            #expect(await isSilent(second))
            await first.close(lingering: soon.remaining)
            try second.send([3])
            #expect(await isSilent(second))
            let third = try await open(router.endpoint)
            try third.send([4])
            try await expectNext(third, [4])
            await third.close(lingering: .zero)
            await second.close(lingering: .zero)
        }
        router.stop()
    }

    @Test func `a router with handover hears the last of them`() async throws {
        let router = try TestRouter(options: [ZMQ_ROUTER_HANDOVER: 1])
        try await withLink(router.endpoint) { first in
            try first.send([1])
            try await expectNext(first, [1])
            let second = try await open(router.endpoint)
            try second.send([2])
            try await expectNext(second, [2])
            await second.close(lingering: .zero)
        }
        router.stop()
    }

    @Test func `close hands over what was queued just before`() async throws {
        let arrivals = try await onLoop { Mailbox<TestRouter.Frames>() }
        let router = try TestRouter { frames in
            spawn { arrivals.send(frames) }
            return []
        }
        try await onLoop {
            let link = try await open(router.endpoint)
            for number in 0..<1_000 { try link.send(littleEndian(number)) }
            await link.close(lingering: .seconds(10))
            for number in 0..<1_000 {
                let frames = try await arrivals.receive(until: .after(.seconds(10)))
                #expect(frames == [littleEndian(number)])
            }
        }
        router.stop()
    }

    @Test func `a wait ends at its deadline, by its cancellation and by close, and loses nothing`()
        async throws
    {
        let router = try TestRouter()
        try await withLink(router.endpoint) { link in
            await #expect(throws: MessagingError.deadlinePassed) {
                _ = try await link.receive(until: .after(.milliseconds(5)))
            }
            let cancelled = spawn { await outcome { _ = try await link.receive() } }
            await yieldToOthers()
            cancelled.cancel()
            #expect(await cancelled.value == .cancelled)
            try link.send([7])
            try await expectNext(link, [7])
            let closed = spawn { await outcome { _ = try await link.receive() } }
            await yieldToOthers()
            await link.close(lingering: .zero)
            await link.close(lingering: .zero)
            #expect(await closed.value == .closed)
            #expect(throws: MessagingError.closed) { try link.send([1]) }
            await #expect(throws: MessagingError.closed) { try await link.flush(until: .never) }
        }
        router.stop()
    }

    @Test func `a receiver that always finds a message lets others run every 64 messages`() async throws {
        let router = try TestRouter { _ in Array(repeating: [[1]], count: 50_000) }
        try await withLink(router.endpoint) { link in
            let turns = Counter()
            let other = spawn {
                while !isCancelled {
                    turns.count += 1
                    await yieldToOthers()
                }
            }
            try link.send([0])
            for _ in 0..<50_000 { _ = try await link.receive(until: .after(.seconds(10))) }
            #expect(turns.count >= 50_000 / 64)
            other.cancel()
            await other.value
        }
        router.stop()
    }

    // MARK: - Names and addresses

    @Test(arguments: [[], [UInt8](repeating: 120, count: 256), [0xFF]])
    func `an identity that a wire cannot carry or a scheduler not decode is refused`(
        _ identity: [UInt8]
    ) async throws {
        try await onLoop {
            let endpoint = Endpoint.tcp(host: "127.0.0.1", port: 1)
            let network = SocketNetwork()
            let zmtp = await outcome {
                _ = try await ZMTPConnection.connect(
                    to: endpoint,
                    over: network,
                    identity: identity,
                    deadline: soon
                )
            }
            let ymq = await outcome {
                _ = try await YMQConnection.connect(
                    to: endpoint,
                    over: network,
                    identity: identity,
                    deadline: soon
                )
            }
            #expect(zmtp == .invalidIdentity && ymq == .invalidIdentity)
        }
    }

    @Test func `the longest identity is the router's key too`() async throws {
        let router = try TestRouter()
        try await onLoop {
            let link = try await open(router.endpoint, identity: String(repeating: "x", count: 255))
            try link.send([1])
            try await expectNext(link, [1])
            await link.close(lingering: .zero)
        }
        router.stop()
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `a host may be a name or an address`(_ host: String) async throws {
        let router = try TestRouter()
        guard case .tcp(_, let port) = router.endpoint else { return }
        try await withLink(.tcp(host: host, port: port)) { link in
            try link.send([1])
            try await expectNext(link, [1])
        }
        router.stop()
    }

    @Test func `a path of this machine works too`() async throws {
        let path = "/tmp/messaging-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let router = try TestRouter("ipc://\(path)")
        try await withLink(.ipc(path: path)) { link in
            try link.send([1])
            try await expectNext(link, [1])
        }
        router.stop()
        unlink(path)
    }
}

/// Sends while receiving; whether all came back in order, on this thread, in fewer turns than messages.
@LoopActor
private func flood(_ endpoint: Endpoint, messageCount: Int) async -> Bool {
    guard let link = try? await open(endpoint) else { return false }
    let before = EventLoop.statistics
    let sender = spawn {
        for number in 0..<messageCount {
            try? link.send(littleEndian(number))
            if number % 100 == 0 { await yieldToOthers() }
        }
    }
    for number in 0..<messageCount {
        let message = try? await link.receive(until: .after(.seconds(20)))
        guard message == littleEndian(number) else { return false }
    }
    await sender.value
    await link.close(lingering: .seconds(1))
    let after = EventLoop.statistics
    return after.foreignEnqueueCount == before.foreignEnqueueCount
        && after.turnCount - before.turnCount < messageCount / 4
}

@LoopActor
private func open(
    _ endpoint: Endpoint,
    identity: String = "Worker|test|0",
    messageBytesMax: Int = 1 << 30
) async throws -> ZMTPConnection {
    try await ZMTPConnection.connect(
        to: endpoint,
        over: SocketNetwork(),
        identity: Array(identity.utf8),
        limits: LinkLimits(messageBytesMax: messageBytesMax),
        deadline: soon
    )
}

/// Whether nothing comes for a while in which an echo would have come many times over.
@LoopActor
private func isSilent(_ link: ZMTPConnection) async -> Bool {
    await outcome { _ = try await link.receive(until: .after(.milliseconds(300))) } == .deadlinePassed
}

/// Runs `body` with a link to `endpoint` and closes it again.
private func withLink<Value: Sendable>(
    _ endpoint: Endpoint,
    identity: String = "Worker|test|0",
    messageBytesMax: Int = 1 << 30,
    _ body: @escaping @LoopActor @Sendable (ZMTPConnection) async throws -> Value
) async throws -> Value {
    try await onLoop {
        let link = try await open(endpoint, identity: identity, messageBytesMax: messageBytesMax)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(link))
        } catch {
            result = .failure(error)
        }
        await link.close(lingering: .zero)
        return try result.get()
    }
}
