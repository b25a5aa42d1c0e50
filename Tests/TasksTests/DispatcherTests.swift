// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import EventLoop
import OCIServices
import SchedulerLink
import SchedulerMessages
import TaskEngine
import TestCloud
import TestSupport
import Testing

@testable import Tasks

/// What the scheduler says to a task in each state, and what becomes of the task then.
@Suite(.timeLimit(.minutes(1))) struct DispatcherTests {
    private static let states = TaskState.allCases.filter { $0 != .gone }

    // MARK: - Cancels

    @Test(arguments: states)
    func `a cancel that is not forced stops only what has not begun`(_ state: TaskState) async throws {
        try await onLoop {
            let stage = try await StateStage(state)
            defer { stage.stop() }
            let expected: CancelAnswer =
                switch state {
                case .queued: .canceled
                case .cleaning, .gone: .unknown
                default: .refused
                }
            #expect(stage.base.cancel(1, isForced: false) == expected)
            #expect(stage.base.cancel(1, isForced: false) == (expected == .canceled ? .unknown : expected))
            stage.letGoOn()
            guard expected == .refused else { return try await stage.finish() }
            try await stage.complete()
            #expect(try await stage.base.worker.answer().taskID == Stage.taskID(1))
            stage.base.worker.confirm()
            try await stage.finish()
        }
    }

    @Test(arguments: states)
    func `a forced cancel stops a task wherever it stands, and nothing of it is left`(
        _ state: TaskState
    ) async throws {
        try await onLoop {
            let stage = try await StateStage(state)
            defer { stage.stop() }
            let answer = stage.base.cancel(1, isForced: true)
            #expect(answer == (state == .cleaning ? .unknown : .canceled))
            #expect(stage.base.cancel(1, isForced: true) == .unknown)
            stage.letGoOn()
            try await stage.finish()
            #expect(stage.base.worker.answers.isEmpty)
            #expect(stage.base.instances(of: 1).allSatisfy { $0.state == .deleted })
            try await stage.waitUntilBucketIsEmpty()
        }
    }

    @Test func `a heartbeat tells of the worker's own tasks that run, and for how long they do`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            #expect(stage.dispatcher.runningTasks(of: stage.worker, upTo: 5).isEmpty)
            try await stage.wait(for: .running)
            let running = stage.dispatcher.runningTasks(of: stage.worker, upTo: 5)
            #expect(running.map(\.task) == [Stage.taskID(1)] && running.allSatisfy { $0.time >= .zero })
            #expect(stage.dispatcher.runningTasks(of: stage.worker, upTo: 0).isEmpty)
            #expect(stage.dispatcher.runningTasks(of: stage.secondWorker, upTo: 5).isEmpty)
            try stage.complete(1)
            #expect(try await stage.worker.answer().outcome == .success)
            #expect(stage.dispatcher.runningTasks(of: stage.worker, upTo: 5).isEmpty)
        }
    }

    @Test func `a cancel from a worker that does not have the task changes nothing`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            #expect(stage.cancel(1, isForced: true) == .unknown)
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            #expect(stage.cancel(1, isForced: true, from: stage.secondWorker) == .unknown)
            #expect(stage.dispatcher.countsByState == [.running: 1])
            try stage.complete(1)
            #expect(try await stage.worker.answer().outcome == .success)
        }
    }

    @Test
    func
        `a task that is placed elsewhere keeps what an earlier process left of it, a cancelled one does not`()
        async throws
    {
        try await onLoop {
            let cloud = TestCloud()
            for task in [1, 2] as [UInt8] {
                cloud.add(
                    tags: Stage.owner.tags(of: Stage.key(task), generation: 0),
                    .active,
                    age: .seconds(5)
                )
            }
            let stage = try await Stage(cloud)
            defer { stage.stop() }
            for task in [1, 2] as [UInt8] { stage.send(try Stage.task(task)) }
            #expect(stage.cancel(1, isForced: false) == .canceled)
            #expect(stage.cancel(2, isForced: true) == .canceled)
            try await cloud.wait { stage.livingCount == 1 }
            stage.send(try Stage.task(1), to: stage.secondWorker)
            try await stage.wait(for: .running)
            try stage.complete(1)
            #expect(try await stage.secondWorker.answer().outcome == .success)
            #expect(cloud.requests(of: .createContainerInstance).isEmpty)
        }
    }

    // MARK: - Sent again

    @Test(arguments: states.filter { $0 != .cleaning })
    func `a task that is sent again goes on, and is answered through the worker it was sent to last`(
        _ state: TaskState
    ) async throws {
        try await onLoop {
            let stage = try await StateStage(state)
            defer { stage.stop() }
            stage.base.send(stage.task, to: stage.base.secondWorker)
            stage.letGoOn()
            try await stage.complete()
            #expect(try await stage.base.secondWorker.answer().taskID == Stage.taskID(1))
            #expect(stage.base.worker.answers.isEmpty)
            #expect(stage.base.instances(of: 1).count == 1)
            stage.base.secondWorker.confirm()
            try await stage.finish()
        }
    }

    @Test func `a task that is sent again while a cancelled run lets go of it begins anew`() async throws {
        try await onLoop {
            let stage = try await StateStage(.cleaning)
            defer { stage.stop() }
            stage.base.send(stage.task, to: stage.base.secondWorker)
            #expect(stage.base.dispatcher.countsByState == [.cleaning: 1])
            stage.letGoOn()
            try await stage.complete()
            #expect(try await stage.base.secondWorker.answer().outcome == .success)
            #expect(stage.base.instances(of: 1).count == 2)
            #expect(stage.base.livingCount <= 1)
        }
    }

    @Test func `a task that is sent again and cancelled while its run lets go of it does not begin anew`()
        async throws
    {
        try await onLoop {
            let stage = try await StateStage(.cleaning)
            defer { stage.stop() }
            stage.base.send(stage.task, to: stage.base.secondWorker)
            #expect(stage.base.cancel(1, isForced: false, from: stage.base.secondWorker) == .canceled)
            #expect(stage.base.cancel(1, isForced: false, from: stage.base.secondWorker) == .unknown)
            stage.letGoOn()
            try await stage.finish()
            #expect(stage.base.instances(of: 1).count == 1)
        }
    }

    @Test func `an answered task that is sent again is answered again while nobody confirmed it`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            let task = try Stage.task(1)
            stage.cloud.script(.deleteContainerInstance, .incorrectState, count: 1000)
            stage.send(task)
            try await stage.wait(for: .running)
            try stage.complete(1)
            let answer = try await stage.worker.answer()
            try await stage.wait(for: .cleaning)
            stage.send(task, to: stage.secondWorker)
            #expect(try await stage.secondWorker.answer() == answer)
            #expect(stage.secondWorker.answers[0].object == stage.worker.answers[0].object)
            stage.secondWorker.confirm()
            stage.cloud.unscript(.deleteContainerInstance)
            try await stage.waitUntilIdle()
            #expect(stage.cloud.records.count == 1)
        }
    }

    // MARK: - Workers

    @Test func `a running task whose worker is lost is answered through the next one`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            let task = try Stage.task(1)
            stage.send(task)
            try await stage.wait(for: .running)
            stage.dispatcher.handle(.lost, of: stage.worker)
            #expect(stage.dispatcher.load(of: stage.worker).unansweredCount == 0)
            try stage.complete(1)
            try await stage.wait(for: .replying)
            stage.send(task, to: stage.secondWorker)
            #expect(try await stage.secondWorker.answer().outcome == .success)
            #expect(stage.worker.answers.isEmpty)
            #expect(stage.cloud.records.count == 1)
        }
    }

    @Test func `a task whose worker is lost keeps its instance until there is one to answer through`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            stage.dispatcher.handle(.lost, of: stage.worker)
            let storedCount = stage.store.objects.count
            try stage.complete(1)
            try await stage.cloud.wait { stage.store.objects.count > storedCount }
            // Nothing follows that could be awaited.
            try await sleep(for: .milliseconds(50))
            #expect(stage.dispatcher.countsByState == [.replying: 1])
            #expect(stage.livingCount == 1)
            stage.send(try Stage.task(1), to: stage.secondWorker)
            #expect(try await stage.secondWorker.answer().outcome == .success)
        }
    }

    @Test func `a task that is cancelled in the moment it is given a slot gives the slot back`() async throws
    {
        try await onLoop {
            let stage = try await Stage(slots: 1)
            defer { stage.stop() }
            try await stage.driver.obtainSlot(for: Stage.key(0), priority: 0)
            stage.send(try Stage.task(1))
            try await stage.wait(for: .queued)
            await yieldToOthers()
            // The slot is the waiting task's from now on, and its run has not heard of that yet.
            stage.driver.returnSlot(of: Stage.key(0))
            #expect(!stage.driver.hasFreeSlot)
            #expect(stage.cancel(1, isForced: true) == .canceled)
            try await stage.waitUntilIdle()
            #expect(stage.driver.hasFreeSlot)
        }
    }

    @Test func `a running task that nobody asks for again within the grace time is dropped`() async throws {
        try await onLoop {
            let stage = try await Stage(lostRunGrace: .milliseconds(100))
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            stage.dispatcher.handle(.lost, of: stage.worker)
            try await stage.waitUntilIdle()
            #expect(stage.livingCount == 0)
            #expect(stage.worker.answers.isEmpty)
        }
    }

    @Test func `a queued task is dropped with its worker, and runs when it is sent again`() async throws {
        try await onLoop {
            let stage = try await StateStage(.queued)
            defer { stage.stop() }
            stage.base.dispatcher.handle(.lost, of: stage.base.worker)
            try await stage.base.cloud.wait { stage.base.dispatcher.countsByState == [.running: 1] }
            stage.base.send(stage.task, to: stage.base.secondWorker)
            // The other task keeps its slot, whoever is to answer it.
            stage.base.send(try Stage.task(0), to: stage.base.secondWorker)
            #expect(stage.base.cancel(0, isForced: true, from: stage.base.secondWorker) == .canceled)
            try await stage.complete()
            #expect(try await stage.base.secondWorker.answer().taskID == Stage.taskID(1))
        }
    }

    @Test func `a worker that is dismissed takes all its tasks along, and no other's`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            stage.send(try Stage.task(2), to: stage.secondWorker)
            try await stage.wait(for: .running, count: 2)
            stage.dispatcher.handle(.dismissed, of: stage.worker)
            try await stage.cloud.wait { stage.dispatcher.countsByState == [.running: 1] }
            #expect(stage.instances(of: 1).map(\.state) == [.deleted])
            try stage.complete(2)
            #expect(try await stage.secondWorker.answer().outcome == .success)
        }
    }

    @Test func `the tasks of a worker that is dismissed are given up in the order of their keys`()
        async throws
    {
        try await onLoop {
            let numbers: [UInt8] = [5, 2, 7, 1, 6, 3, 8, 4]
            let stage = try await Stage(slots: numbers.count)
            defer { stage.stop() }
            for number in numbers { stage.send(try Stage.task(number)) }
            try await stage.wait(for: .running, count: numbers.count)
            let instances = (1...8).flatMap { stage.instances(of: $0).map(\.id) }
            var deleted: [Substring] = []
            let calls = stage.cloud.calls
            // As they are sent, for over several connections they may arrive in another order.
            calls.willSend = { request in
                guard request.operation == .deleteContainerInstance else { return }
                deleted += calls.url(of: request).split(separator: "/").suffix(1)
            }
            stage.dispatcher.handle(.dismissed, of: stage.worker)
            try await stage.waitUntilIdle()
            #expect(deleted.map(String.init) == instances)
        }
    }

    @Test func `the load of a worker tells what is unanswered, what waits and whether there is room`()
        async throws
    {
        try await onLoop {
            let stage = try await StateStage(.queued)
            defer { stage.stop() }
            let load = stage.base.dispatcher.load(of: stage.base.worker)
            #expect(load == (unansweredCount: 2, queuedCount: 1, isFull: true))
            let other = stage.base.dispatcher.load(of: stage.base.secondWorker)
            #expect(other == (unansweredCount: 0, queuedCount: 0, isFull: true))
        }
    }

    // MARK: - The end

    @Test func `the end cancels everything, waits for the deletions and takes no more tasks`() async throws {
        try await onLoop {
            let stage = try await StateStage(.queued)
            defer { stage.stop() }
            let base = stage.base
            base.cloud.script(.deleteContainerInstance, .incorrectState, count: 1000)
            let end = spawn { await base.dispatcher.cancelAll(until: soon) }
            try await base.cloud.request(.deleteContainerInstance)
            base.send(try Stage.task(2))
            #expect(base.dispatcher.countsByState == [.cleaning: 1])
            base.cloud.unscript(.deleteContainerInstance)
            #expect(await end.value)
            #expect(base.livingCount == 0)
            try await base.waitUntilIdle()
            #expect(base.worker.answers.isEmpty)
        }
    }

    @Test func `the end tells that a deletion was not accepted in time`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            stage.cloud.script(.deleteContainerInstance, .incorrectState, count: 1000)
            #expect(!(await stage.dispatcher.cancelAll(until: .after(.milliseconds(50)))))
            #expect(stage.livingCount == 1)
            stage.cloud.unscript(.deleteContainerInstance)
            try await stage.waitUntilIdle()
        }
    }
}
