// SPDX-License-Identifier: Apache-2.0

import CZeroMQ
import EventLoop
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Messaging

@Suite(.timeLimit(.minutes(1))) struct ZMQSocketTests {
    @Test func `a hundred thousand messages each way arrive in order, in few turns, on one thread`() async {
        await #expect(processExitsWith: .success) {
            let router = try TestRouter()
            let isComplete = EventLoop.run { await flood(router.endpoint, messageCount: 100_000) }
            router.stop()
            precondition(isComplete)
        }
    }

    @Test func `a receiver is woken although a sender takes the descriptor's signal`() async throws {
        let router = try TestRouter()
        try await withSocket(router.endpoint) { socket in
            let sender = spawn {
                for number in 0..<20_000 {
                    try? socket.send(littleEndian(number))
                    if number % 3 == 0 { await yieldToOthers() }
                }
            }
            for number in 0..<20_000 {
                try await expectNext(socket, littleEndian(number))
            }
            await sender.value
        }
        router.stop()
    }

    @Test func `one message at a time there and back never sticks`() async throws {
        let router = try TestRouter()
        try await withSocket(router.endpoint) { socket in
            for number in 0..<3_000 {
                try socket.send(littleEndian(number))
                try await expectNext(socket, littleEndian(number))
            }
        }
        router.stop()
    }

    @Test func `after a restart of the router the socket reconnects and sends what waited`() async throws {
        let first = try TestRouter(nameOfItsOwn())
        let endpoint = first.endpoint
        let second = try await withSocket(endpoint) { socket in
            try socket.send([1])
            try await expectNext(socket, [1])
            first.stop()
            try socket.send([2])
            try socket.send([3])
            let second = try TestRouter(endpoint.description)
            // What the first router's kernel took before the end was seen is lost, as on any TCP link.
            try socket.send([4])
            while try await socket.receive(until: .after(.seconds(10))) != [4] {}
            return second
        }
        second.stop()
    }

    @Test func `a router that comes late gets everything sent before`() async throws {
        let probe = try TestRouter(nameOfItsOwn())
        probe.stop()
        let router = try await withSocket(probe.endpoint) { socket in
            for number in 0..<100 { try socket.send(littleEndian(number)) }
            let router = try TestRouter(probe.endpoint.description)
            for number in 0..<100 {
                try await expectNext(socket, littleEndian(number))
            }
            return router
        }
        router.stop()
    }

    @Test func `messages of several frames are dropped, those around them arrive`() async throws {
        let router = try TestRouter { _ in [[[1]], [[2], [3]], [[], [], [4]], [[5]]] }
        try await withSocket(router.endpoint) { socket in
            try socket.send([0])
            try await expectNext(socket, [1])
            try await expectNext(socket, [5])
        }
        router.stop()
    }

    /// More frames than are borne, and fewer with more bytes in all than one frame may have.
    @Test(arguments: [[[UInt8]](repeating: [], count: 65), [[UInt8]](repeating: pattern(400), count: 3)])
    func `a message of too many frames, or too much in them, ends the link, and another one works`(
        frames: [[UInt8]]
    ) async throws {
        let router = try TestRouter { $0 == [[0]] ? [[[1]], frames, [[5]]] : [$0] }
        try await withSocket(router.endpoint, messageBytesMax: 1_000) { socket in
            try socket.send([0])
            try await expectNext(socket, [1])
            guard case .tooManyFrames? = await outcome({ _ = try await socket.receive(until: soon) }) else {
                Issue.record("it was borne")
                return
            }
            guard case .tooManyFrames? = await outcome({ try socket.send([2]) }) else {
                Issue.record("it can be used")
                return
            }
        }
        try await withSocket(router.endpoint) { socket in
            try socket.send([3])
            try await expectNext(socket, [3])
        }
        router.stop()
    }

    @Test(arguments: [0, 1, 255, 256, 8_192, 8_193, 64 << 20])
    func `a message of any length comes back unharmed`(_ byteCount: Int) async throws {
        let router = try TestRouter()
        let message = pattern(byteCount)
        try await withSocket(router.endpoint) { socket in
            try socket.send(message)
            let echo = try await socket.receive(until: .after(.seconds(30)))
            #expect(echo == message)
        }
        router.stop()
    }

    @Test func `several messages in one send stay adjacent`() async throws {
        let router = try TestRouter()
        try await withSocket(router.endpoint) { socket in
            try socket.send([[1], [2, 2], []])
            for expected in [[1], [2, 2], []] as [[UInt8]] {
                try await expectNext(socket, expected)
            }
        }
        router.stop()
    }

    @Test func `a message over the limit ends the link with a typed error, and another link works`()
        async throws
    {
        let router = try TestRouter { frames in
            frames == [[1]] ? [[pattern(1_001)]] : [frames]
        }
        try await withSocket(router.endpoint, messageBytesMax: 1_000) { socket in
            let receiver = spawn { await outcome { _ = try await socket.receive() } }
            try socket.send([1])
            let sender = await outcome {
                while true {
                    try socket.send([2])
                    try await sleep(for: .milliseconds(1))
                }
            }
            guard case .abandonedByZMQ = sender, case .abandonedByZMQ = await receiver.value else {
                Issue.record("sender ended with \(String(describing: sender))")
                return
            }
        }
        try await withSocket(router.endpoint) { socket in
            try socket.send([3])
            try await expectNext(socket, [3])
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
            let context = ZMQContext()
            let socket = try ZMQSocket(
                context: context,
                identity: Array("test".utf8),
                connectingTo: router.endpoint
            )
            for number in 0..<1_000 { try socket.send(littleEndian(number)) }
            await socket.close(lingering: .seconds(10))
            context.terminate()
            for number in 0..<1_000 {
                let frames = try await arrivals.receive(until: .after(.seconds(10)))
                #expect(frames == [littleEndian(number)])
            }
        }
        router.stop()
    }

    @Test func `close without a peer ends when the linger time is over`() async {
        // In a process of its own, where no other test keeps the loop busy.
        await #expect(processExitsWith: .success) {
            let probe = try TestRouter()
            probe.stop()
            let elapsed = EventLoop.run { await timeToClose(probe.endpoint, lingering: .milliseconds(30)) }
            precondition(elapsed >= .milliseconds(29) && elapsed < .milliseconds(900))
        }
    }

    @Test func `a close that nobody waits for any more does not hold up the next one`() async {
        await #expect(processExitsWith: .success) {
            let probe = try TestRouter()
            probe.stop()
            let elapsed = EventLoop.run { await timeToCloseAfterCancelledClose(probe.endpoint) }
            precondition(elapsed >= .milliseconds(59) && elapsed < .milliseconds(900))
        }
    }

    @Test func `a wait ends at its deadline, by its cancellation and by close, and loses nothing`()
        async throws
    {
        let router = try TestRouter()
        try await withSocket(router.endpoint) { socket in
            await #expect(throws: MessagingError.deadlinePassed) {
                _ = try await socket.receive(until: .after(.milliseconds(5)))
            }
            let cancelled = spawn { await outcome { _ = try await socket.receive() } }
            await yieldToOthers()
            cancelled.cancel()
            #expect(await cancelled.value == .cancelled)
            try socket.send([7])
            try await expectNext(socket, [7])
            let closed = spawn { await outcome { _ = try await socket.receive() } }
            await yieldToOthers()
            await socket.close(lingering: .zero)
            await socket.close(lingering: .zero)
            #expect(await closed.value == .closed)
            #expect(throws: MessagingError.closed) { try socket.send([1]) }
            await #expect(throws: MessagingError.closed) { try await socket.flush(until: .never) }
        }
        router.stop()
    }

    @Test func `a receiver that always finds a message lets others run every 64 messages`() async throws {
        let router = try TestRouter { _ in Array(repeating: [[1]], count: 50_000) }
        try await withSocket(router.endpoint) { socket in
            let turns = Counter()
            let other = spawn {
                while !isCancelled {
                    turns.count += 1
                    await yieldToOthers()
                }
            }
            try socket.send([0])
            for _ in 0..<50_000 { _ = try await socket.receive(until: .after(.seconds(10))) }
            #expect(turns.count >= 50_000 / 64)
            other.cancel()
            await other.value
        }
        router.stop()
    }

    @Test(arguments: [[], [UInt8](repeating: 120, count: 256), [0xFF]])
    func `an identity that a wire cannot carry or a scheduler not decode is refused`(
        _ identity: [UInt8]
    ) async throws {
        try await onLoop {
            let endpoint = Endpoint.tcp(host: "127.0.0.1", port: 1)
            let context = ZMQContext()
            #expect(throws: MessagingError.invalidIdentity) {
                _ = try ZMQSocket(context: context, identity: identity, connectingTo: endpoint)
            }
            context.terminate()
            let connecting = await outcome {
                _ = try await YMQConnection.connect(
                    to: endpoint,
                    over: SocketNetwork(ioThreads: 1),
                    identity: identity,
                    deadline: soon
                )
            }
            #expect(connecting == .invalidIdentity)
        }
    }

    @Test(arguments: [
        Endpoint.tcp(host: "no spaces", port: 1), .ipc(path: String(repeating: "x", count: 108)),
    ])
    func `an address libzmq cannot read is an error, not a trap`(_ endpoint: Endpoint) async throws {
        try await onLoop {
            let context = ZMQContext()
            #expect(throws: MessagingError.self) {
                _ = try ZMQSocket(context: context, identity: Array("test".utf8), connectingTo: endpoint)
            }
            context.terminate()
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `a host may be a name or an address`(_ host: String) async throws {
        let router = try TestRouter()
        guard case .tcp(_, let port) = router.endpoint else { return }
        try await withSocket(.tcp(host: host, port: port)) { socket in
            try socket.send([1])
            try await expectNext(socket, [1])
        }
        router.stop()
    }

    @Test func `a path of this machine works too`() async throws {
        let path = "/tmp/messaging-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let router = try TestRouter("ipc://\(path)")
        try await withSocket(.ipc(path: path)) { socket in
            try socket.send([1])
            try await expectNext(socket, [1])
        }
        router.stop()
        unlink(path)
    }
}

/// Sends while receiving; whether all came back in order, on this thread, in fewer turns than messages.
@LoopActor
private func flood(_ endpoint: Endpoint, messageCount: Int) async -> Bool {
    let context = ZMQContext()
    guard let socket = try? ZMQSocket(context: context, identity: Array("flood".utf8), connectingTo: endpoint)
    else { return false }
    let before = EventLoop.statistics
    let sender = spawn {
        for number in 0..<messageCount {
            try? socket.send(littleEndian(number))
            if number % 100 == 0 { await yieldToOthers() }
        }
    }
    for number in 0..<messageCount {
        let message = try? await socket.receive(until: .after(.seconds(20)))
        guard message == littleEndian(number) else { return false }
    }
    await sender.value
    await socket.close(lingering: .seconds(1))
    context.terminate()
    let after = EventLoop.statistics
    return after.foreignEnqueueCount == before.foreignEnqueueCount
        && after.turnCount - before.turnCount < messageCount / 4
}

/// How long `close` takes with a message that nobody fetches.
@LoopActor
private func timeToClose(_ endpoint: Endpoint, lingering: Duration) async -> Duration {
    let context = ZMQContext()
    guard let socket = socketWithMessage(context, endpoint) else { return .zero }
    let begin = Deadline.now
    await socket.close(lingering: lingering)
    context.terminate()
    return Deadline.now.duration(since: begin)
}

/// The same for a socket whose forerunner in the context lingered when the wait for its end was cancelled.
@LoopActor
private func timeToCloseAfterCancelledClose(_ endpoint: Endpoint) async -> Duration {
    let context = ZMQContext()
    guard let first = socketWithMessage(context, endpoint), let second = socketWithMessage(context, endpoint)
    else { return .zero }
    let closing = spawn { await first.close(lingering: .milliseconds(30)) }
    await yieldToOthers()
    closing.cancel()
    await closing.value
    let begin = Deadline.now
    await second.close(lingering: .milliseconds(60))
    // The context is not ended: where the second still lingers, that would wait for ever.
    return Deadline.now.duration(since: begin)
}

/// A socket that nobody listens to, with something to say.
@LoopActor
private func socketWithMessage(_ context: ZMQContext, _ endpoint: Endpoint) -> ZMQSocket? {
    let socket = try? ZMQSocket(context: context, identity: Array("test".utf8), connectingTo: endpoint)
    try? socket?.send([1])
    return socket
}

/// Runs `body` with a socket connected to `endpoint` and takes both down again.
private func withSocket<Value: Sendable>(
    _ endpoint: Endpoint,
    messageBytesMax: Int = 1 << 30,
    _ body: @escaping @LoopActor @Sendable (ZMQSocket) async throws -> Value
) async throws -> Value {
    try await onLoop {
        let context = ZMQContext()
        let socket = try ZMQSocket(
            context: context,
            identity: Array("Worker|test|0".utf8),
            connectingTo: endpoint,
            messageBytesMax: messageBytesMax
        )
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(socket))
        } catch {
            result = .failure(error)
        }
        await socket.close(lingering: .zero)
        context.terminate()
        return try result.get()
    }
}

extension ZMQContext {
    /// Ends libzmq's threads; every socket has been closed before.
    func terminate() {
        // zmq_ctx_term would wait for an open socket for ever, and the loop with it.
        precondition(openSocketCount == 0, "\(openSocketCount) ZMQ sockets are still open")
        guard let pointer else { return }
        self.pointer = nil
        // EINTR is the only error possible: the context is valid.
        while zmq_ctx_term(pointer) != 0 {}
    }
}
