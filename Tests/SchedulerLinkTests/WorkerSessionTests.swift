// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import SchedulerPeer
import TaskEngine
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages

@Suite(.timeLimit(.minutes(1))) struct WorkerSessionTests {
    private static let identity = "Worker|test"

    /// A session and everything that it talks to.
    @LoopActor
    private struct Stage {
        let scheduler: FakeScheduler
        let tasks = RecordedTasks()
        let objectStore = unusedObjectStore()
        let log = RecordedLog()
        let session: WorkerSession

        init(
            _ profile: WorkerProfile = .test(),
            version: YMQVersion? = nil,
            echoesHeartbeats: Bool = true
        ) {
            scheduler = FakeScheduler(version: version)
            scheduler.echoesHeartbeats = echoesHeartbeats
            let log = log.logger
            let channel = SchedulerChannel(
                identity: identity,
                endpoint: .tcp(host: "h", port: 1),
                links: scheduler,
                log: log
            )
            session = WorkerSession(
                profile: profile,
                channel: channel,
                tasks: tasks,
                objectStore: objectStore,
                sampleUsage: SystemHost().usageSampler(),
                log: log
            )
        }

        /// Starts the session; its first link and what its run returns.
        func start() async throws -> (FakeLink, Spawned<SchedulerChannel.End>) {
            let session = session
            let end = spawn { await session.run() }
            return (try await scheduler.accept(), end)
        }
    }

    private static func task(_ id: [UInt8]) -> [UInt8] {
        TaskMessage(taskID: TaskID(id), source: ClientID([1]), functionObjectID: nil).encoded()
    }

    private static func isMalformed(_ end: SchedulerChannel.End) -> Bool {
        if case .refused(.malformed) = end { true } else { false }
    }

    @LoopActor
    private static func reply(_ session: WorkerSession) throws -> (Latch, ObjectInstruction, TaskResult) {
        let object = try ObjectID([UInt8](repeating: 5, count: 32))
        let created = ObjectInstruction(created: object, user: ClientID([1]), name: "<res>", sizeInBytes: 3)
        let result = TaskResult(taskID: TaskID([1]), outcome: .success, result: object, profile: nil)
        return (session.reply(result, announcing: created), created, result)
    }

    @Test func `a worker registers by a heartbeat that tells its profile and its load`() async throws {
        try await onLoop {
            let offered = [Capability(name: "gpu", value: 2)]
            let stage = Stage(.test(capabilities: offered, heartbeatInterval: .seconds(30)))
            stage.tasks.loads[Self.identity] = (unansweredCount: 4, queuedCount: 3, isFull: true)
            stage.tasks.running = [(TaskID([7, 8]), .seconds(90.9)), (TaskID([9]), .zero)]
            let (link, end) = try await stage.start()
            #expect(link.identity == Self.identity)
            guard
                case .workerHeartbeat(let heartbeat) = try SchedulerBoundMessage.decode(
                    try await link.nextHeartbeat()
                )
            else {
                Issue.record("it is no heartbeat")
                return
            }
            #expect(heartbeat.queueSize == 7)
            #expect(heartbeat.queuedTasks == 3)
            #expect(heartbeat.taskLock)
            #expect(heartbeat.capabilities == offered)
            #expect(heartbeat.workerManagerID == Array("wm".utf8))
            #expect(heartbeat.hostname == "h")
            #expect(heartbeat.agent.residentBytes > 0)
            #expect(heartbeat.memoryLimitBytes > 0 && heartbeat.freeBytes < heartbeat.memoryLimitBytes)
            #expect(heartbeat.processors.map(\.currentTaskID) == [TaskID([7, 8]), TaskID([9])])
            #expect(heartbeat.processors.map(\.taskAgeSeconds) == [90, 0])
            #expect(heartbeat.processors.map(\.processID) == [1, 2])
            for processor in heartbeat.processors {
                #expect(processor.isInitialized && processor.hasTask && !processor.isSuspended)
            }
            await stage.session.leave(generation: nil)
            #expect(await end.value == .left)
        }
    }

    @Test func `a heartbeat tells half the time that the one before took to come back`() async throws {
        try await onLoop {
            let begin = Deadline.now
            let stage = Stage(.test(heartbeatInterval: .milliseconds(300)), echoesHeartbeats: false)
            let (link, end) = try await stage.start()
            _ = try await link.nextHeartbeat()
            // What a round trip takes is time.
            try await sleep(for: .milliseconds(200))
            link.deliver(FakeLink.workerEcho(storagePort: 0))
            let bound = Deadline.now.duration(since: begin)
            var latency = Duration.zero
            // One may have been sent before the echo came.
            while latency == .zero {
                let next = try SchedulerBoundMessage.decode(try await link.nextHeartbeat())
                guard case .workerHeartbeat(let heartbeat) = next else { continue }
                latency = .microseconds(Int64(heartbeat.latencyMicroseconds))
            }
            #expect(latency < bound / 2 + .milliseconds(50))
            await stage.session.leave(generation: nil)
            _ = await end.value
        }
    }

    @Test func `a task is handed on, and its answer is announced, sent and confirmed`() async throws {
        try await onLoop {
            let stage = Stage()
            let (link, end) = try await stage.start()
            link.deliver(Self.task([1, 2]))
            try await stage.tasks.waitForNotes(1)
            #expect(stage.tasks.notes == ["run [1, 2]"])
            let (confirmed, created, result) = try Self.reply(stage.session)
            #expect(!confirmed.isOpen)
            #expect(try await link.next() == .objectInstruction(created))
            #expect(try await link.next() == .taskResult(result))
            // The echo of the next heartbeat.
            try await confirmed.wait(until: soon)
            await stage.session.waitUntilConfirmed()
            await stage.session.leave(generation: nil)
            #expect(await end.value == .left)
        }
    }

    @Test(arguments: [
        (CancelAnswer.canceled, TaskCancelConfirm.Outcome.canceled), (.refused, .cancelFailed),
        (.unknown, .cancelNotFound),
    ])
    func `a cancel is answered as the tasks say`(
        _ answer: CancelAnswer,
        _ outcome: TaskCancelConfirm.Outcome
    ) async throws {
        try await onLoop {
            let stage = Stage()
            stage.tasks.cancelAnswer = answer
            let (link, end) = try await stage.start()
            for isForced in [false, true] {
                link.deliver(TaskCancel(taskID: TaskID([7]), force: isForced).encoded())
                let expected = TaskCancelConfirm(taskID: TaskID([7]), outcome: outcome)
                #expect(try await link.next() == .taskCancelConfirm(expected))
            }
            #expect(stage.tasks.notes == ["cancel [7]", "cancel [7] forced"])
            await stage.session.leave(generation: nil)
            #expect(await end.value == .left)
        }
    }

    /// Said again after a reset, it was taken for the answer to a later cancel, while the task ran.
    @Test func `the answer to a cancel is not said again once the task has come again`() async throws {
        try await onLoop {
            let stage = Stage(.test(heartbeatInterval: .seconds(30)), echoesHeartbeats: false)
            stage.tasks.cancelAnswer = .canceled
            let (link, end) = try await stage.start()
            link.deliver(TaskCancel(taskID: TaskID([7]), force: false).encoded())
            let answer = TaskCancelConfirm(taskID: TaskID([7]), outcome: .canceled)
            #expect(try await link.next() == .taskCancelConfirm(answer))
            link.deliver(Self.task([7]))
            let (_, created, result) = try Self.reply(stage.session)
            #expect(try await link.next() == .objectInstruction(created))
            #expect(try await link.next() == .taskResult(result))
            link.breakOff()
            let next = try await stage.scheduler.accept()
            try await stage.session.reconnected.wait(until: soon)
            #expect(try await next.next() == .objectInstruction(created))
            await stage.session.leave(generation: nil)
            #expect(await end.value == .left)
        }
    }

    @Test func `deleted objects are forgotten`() async throws {
        try await onLoop {
            let stage = Stage()
            let (link, end) = try await stage.start()
            let ids = try [1, 2].map { try ObjectID([UInt8](repeating: $0, count: 32)) }
            let deletion = ObjectInstruction(
                kind: .delete,
                user: ClientID([]),
                objectIDs: ids,
                contentTypes: [],
                names: [],
                sizesInBytes: []
            )
            link.deliver(deletion.encoded())
            try await stage.tasks.waitForNotes(1)
            #expect(stage.tasks.notes == ["forget 2"])
            await stage.session.leave(generation: nil)
            #expect(await end.value == .left)
        }
    }

    @Test func `a worker that is sent far more tasks than its queue leaves, and takes none of the rest`()
        async throws
    {
        try await onLoop {
            let stage = Stage(.test(heartbeatInterval: .seconds(30)), version: .two)
            let (link, end) = try await stage.start()
            // Twice its queue of 7 it may have, and some: a scheduler that took it for dead begins to count anew.
            let limit = 2 * 7 + WorkerSession.excessTaskCountMax
            stage.tasks.loads[Self.identity] = (unansweredCount: limit - 1, queuedCount: 0, isFull: true)
            link.deliver(Self.task([1]))
            try await stage.tasks.waitForNotes(1)
            stage.tasks.loads[Self.identity] = (unansweredCount: limit, queuedCount: 0, isFull: true)
            for number in UInt8(2)..<100 { link.deliver(Self.task([number])) }
            #expect(await end.value == .refused(.overfilled(taskCount: limit)))
            #expect(stage.tasks.notes == ["run [1]", "lost", "lost"])
            let goodbye = WorkerDisconnect(worker: Array(Self.identity.utf8))
            #expect(try await link.next() == .workerDisconnect(goodbye))
            #expect(await link.isClosedWithoutMessage())
        }
    }

    /// Each answer is kept until a heartbeat after it is echoed; an echo that no heartbeat waits for confirms nothing.
    @Test func `a worker that is sent far more cancels than there may be tasks leaves`() async throws {
        try await onLoop {
            let stage = Stage(.test(heartbeatInterval: .seconds(30)), echoesHeartbeats: false)
            let (link, end) = try await stage.start()
            let limit = 2 * 7 + WorkerSession.excessTaskCountMax + WorkerSession.excessAnswerCountMax
            _ = try await link.nextHeartbeat()
            for number in 0..<(20 + limit) {
                if number == 20 { for _ in 0..<2 { link.deliver(FakeLink.workerEcho()) } }
                let id = TaskID([UInt8(number & 255), UInt8(number >> 8)])
                link.deliver(TaskCancel(taskID: id, force: false).encoded())
                // Others have turns of the loop, too.
                if number % 20 == 19 { try await stage.tasks.waitForNotes(number + 1) }
            }
            link.deliver(FakeLink.workerEcho())
            link.deliver(TaskCancel(taskID: TaskID([1]), force: false).encoded())
            #expect(await end.value == .refused(.overfilled(taskCount: limit)))
            #expect(stage.tasks.notes.count { $0.hasPrefix("cancel") } == 20 + limit)
        }
    }

    @Test func `a worker that is sent one task again and again leaves, and takes it slowly`() async throws {
        try await onLoop {
            let stage = Stage(.test(heartbeatInterval: .seconds(30)), echoesHeartbeats: false)
            let (link, end) = try await stage.start()
            let begin = Deadline.now
            let limit = 2 * 7 + WorkerSession.excessTaskCountMax + WorkerSession.excessAnswerCountMax
            for _ in 0..<limit + 100 { link.deliver(Self.task([1])) }
            // None of them makes its tally grow, as one that runs already does not.
            #expect(await end.value == .refused(.overfilled(taskCount: limit)))
            #expect(Deadline.now.duration(since: begin) >= .milliseconds(4 * (limit - 1000 - 1)))
        }
    }

    @Test(arguments: [true, false])
    func `messages that mean nothing are taken so many a second, and what comes behind them waits`(
        _ isEcho: Bool
    ) async throws {
        try await onLoop {
            let stage = Stage(.test(heartbeatInterval: .seconds(30)), echoesHeartbeats: false)
            let (link, end) = try await stage.start()
            _ = try await link.nextHeartbeat()
            let begin = Deadline.now
            let bytes = isEcho ? FakeLink.workerEcho() : SchedulerBytes.disconnectResponse(to: [1])
            let (atOnce, perSecond) = (1000, 250.0)
            // The first echo is for the heartbeat.
            for _ in 0..<(atOnce + 100 + (isEcho ? 1 : 0)) { link.deliver(bytes) }
            link.deliver(Self.task([1]))
            try await stage.tasks.waitForNotes(1)
            #expect(stage.tasks.notes == ["run [1]"])
            #expect(Deadline.now.duration(since: begin) >= .seconds(99 / perSecond))
            await stage.session.leave(generation: nil)
            #expect(await end.value == .left)
        }
    }

    @Test func `malformed bytes end the session, with a disconnect request`() async throws {
        try await onLoop {
            let stage = Stage()
            let (link, end) = try await stage.start()
            link.deliver([1, 2, 3])
            #expect(
                try await link.next()
                    == .workerDisconnect(WorkerDisconnect(worker: Array(Self.identity.utf8)))
            )
            #expect(Self.isMalformed(await end.value))
            #expect(Set(stage.tasks.notes) == ["lost"])
        }
    }

    @Test(arguments: [(0, false), (1, true), (64, true), (65, false)])
    func `a task ID of a wrong length ends the session`(_ byteCount: Int, _ isAccepted: Bool) async throws {
        try await onLoop {
            let stage = Stage()
            let (link, end) = try await stage.start()
            link.deliver(Self.task([UInt8](repeating: 1, count: byteCount)))
            try await stage.tasks.waitForNotes(1)
            #expect(stage.tasks.notes[0].hasPrefix("run") == isAccepted)
            if isAccepted { await stage.session.leave(generation: nil) }
            #expect(Self.isMalformed(await end.value) == !isAccepted)
        }
    }

    @Test(arguments: [WireGeneration.first, .second])
    func `a client that shuts the scheduler down ends the session without a disconnect request`(
        _ generation: WireGeneration
    ) async throws {
        try await onLoop {
            let stage = Stage()
            let (link, end) = try await stage.start()
            link.deliver(ClientDisconnect(kind: .disconnect).encoded(for: generation))
            link.deliver(ClientDisconnect(kind: .shutdown).encoded(for: generation))
            #expect(await link.isClosedWithoutMessage())
            #expect(await end.value == .left)
            #expect(stage.tasks.notes == ["dismissed", "lost"])
            #expect(stage.session.isSchedulerGone)
        }
    }

    // The next scheduler may get the heartbeats that waited; what it would wait for is then a worker that nobody is.
    @Test func `a worker that is told to shut down leaves once its answers are confirmed`() async throws {
        try await onLoop {
            let stage = Stage(echoesHeartbeats: false)
            stage.tasks.loads[Self.identity] = (unansweredCount: 1, queuedCount: 0, isFull: true)
            let (link, end) = try await stage.start()
            #expect(try await !Self.isDraining(link))
            for _ in 0..<2 { link.deliver(SchedulerBytes.workerShutdown) }
            while try await !Self.isDraining(link) {}
            // One that was under way when the scheduler read of it is not lost.
            link.deliver(Self.task([3]))
            try await stage.tasks.waitForNotes(1)
            #expect(stage.tasks.notes == ["run [3]"])
            let (confirmed, created, result) = try Self.reply(stage.session)
            stage.tasks.loads[Self.identity] = nil
            #expect(try await link.next() == .objectInstruction(created))
            #expect(try await link.next() == .taskResult(result))
            try await stage.tasks.waitForLoads(5)
            #expect(!link.isClosed && !confirmed.isOpen)
            for _ in 0..<link.heartbeatCount { link.deliver(FakeLink.workerEcho()) }
            let goodbye = WorkerDisconnect(worker: Array(Self.identity.utf8))
            #expect(try await link.next() == .workerDisconnect(goodbye))
            #expect(await end.value == .left)
            #expect(confirmed.isOpen)
            #expect(stage.log.messages.count { $0.contains("told to shut down") } == 1)
        }
    }

    @Test func `a worker without tasks that is told to shut down leaves at once`() async throws {
        try await onLoop {
            let stage = Stage(.test(heartbeatInterval: .seconds(300)))
            let (link, end) = try await stage.start()
            link.deliver(SchedulerBytes.workerShutdown)
            let goodbye = WorkerDisconnect(worker: Array(Self.identity.utf8))
            #expect(try await link.next() == .workerDisconnect(goodbye))
            #expect(await end.value == .left)
        }
    }

    @LoopActor
    private static func isDraining(_ link: FakeLink) async throws -> Bool {
        let bytes = try await link.nextHeartbeat()
        guard case .workerHeartbeat(let heartbeat) = try SchedulerBoundMessage.decode(bytes) else {
            return false
        }
        return heartbeat.isDraining
    }

    @Test
    func `a scheduler that echoes no heartbeat is left after the death timeout, with a disconnect request`()
        async throws
    {
        try await onLoop {
            let profile = WorkerProfile.test(deathTimeout: .milliseconds(50))
            let stage = Stage(profile, echoesHeartbeats: false)
            let (link, end) = try await stage.start()
            #expect(
                try await link.next()
                    == .workerDisconnect(WorkerDisconnect(worker: Array(Self.identity.utf8)))
            )
            #expect(await link.isClosedWithoutMessage())
            #expect(await end.value == .left)
            #expect(stage.tasks.notes == ["lost", "lost"])
            #expect(stage.session.isSchedulerGone)
        }
    }

    @Test func `a scheduler that cannot be reached for the death timeout is taken for gone`() async throws {
        try await onLoop {
            let stage = Stage(.test(deathTimeout: .milliseconds(50)))
            let (link, end) = try await stage.start()
            #expect(!stage.session.isSchedulerGone)
            stage.scheduler.isUnreachable = true
            link.fail(.aborted(reason: "reset"))
            _ = await end.value
            #expect(stage.session.isSchedulerGone)
        }
    }

    @Test func `the address of the object storage is that of the newest echo that has one`() async throws {
        try await onLoop {
            // No other echoes than these, however slow the machine is.
            let stage = Stage(.test(heartbeatInterval: .seconds(30)), echoesHeartbeats: false)
            let (link, end) = try await stage.start()
            link.deliver(FakeLink.workerEcho(storagePort: 9))
            link.deliver(Self.task([1]))
            try await stage.tasks.waitForNotes(1)
            #expect(stage.objectStore.address == "tcp://127.0.0.1:9")
            link.deliver(FakeLink.workerEcho(storagePort: 10))
            link.deliver(FakeLink.workerEcho(storagePort: 0))
            link.deliver(Self.task([2]))
            try await stage.tasks.waitForNotes(2)
            #expect(stage.objectStore.address == "tcp://127.0.0.1:10")
            await stage.session.leave(generation: nil)
            #expect(await end.value == .left)
        }
    }

    @Test(arguments: [
        (YMQVersion?.none, WireGeneration?.none, WireGeneration?.none, WireGeneration.second),
        (nil, nil, .first, .first), (nil, .first, .second, .first), (.two, .first, .first, .second),
        (.one, nil, nil, .first),
    ])
    func `the disconnect request is of the generation that the surest source tells`(
        _ version: YMQVersion?,
        _ assumed: WireGeneration?,
        _ other: WireGeneration?,
        _ expected: WireGeneration
    ) async throws {
        try await onLoop {
            let stage = Stage(.test(assumedGeneration: assumed), version: version)
            let (link, end) = try await stage.start()
            await stage.session.leave(generation: other)
            let request = try await link.nextBytes()
            #expect(request == WorkerDisconnect(worker: Array(Self.identity.utf8)).encoded(for: expected))
            #expect(await end.value == .left)
        }
    }

    @Test func `without a connection nothing is kept that would come late`() async throws {
        try await onLoop {
            let stage = Stage(.test(heartbeatInterval: .milliseconds(1)))
            let (link, end) = try await stage.start()
            try await link.waitUntilHeard(moreThan: 0)
            stage.scheduler.isUnreachable = true
            link.breakOff()
            try await stage.tasks.waitForLoads(5)
            let (confirmed, created, result) = try Self.reply(stage.session)
            let piece = TaskLog(taskID: TaskID([1]), stream: .standardOutput, content: "a")
            stage.session.sendOutput([piece.encoded()])
            stage.scheduler.isUnreachable = false
            let next = try await stage.scheduler.accept()
            #expect(try await next.next() == .objectInstruction(created))
            #expect(try await next.next() == .taskResult(result))
            try await confirmed.wait(until: soon)
            await stage.session.leave(generation: nil)
            #expect(await end.value == .left)
        }
    }

    @Test func `what is not confirmed is sent again on the next connection, and output goes on`() async throws
    {
        try await onLoop {
            let stage = Stage(.test(heartbeatInterval: .seconds(30)), echoesHeartbeats: false)
            let (link, end) = try await stage.start()
            let piece = TaskLog(taskID: TaskID([1]), stream: .standardOutput, content: "a")
            // The first one says that the connection is noticed.
            _ = try await link.nextHeartbeat()
            stage.session.sendOutput([piece.encoded()])
            #expect(try await link.next() == .taskLog(piece))
            let (confirmed, created, result) = try Self.reply(stage.session)
            #expect(try await link.next() == .objectInstruction(created))
            #expect(try await link.next() == .taskResult(result))
            link.breakOff()
            let next = try await stage.scheduler.accept()
            try await stage.session.reconnected.wait(until: soon)
            #expect(try await next.next() == .objectInstruction(created))
            #expect(try await next.next() == .taskResult(result))
            stage.session.sendOutput([piece.encoded()])
            #expect(try await next.next() == .taskLog(piece))
            #expect(!confirmed.isOpen)
            await stage.session.leave(generation: nil)
            #expect(await end.value == .left)
        }
    }
}
