// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages

@Suite(.timeLimit(.minutes(1))) struct SchedulerChannelTests {
    private static let identity = "Worker|test"
    private static let hello = YMQFraming.hello(.two, identity: Array(identity.utf8))

    @LoopActor
    private static func channel(to peer: YMQPeer) -> SchedulerChannel {
        let log = RecordedLog().logger
        return SchedulerChannel(
            identity: identity,
            endpoint: peer.endpoint,
            links: SchedulerConnector(backend: .ymq, network: SocketNetwork(), log: log),
            log: log
        )
    }

    /// Runs the channel and takes every event.
    @LoopActor
    private static func run(
        _ channel: SchedulerChannel,
        timeout: Duration = .seconds(30),
        handler: @escaping SchedulerChannel.EventHandler = { _ in }
    ) -> Spawned<SchedulerChannel.End> {
        spawn { await channel.run(timeout: timeout, handler: handler) }
    }

    /// The next connection, past its greeting.
    @LoopActor
    private static func accept(from peer: YMQPeer) async throws -> TCPStream {
        let stream = try await peer.accept()
        #expect(try await readExactly(stream, hello.count) == hello)
        return stream
    }

    @LoopActor
    private static func expect(_ messages: [[UInt8]], on stream: TCPStream) async throws {
        let bytes = messages.flatMap { frame($0) }
        #expect(try await readExactly(stream, bytes.count) == bytes)
    }

    @Test func `what is sent before there is a connection goes out on the first one`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let channel = Self.channel(to: peer)
            channel.sendUntilConfirmed([1])
            #expect(!channel.sendOnce([2]))
            let end = Self.run(channel)
            let stream = try await Self.accept(from: peer)
            try await Self.expect([[1]], on: stream)
            await channel.leave(disconnectRequest: [9])
            #expect(await end.value == .left)
            #expect(try await readToEnd(stream) == frame([9]))
        }
    }

    @Test func `after a reset the identity comes back and repeats what was not confirmed`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let channel = Self.channel(to: peer)
            var events: [SchedulerChannel.Event] = []
            let end = Self.run(channel) { events.append($0) }
            var stream = try await Self.accept(from: peer)
            channel.sendUntilConfirmed([1])
            #expect(channel.sendHeartbeat([0]))
            let confirmed = channel.sendUntilConfirmed([2])
            try await Self.expect([[1], [0]], on: stream)
            channel.echoReceived()
            // The kernel resets a connection that is closed with bytes unread (RFC 2525, 2.17).
            _ = try await readExactly(stream, frame([2]).count - 1)
            stream.close()
            stream = try await Self.accept(from: peer)
            try await Self.expect([[2]], on: stream)
            #expect(!confirmed.isOpen)
            #expect(events == [.connected, .connected, .reconnected])
            #expect(channel.sendHeartbeat([0]))
            channel.echoReceived()
            #expect(confirmed.isOpen)
            await channel.leave(disconnectRequest: nil)
            #expect(await end.value == .left)
        }
    }

    @Test func `a disconnect request goes out although whoever sent it is cancelled`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let channel = Self.channel(to: peer)
            let end = Self.run(channel)
            let stream = try await Self.accept(from: peer)
            let leaving = spawn { await channel.leave(disconnectRequest: [9]) }
            leaving.cancel()
            #expect(await end.value == .left)
            #expect(try await readToEnd(stream) == frame([9]))
        }
    }

    /// Once the scheduler heard only the name of a worker that was leaving, and its tasks waited until it was given up.
    @Test func `whoever leaves while a connection is under way says goodbye on it`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let channel = Self.channel(to: peer)
            channel.sendUntilConfirmed([1])
            let end = Self.run(channel)
            await spawn {}.value
            await channel.leave(disconnectRequest: [9])
            let stream = try await Self.accept(from: peer)
            #expect(try await readToEnd(stream) == frame([1]) + frame([9]))
            #expect(await end.value == .left)
        }
    }

    @Test func `after an orderly end the identity is not used again`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let end = Self.run(Self.channel(to: peer))
            let stream = try await Self.accept(from: peer)
            await stream.finish(deadline: soon)
            #expect(await end.value == .closedByScheduler)
        }
    }

    @Test func `a scheduler that is not there is given up after the timeout, with the reason`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let channel = Self.channel(to: peer)
            peer.close()
            guard case .unreachable(let reason) = await Self.run(channel, timeout: .milliseconds(200)).value
            else {
                Issue.record("it was not given up")
                return
            }
            #expect(reason.contains("refused"))
        }
    }

    @Test func `bytes that are no message end the conversation, with a disconnect request`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let channel = Self.channel(to: peer)
            let end = Self.run(channel) { event throws(SchedulerChannel.Refusal) in
                guard case .message(let bytes) = event else { return }
                do throws(SchedulerMessageError) {
                    _ = try SchedulerMessage.decode(bytes, receiver: .worker)
                } catch {
                    throw .malformed(error)
                }
            }
            let stream = try await Self.accept(from: peer)
            try await stream.write(frame([1, 2, 3]), deadline: soon)
            guard case .refused(.malformed) = await end.value else {
                Issue.record("it went on")
                return
            }
            await channel.leave(disconnectRequest: [9])
            #expect(try await readToEnd(stream) == frame([9]))
        }
    }
}

/// How often a peer is tried that is no scheduler, or breaks the rules.
@Suite(.timeLimit(.minutes(1))) struct ReconnectionTests {
    private static let timeout: Duration = .seconds(30)

    /// A channel whose pauses are as long as they may be.
    @LoopActor
    private static func channel(
        _ scheduler: FakeScheduler,
        _ log: RecordedLog,
        silenceTimeMax: Duration = .seconds(30)
    ) -> SchedulerChannel {
        SchedulerChannel(
            identity: "Worker|test",
            endpoint: .tcp(host: "h", port: 1),
            links: scheduler,
            log: log.logger,
            silenceTimeMax: silenceTimeMax,
            random: { 1 }
        )
    }

    @Test(arguments: [nil, YMQVersion.two])
    func `a peer that only greets is tried at the pace of one that is not there`(
        version: YMQVersion?
    )
        async throws
    {
        try await onLoop {
            let scheduler = FakeScheduler(version: version)
            let channel = Self.channel(scheduler, RecordedLog())
            let end = spawn { await channel.run(timeout: Self.timeout) { _ in } }
            let begin = Deadline.now
            for _ in 0..<5 {
                let link = try await scheduler.accept()
                link.breakOff()
            }
            // 50, 100, 200 and 400 ms; without growth 200 ms in all.
            #expect(Deadline.now.duration(since: begin) >= .milliseconds(750))
            await channel.leave(disconnectRequest: nil)
            end.cancel()
            #expect(await end.value == .left)
        }
    }

    @Test(arguments: [nil, YMQVersion.two])
    func `a peer that only greets is given up after the timeout`(version: YMQVersion?) async throws {
        try await onLoop {
            let scheduler = FakeScheduler(version: version)
            let channel = Self.channel(scheduler, RecordedLog())
            let end = spawn { await channel.run(timeout: .milliseconds(200)) { _ in } }
            let ends = spawn {
                while let link = try? await scheduler.accept() {
                    link.breakOff()
                }
            }
            guard case .unreachable = await end.value else {
                Issue.record("it was not given up")
                return
            }
            ends.cancel()
        }
    }

    @Test(arguments: [nil, YMQVersion.two])
    func `a peer that has said something is tried again at once`(version: YMQVersion?) async throws {
        try await onLoop {
            let scheduler = FakeScheduler(version: version)
            let channel = Self.channel(scheduler, RecordedLog())
            let messages = Mailbox<[UInt8]>()
            let end = spawn {
                await channel.run(timeout: Self.timeout) { event in
                    if case .message(let bytes) = event { messages.send(bytes) }
                }
            }
            let begin = Deadline.now
            for number in UInt8(0)..<8 {
                let link = try await scheduler.accept()
                link.deliver([number])
                #expect(try await messages.receive(until: soon) == [number])
                link.breakOff()
            }
            // Pauses of 50 ms each; grown they would be 6 s.
            #expect(Deadline.now.duration(since: begin) < .seconds(5))
            await channel.leave(disconnectRequest: nil)
            end.cancel()
            #expect(await end.value == .left)
        }
    }

    /// As through a tunnel, which takes connections for a scheduler that is not there.
    @Test func `the timeout begins when the connection is lost, however long it has lasted`() async throws {
        try await onLoop {
            let scheduler = FakeScheduler(version: nil)
            let channel = Self.channel(scheduler, RecordedLog())
            let messages = Mailbox<[UInt8]>()
            let timeout: Duration = .seconds(1)
            let end = spawn {
                await channel.run(timeout: timeout) { event in
                    if case .message(let bytes) = event { messages.send(bytes) }
                }
            }
            let link = try await scheduler.accept()
            link.deliver([1])
            #expect(try await messages.receive(until: soon) == [1])
            try await sleep(for: timeout + .milliseconds(50))
            link.breakOff()
            try await scheduler.accept().breakOff()
            let next = spawn { try? await scheduler.accept() }
            #expect(await next.value != nil)
            await channel.leave(disconnectRequest: nil)
            end.cancel()
            #expect(await end.value == .left)
        }
    }

    /// As a ROUTER is for a second connection of one identity, also after the first is gone.
    @Test
    func `a connection that brings nothing is given up for another, one that has brought something is not`()
        async throws
    {
        try await onLoop {
            let scheduler = FakeScheduler(version: nil)
            let silenceTimeMax: Duration = .milliseconds(100)
            let channel = Self.channel(scheduler, RecordedLog(), silenceTimeMax: silenceTimeMax)
            let messages = Mailbox<[UInt8]>()
            let end = spawn {
                await channel.run(timeout: Self.timeout) { event in
                    if case .message(let bytes) = event { messages.send(bytes) }
                }
            }
            channel.sendUntilConfirmed([5])
            let silent = try await scheduler.accept()
            #expect(try await silent.nextBytes() == [5])
            let next = try await scheduler.accept()
            #expect(try await next.nextBytes() == [5])
            #expect(silent.isClosed)
            next.deliver([1])
            #expect(try await messages.receive(until: soon) == [1])
            try await sleep(for: silenceTimeMax * 2)
            #expect(!next.isClosed && scheduler.identities.count == 2)
            await channel.leave(disconnectRequest: nil)
            end.cancel()
            #expect(await end.value == .left)
        }
    }

    @Test func `what breaks the rules of the connection is told, once a minute`() async throws {
        try await onLoop {
            let scheduler = FakeScheduler(version: .two)
            let log = RecordedLog()
            let channel = Self.channel(scheduler, log)
            let messages = Mailbox<[UInt8]>()
            let end = spawn {
                await channel.run(timeout: Self.timeout) { event in
                    if case .message(let bytes) = event { messages.send(bytes) }
                }
            }
            let breaches: [MessagingError] = [
                .messageTooLong(announced: 1 << 40, byteCountMax: 9),
                .messageStalled(byteCount: 1, announced: 9), .tooManyFrames(count: 65, byteCount: 1),
            ]
            for breach in breaches {
                let link = try await scheduler.accept()
                link.deliver([1])
                _ = try await messages.receive(until: soon)
                link.fail(breach)
            }
            _ = try await scheduler.accept()
            let warning = "warning the scheduler broke the rules of the connection; connecting again"
            #expect(log.messages == [warning])
            #expect(log.facts(of: warning).map { $0["error"] } == ["\(breaches[0])"])
            await channel.leave(disconnectRequest: nil)
            end.cancel()
            _ = await end.value
        }
    }
}
