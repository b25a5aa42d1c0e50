// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import Messaging
import SchedulerPeer
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages

@Suite(.timeLimit(.minutes(1))) struct WorkerPoolTests {
    /// A pool whose workers hold one task each, and everything that it talks to.
    @LoopActor
    private final class Stage {
        let scheduler = FakeScheduler()
        let tasks = RecordedTasks()
        let log = RecordedLog()
        let pool: WorkerPool
        private var run: Spawned<Void>?
        private var manager: FakeLink?

        init(
            cooldown: Duration = .zero,
            generation: WireGeneration? = nil,
            deathTimeout: Duration = .seconds(30)
        ) {
            var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
            settings.baseConcurrency = 1
            settings.scaleDownCooldown = cooldown
            pool = WorkerPool(
                settings: settings,
                ownerID: "owner",
                profile: .test(deathTimeout: deathTimeout, assumedGeneration: generation),
                links: scheduler,
                tasks: tasks,
                objectStore: unusedObjectStore(),
                host: SystemHost(),
                log: log.logger
            )
        }

        /// Starts the pool and takes its manager's link.
        func start() async throws -> FakeLink {
            let pool = pool
            run = spawn { await pool.run() }
            let manager = try await scheduler.accept()
            self.manager = manager
            return manager
        }

        /// Commands a number of workers.
        func desire(_ count: UInt32) {
            let request = DesiredTaskConcurrencyRequest(taskConcurrency: count, capabilities: [])
            manager?.deliver(WorkerManagerCommand(requests: [request]).encoded(for: .second))
        }

        /// The links of the next workers.
        func accept(_ count: Int) async throws -> [FakeLink] {
            var links: [FakeLink] = []
            while links.count < count {
                let link = try await scheduler.accept()
                #expect(link.identity.hasPrefix("Worker|oci-hpc-"))
                links.append(link)
            }
            return links
        }

        /// Leaves and waits for the end of the run.
        func end() async {
            await pool.leave()
            await run?.value
        }
    }

    @LoopActor
    private static func expectDisconnectRequest(on link: FakeLink) async throws {
        #expect(
            try await link.next() == .workerDisconnect(WorkerDisconnect(worker: Array(link.identity.utf8)))
        )
    }

    @Test func `there are as many workers as desired, each under an identity of its own`() async throws {
        try await onLoop {
            let stage = Stage()
            let manager = try await stage.start()
            #expect(manager.identity == "owner|worker_manager_oci_hpc")
            _ = try await manager.nextHeartbeat()
            #expect(stage.pool.workerCount == 0)
            #expect(!stage.pool.wasRegistered)
            stage.desire(3)
            let workers = try await stage.accept(3)
            #expect(Set(workers.map(\.identity)).count == 3)
            #expect(stage.pool.workerCount == 3)
            #expect(stage.pool.isRegistered)
            #expect(stage.pool.wasRegistered)
            #expect(stage.pool.generation == .second)
            await stage.end()
            for worker in workers { try await Self.expectDisconnectRequest(on: worker) }
            #expect(await manager.isClosedWithoutMessage())
            #expect(stage.scheduler.identities.count == 4)
        }
    }

    @Test func `each look after the workers is told, and none needs a message`() async throws {
        try await onLoop {
            let stage = Stage()
            _ = try await stage.start()
            for _ in 0..<2 { try await stage.pool.looked.wait(until: soon) }
            await stage.end()
        }
    }

    @Test func `of workers that are too many the idlest are stopped, without a cooldown at once`()
        async throws
    {
        try await onLoop {
            let stage = Stage()
            _ = try await stage.start()
            stage.desire(3)
            let workers = try await stage.accept(3)
            for (link, count) in zip(workers, [2, 1, 3]) {
                let load: WorkerLoad = (unansweredCount: count, queuedCount: 0, isFull: false)
                stage.tasks.loads[link.identity] = load
            }
            stage.desire(2)
            try await Self.expectDisconnectRequest(on: workers[1])
            #expect(!workers[0].isClosed && !workers[2].isClosed)
            await stage.end()
        }
    }

    @Test func `workers that are too many are stopped when that has lasted for the cooldown`() async throws {
        try await onLoop {
            let cooldown: Duration = .milliseconds(300)
            let stage = Stage(cooldown: cooldown)
            _ = try await stage.start()
            stage.desire(1)
            let workers = try await stage.accept(1)
            let before = Deadline.now
            stage.desire(0)
            try await Self.expectDisconnectRequest(on: workers[0])
            #expect((before + cooldown).isPast)
            await stage.end()
        }
    }

    @Test func `a worker whose connection was lost and is back leaves, and another takes over`() async throws
    {
        try await onLoop {
            let stage = Stage()
            _ = try await stage.start()
            stage.desire(1)
            let old = try await stage.accept(1)[0]
            _ = try await old.nextHeartbeat()
            old.breakOff()
            let again = try await stage.accept(1)[0]
            #expect(again.identity == old.identity)
            try await Self.expectDisconnectRequest(on: again)
            let new = try await stage.accept(1)[0]
            #expect(new.identity != old.identity)
            #expect(!stage.tasks.notes.contains("unfamiliar"))
            await stage.end()
        }
    }

    @Test func `a worker of the first generation stays, and its tasks become unfamiliar`() async throws {
        try await onLoop {
            let stage = Stage(generation: .first)
            _ = try await stage.start()
            stage.desire(1)
            var worker = try await stage.accept(1)[0]
            try await worker.waitUntilHeard(moreThan: 0)
            for count in 1...2 {
                worker.breakOff()
                worker = try await stage.accept(1)[0]
                try await worker.waitUntilHeard(moreThan: 0)
                try await stage.tasks.waitForNotes(count)
            }
            #expect(stage.tasks.notes == ["unfamiliar", "unfamiliar"])
            #expect(!worker.isClosed)
            #expect(stage.pool.workerCount == 1)
            await stage.end()
        }
    }

    @Test func `workers that end are replaced at once sixteen times, then one a second`() async throws {
        try await onLoop {
            let stage = Stage()
            _ = try await stage.start()
            stage.desire(1)
            var worker = try await stage.accept(1)[0]
            let firstEnd = Deadline.now
            for _ in 0..<17 {
                worker.fail(.closedByPeer)
                worker = try await stage.accept(1)[0]
            }
            #expect((firstEnd + .seconds(1)).isPast)
            await stage.end()
        }
    }

    @Test func `after a shutdown workers start only on another command`() async throws {
        try await onLoop {
            let stage = Stage()
            _ = try await stage.start()
            stage.desire(1)
            let first = try await stage.accept(1)[0]
            first.deliver(ClientDisconnect(kind: .shutdown).encoded(for: .second))
            #expect(await first.isClosedWithoutMessage())
            while stage.pool.workerCount > 0 { await yieldToOthers() }
            for _ in 0..<10 { await yieldToOthers() }
            #expect(stage.scheduler.identities.count == 2)
            stage.desire(1)
            _ = try await stage.accept(1)
            await stage.end()
        }
    }

    @Test func `after a silence for the death timeout workers start only on another command`() async throws {
        try await onLoop {
            let stage = Stage(deathTimeout: .milliseconds(500))
            _ = try await stage.start()
            // The manager is answered all the time, as it is for three heartbeats more than its workers at worst.
            stage.scheduler.echoesHeartbeats = false
            stage.desire(1)
            let first = try await stage.accept(1)[0]
            try await Self.expectDisconnectRequest(on: first)
            while stage.pool.workerCount > 0 { await yieldToOthers() }
            for _ in 0..<10 { await yieldToOthers() }
            #expect(stage.pool.isRegistered)
            #expect(stage.scheduler.identities.count == 2)
            stage.desire(1)
            _ = try await stage.accept(1)
            await stage.end()
        }
    }

    @Test func `a shutdown tells that the scheduler is gone for good`() async throws {
        try await onLoop {
            let stage = Stage()
            _ = try await stage.start()
            stage.desire(1)
            let worker = try await stage.accept(1)[0]
            #expect(!stage.pool.schedulerLost.isOpen)
            worker.deliver(ClientDisconnect(kind: .shutdown).encoded(for: .second))
            try await stage.pool.schedulerLost.wait(until: .after(.seconds(30)))
            await stage.end()
        }
    }

    @Test func `a scheduler that comes back in time is not gone, one that does not is`() async throws {
        try await onLoop {
            let stage = Stage(deathTimeout: .seconds(3))
            let manager = try await stage.start()
            manager.fail(.closedByPeer)
            let again = try await stage.scheduler.accept()
            while !stage.pool.isRegistered { await yieldToOthers() }
            #expect(!stage.pool.schedulerLost.isOpen)
            stage.scheduler.isUnreachable = true
            again.fail(.closedByPeer)
            try await stage.pool.schedulerLost.wait(until: .after(.seconds(30)))
            #expect(!stage.pool.isRegistered)
            await stage.end()
        }
    }

    @Test func `a worker that was told to shut down is replaced, the next when it is gone`()
        async throws
    {
        try await onLoop {
            let stage = Stage()
            _ = try await stage.start()
            stage.desire(1)
            let first = try await stage.accept(1)[0]
            stage.tasks.loads[first.identity] = (unansweredCount: 1, queuedCount: 0, isFull: true)
            first.deliver(SchedulerBytes.workerShutdown)
            let second = try await stage.accept(1)[0]
            stage.tasks.loads[second.identity] = (unansweredCount: 1, queuedCount: 0, isFull: true)
            second.deliver(SchedulerBytes.workerShutdown)
            for _ in 0..<3 { try await stage.pool.looked.wait(until: soon) }
            #expect(stage.scheduler.identities.count == 3)
            #expect(!first.isClosed && !second.isClosed)
            stage.tasks.loads[first.identity] = nil
            try await Self.expectDisconnectRequest(on: first)
            _ = try await stage.accept(1)
            #expect(!second.isClosed)
            await stage.end()
            try await Self.expectDisconnectRequest(on: second)
        }
    }

    @Test func `a manager that is told to shut down has its workers finish, and starts none`()
        async throws
    {
        try await onLoop {
            let stage = Stage()
            let manager = try await stage.start()
            stage.desire(2)
            let workers = try await stage.accept(2)
            stage.tasks.loads[workers[0].identity] = (unansweredCount: 1, queuedCount: 0, isFull: true)
            for _ in 0..<2 { manager.deliver(SchedulerBytes.workerManagerShutdown) }
            try await Self.expectDisconnectRequest(on: workers[1])
            stage.desire(3)
            for _ in 0..<3 { try await stage.pool.looked.wait(until: soon) }
            #expect(stage.scheduler.identities.count == 3)
            #expect(!workers[0].isClosed && !stage.pool.schedulerLost.isOpen)
            stage.tasks.loads[workers[0].identity] = nil
            try await Self.expectDisconnectRequest(on: workers[0])
            #expect(try await manager.nextBytes() == WorkerManagerDisconnect().encoded())
            try await stage.pool.schedulerLost.wait(until: soon)
            #expect(stage.pool.isRegistered)
            #expect(stage.log.messages.count { $0.contains("told to shut down; no worker starts") } == 1)
            await stage.end()
            #expect(await manager.isClosedWithoutMessage())
        }
    }

    @Test func `a manager that lost its scheduler comes back under a fresh identity and waits for a command`()
        async throws
    {
        try await onLoop {
            let stage = Stage()
            let manager = try await stage.start()
            stage.desire(1)
            let worker = try await stage.accept(1)[0]
            manager.fail(.closedByPeer)
            let again = try await stage.scheduler.accept()
            #expect(again.identity != manager.identity)
            #expect(again.identity.contains("|worker_manager_oci_hpc|"))
            #expect(!worker.isClosed)
            #expect(stage.pool.workerCount == 1)
            await stage.end()
        }
    }
}
