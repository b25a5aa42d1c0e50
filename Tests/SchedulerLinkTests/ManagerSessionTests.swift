// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import SchedulerPeer
import TestSupport
import Testing

@testable import SchedulerLink
@testable import SchedulerMessages

@Suite(.timeLimit(.minutes(1))) struct ManagerSessionTests {
    /// A session and everything that it talks to.
    @LoopActor
    private struct Stage {
        let scheduler: FakeScheduler
        let log = RecordedLog()
        let commandArrived = Wakeup()
        let session: ManagerSession

        init(
            _ profile: WorkerProfile = .test(),
            concurrency: Int = 1,
            version: YMQVersion? = nil,
            echoesHeartbeats: Bool = false
        ) {
            scheduler = FakeScheduler(version: version)
            scheduler.echoesHeartbeats = echoesHeartbeats
            let channel = SchedulerChannel(
                identity: "m",
                endpoint: .tcp(host: "h", port: 1),
                links: scheduler,
                log: log.logger
            )
            session = ManagerSession(
                profile: profile,
                concurrency: concurrency,
                channel: channel,
                commandArrived: commandArrived,
                log: log.logger
            )
        }

        func start() async throws -> (FakeLink, Spawned<SchedulerChannel.End>) {
            let session = session
            let end = spawn { await session.run() }
            return (try await scheduler.accept(), end)
        }

        /// Sends a command and waits until the session has taken it.
        func command(_ requests: [DesiredTaskConcurrencyRequest], on link: FakeLink) async throws {
            link.deliver(WorkerManagerCommand(requests: requests).encoded(for: .second))
            try await commandArrived.wait(until: soon)
        }
    }

    @Test func `messages that only later releases know are told once and ignored`() async throws {
        try await onLoop {
            let stage = Stage(version: .two, echoesHeartbeats: true)
            let (link, end) = try await stage.start()
            var later = WorkerManagerCommand(requests: []).encoded(for: .second)
            for tag in [27, 27, 29] as [UInt8] {
                later[16] = tag
                link.deliver(later)
            }
            let request = DesiredTaskConcurrencyRequest(taskConcurrency: 1, capabilities: [])
            try await stage.command([request], on: link)
            #expect(stage.session.desiredWorkerCount == 1)
            let lines = stage.log.messages.filter { $0.contains("does not know") }
            #expect(lines.count == 2)
            await stage.session.leave()
            _ = await end.value
        }
    }

    private static func heartbeat(_ generation: WireGeneration, concurrency: UInt32 = 1) -> [UInt8] {
        WorkerManagerHeartbeat(
            maxTaskConcurrency: concurrency,
            capabilities: [],
            workerManagerID: Array("wm".utf8)
        ).encoded(for: generation)
    }

    private static func request(
        _ count: UInt32,
        _ names: [String: Int64] = [:]
    ) -> DesiredTaskConcurrencyRequest {
        DesiredTaskConcurrencyRequest(
            taskConcurrency: count,
            capabilities: names.map { Capability(name: $0.key, value: $0.value) }
        )
    }

    private static let echo = WorkerManagerHeartbeatEcho().encoded(for: .second)

    @Test func `a manager tells of a silence once, and of its end`() async throws {
        try await onLoop {
            let stage = Stage(.test(heartbeatInterval: .milliseconds(1)), version: .two)
            let (link, end) = try await stage.start()
            let heartbeat = Self.heartbeat(.second)
            #expect(try await link.nextHeartbeat() == heartbeat)
            link.deliver(Self.echo)
            for _ in 0..<40 { #expect(try await link.nextHeartbeat() == heartbeat) }
            #expect(!stage.session.isRegistered)
            link.deliver(Self.echo)
            while !stage.session.isRegistered { #expect(try await link.nextHeartbeat() == heartbeat) }
            let silence = "warning the scheduler is silent; what runs goes on, and answers are kept for it"
            #expect(
                Array(stage.log.messages.prefix(2)) == [silence, "notice the scheduler answers again"]
            )
            await stage.session.leave()
            #expect(await end.value == .left)
        }
    }

    @Test func `a scheduler that is silent for the death timeout is left, for its connection may be dead`()
        async throws
    {
        try await onLoop {
            let interval = Duration.milliseconds(1)
            let stage = Stage(.test(heartbeatInterval: interval, deathTimeout: interval * 50), version: .two)
            let (link, end) = try await stage.start()
            _ = try await link.nextHeartbeat()
            link.deliver(Self.echo)
            #expect(await end.value == .left)
            #expect(!stage.session.isRegistered)
        }
    }

    @Test func `without an echo the two generations take turns, two heartbeats each`() async throws {
        try await onLoop {
            let stage = Stage()
            let (link, end) = try await stage.start()
            var lengths: [Int] = []
            var last: [UInt8] = []
            for _ in 0..<12 {
                let heartbeat = try await link.nextHeartbeat()
                #expect([Self.heartbeat(.first), Self.heartbeat(.second)].contains(heartbeat))
                if heartbeat == last { lengths[lengths.count - 1] += 1 } else { lengths.append(1) }
                last = heartbeat
            }
            // One may have been due before there was a link; the last run is cut short.
            #expect((1...2).contains(lengths[0]))
            #expect(lengths.dropFirst().dropLast().allSatisfy { $0 == 2 })
            #expect(lengths.count >= 6)
            await stage.session.leave()
            #expect(await end.value == .left)
        }
    }

    @Test func `the generation that was answered is kept, also in a silence`() async throws {
        try await onLoop {
            let stage = Stage()
            let (link, end) = try await stage.start()
            while try await link.nextHeartbeat() != Self.heartbeat(.first) {}
            link.deliver(WorkerManagerHeartbeatEcho().encoded(for: .first))
            for _ in 0..<8 { _ = try await link.nextHeartbeat() }
            #expect(!stage.session.isRegistered)
            #expect(stage.session.generation == .first)
            await stage.session.leave()
            #expect(await end.value == .left)
        }
    }

    @Test func `an echo that comes late tells the generation by its own number`() async throws {
        try await onLoop {
            let stage = Stage()
            let (link, end) = try await stage.start()
            while try await link.nextHeartbeat() != Self.heartbeat(.first) {}
            while try await link.nextHeartbeat() != Self.heartbeat(.second) {}
            link.deliver(WorkerManagerHeartbeatEcho().encoded(for: .first))
            while !stage.session.isRegistered { _ = try await link.nextHeartbeat() }
            #expect(stage.session.generation == .first)
            #expect(try await link.nextHeartbeat() == Self.heartbeat(.first))
            await stage.session.leave()
            #expect(await end.value == .left)
        }
    }

    @Test(arguments: [(YMQVersion?.some(.one), WireGeneration?.none), (.one, .second), (nil, .first)])
    func `a generation that is known is not guessed`(
        _ version: YMQVersion?,
        _ assumed: WireGeneration?
    ) async throws {
        try await onLoop {
            let profile = WorkerProfile.test(assumedGeneration: assumed)
            let stage = Stage(profile, version: version)
            let (link, end) = try await stage.start()
            // The first may have been encoded before the link told.
            _ = try await link.nextHeartbeat()
            for _ in 0..<6 { #expect(try await link.nextHeartbeat() == Self.heartbeat(.first)) }
            #expect(stage.session.generation == .first)
            await stage.session.leave()
            #expect(await end.value == .left)
        }
    }

    @Test func `a command becomes as many workers as hold the concurrency that is asked for`() async throws {
        try await onLoop {
            let offered = [Capability(name: "ocpus", value: -1), Capability(name: "gpu", value: 1)]
            let stage = Stage(.test(capabilities: offered), concurrency: 10, echoesHeartbeats: true)
            let (link, end) = try await stage.start()
            #expect(stage.session.desiredWorkerCount == nil)
            try await stage.command([Self.request(25)], on: link)
            #expect(stage.session.desiredWorkerCount == 3)
            // A size is offered in any amount; another capability only as it is.
            let requests = [Self.request(10, ["ocpus": 4, "gpu": 1]), Self.request(90, ["gpu": 2])]
            try await stage.command(requests, on: link)
            #expect(stage.session.desiredWorkerCount == 1)
            try await stage.command([], on: link)
            #expect(stage.session.desiredWorkerCount == 0)
            try await stage.command([Self.request(.max)], on: link)
            #expect(stage.session.desiredWorkerCount == 64)
            await stage.session.leave()
            #expect(await end.value == .left)
            #expect(stage.session.desiredWorkerCount == nil)
        }
    }

    @Test func `malformed bytes end the session`() async throws {
        try await onLoop {
            let stage = Stage()
            let (link, end) = try await stage.start()
            link.deliver([1, 2, 3])
            guard case .refused(.malformed) = await end.value else {
                Issue.record("it went on")
                return
            }
            #expect(link.isClosed)
        }
    }
}
