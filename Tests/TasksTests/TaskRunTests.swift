// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import Compression
import Configuration
import EventLoop
import OCIServices
import SchedulerMessages
import TaskEngine
import TaskPayload
import TestCloud
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import Tasks

/// The outcomes of a run, each as a dialogue of scheduler, cloud and container.
@Suite(.timeLimit(.minutes(1))) struct TaskRunTests {
    // MARK: - Results

    @Test func `a task goes from its arrival to its confirmed answer, and nothing of it is left`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            let made = try #require(stage.instances(of: 1).first)
            #expect(made.environment["TASK_ID"] == Stage.key(1).digits)
            #expect(made.environment["OCI_OBJECT_KEY"] == "none")
            #expect(made.environment["PAYLOAD_B64"]?.isEmpty == false)
            stage.cloud[made.id].state = .active
            try stage.complete(1, Gzip.compress(StoredOutcome.pickle("R", [4, 2])))
            let result = try await stage.worker.answer()
            let id = try #require(result.results.first)
            #expect(
                result
                    == TaskResult(
                        taskID: Stage.taskID(1),
                        outcome: .success,
                        result: id,
                        profile: StoredOutcome.profile
                    )
            )
            #expect(try await stage.store.object(id) == [4, 2])
            let announced = stage.worker.answers[0].object
            #expect(announced.user == Stage.source)
            #expect(announced.objectIDs == [id])
            #expect(announced.sizesInBytes == [2])
            try await stage.waitUntilIdle()
            #expect(stage.livingCount == 0)
            // The next process could still answer from it.
            #expect(stage.cloud.bucket[Stage.resultName(1)] != nil)
            stage.worker.confirm()
            try await stage.cloud.wait { stage.cloud.bucket.isEmpty }
            #expect(stage.worker.answers.count == 1)
            #expect(stage.cloud.records.count == 1)
        }
    }

    @Test func `a result for which there is no room waits in the cloud, and is answered when there is`()
        async throws
    {
        try await onLoop {
            let budget = Self.tightBudget
            let stage = try await Stage(budgets: HostBudgets(inputs: budget, results: budget))
            defer { stage.stop() }
            var other: Blob? = try await Self.largeBlob(for: budget.begin())
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            let payload = [UInt8](repeating: 3, count: Blob.memoryBytesMax)
            try stage.complete(1, StoredOutcome.pickle("R", payload))
            try await stage.cloud.wait { stage.dispatcher.waitingForHostCount == 1 }
            #expect(stage.dispatcher.countsByState == [.fetching: 1])
            #expect(stage.dispatcher.load(of: stage.worker).isFull)
            // Who needs no file is not kept waiting.
            stage.send(try Stage.task(2))
            try await stage.wait(for: .running)
            try stage.complete(2)
            _ = try await stage.worker.answer()
            #expect(stage.cloud.bucket[Stage.resultName(1)] != nil)
            #expect(other?.memoryByteCount == 0)
            other = nil
            let result = try await stage.worker.answer(1)
            #expect(result.outcome == .success)
            #expect(try await stage.store.object(try #require(result.results.first)) == payload)
            try await stage.waitUntilIdle()
            #expect(budget.used == Resources())
        }
    }

    @Test func `a result finds room although inputs hold all of theirs`() async throws {
        try await onLoop {
            let stage = try await Stage(
                budgets: HostBudgets(limit: Resources(memoryBytes: 4 << 20, diskBytes: 8 << 20, fileCount: 4))
            )
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            var others: [Blob] = []
            while stage.budgets.inputs.used.fileCount < 3 {
                others.append(try await Self.largeBlob(for: stage.budgets.inputs.begin()))
            }
            let payload = [UInt8](repeating: 3, count: Blob.memoryBytesMax)
            try stage.complete(1, StoredOutcome.pickle("R", payload))
            #expect(try await stage.worker.answer().outcome == .success)
            #expect(others.count == 3)
        }
    }

    @Test func `after the time limit of its job such a task fails, and its result stays`() async throws {
        try await onLoop {
            let budget = Self.tightBudget
            let stage = try await Stage(budgets: HostBudgets(inputs: budget, results: budget)) {
                $0.jobTimeout = .seconds(1)
            }
            defer { stage.stop() }
            let other = try await Self.largeBlob(for: budget.begin())
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            let payload = [UInt8](repeating: 3, count: Blob.memoryBytesMax)
            try stage.complete(1, StoredOutcome.pickle("R", payload))
            let text = try await stage.failureText(1)
            #expect(text.contains("stays in the bucket as \(Stage.resultName(1))"))
            #expect(text.contains("--spool-limit-mb"))
            stage.worker.confirm()
            try await stage.waitUntilIdle()
            try await stage.look(2)
            #expect(stage.livingCount == 0)
            #expect(stage.cloud.bucket[Stage.resultName(1)] != nil)
            #expect(other.byteCount > 0)
        }
    }

    @Test func `a small task does not wait for uploads, however many there are`() async throws {
        try await onLoop {
            // More than may be at work on their inputs at once.
            let uploadCount = 60
            let stage = try await Stage(slots: uploadCount + 1)
            defer { stage.stop() }
            stage.store.put(try Stage.objectID(3), StateStage.noise)
            stage.cloud.script(.putObject, .held, count: uploadCount)
            for number in 1...UInt8(uploadCount) { stage.send(try Stage.task(number, function: 3)) }
            stage.send(try Stage.task(100))
            try await stage.wait(for: .running)
            #expect(stage.instances(of: 100).count == 1)
            #expect(stage.dispatcher.countsByState[.storing] == uploadCount)
        }
    }

    /// Room for one temporary file.
    @LoopActor private static var tightBudget: ResourceBudget {
        ResourceBudget(limit: Resources(memoryBytes: 48 << 20, diskBytes: 1 << 40, fileCount: 1))
    }

    @LoopActor private static func largeBlob(for holding: Holding) async throws -> Blob {
        var writer = BlobWriter(for: holding)
        try await writer.append([UInt8](repeating: 0, count: Blob.memoryBytesMax + 1))
        return writer.blob
    }

    @Test func `a large payload is stored before the instance is made, and deleted with the task`()
        async throws
    {
        try await onLoop {
            let stage = try await StateStage(.storing)
            defer { stage.stop() }
            #expect(stage.base.cloud.records.isEmpty)
            let name = try #require(stage.base.cloud.bucket.keys.first)
            stage.letGoOn()
            try await stage.base.wait(for: .running)
            let environment = stage.base.instances(of: 1)[0].environment
            #expect(environment["OCI_OBJECT_KEY"] == name)
            #expect(environment["PAYLOAD_B64"] == "")
            #expect(environment["COMPRESSED"] == "1")
            try await stage.complete()
            #expect(try await stage.base.worker.answer().outcome == .success)
            stage.base.worker.confirm()
            try await stage.base.cloud.wait { stage.base.cloud.bucket.isEmpty }
        }
    }

    @Test func `an exception of the task is its answer`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            try stage.complete(1, StoredOutcome.pickle("E", [7]))
            let result = try await stage.worker.answer()
            #expect(result.outcome == .failed)
            #expect(try await stage.store.object(try #require(result.results.first)) == [7])
        }
    }

    @Test
    func `what the task printed is shown before its result, unless the scheduler may not know the task`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            let printed = Array("[\"scaler-output\", 0, 2, \"hello\"]\n".utf8)
            for number in [1, 2] as [UInt8] {
                stage.send(try Stage.task(number, TaskFlags(streamOutput: true)), to: stage.worker)
                try await stage.wait(for: .running)
                if number == 2 { stage.dispatcher.handle(.unfamiliar, of: stage.worker) }
                try stage.complete(number, StoredOutcome.pickle("r", [1], output: printed))
                _ = try await stage.worker.answer(Int(number) - 1)
                try await stage.waitUntilIdle()
            }
            let log = TaskLog(taskID: Stage.taskID(1), stream: .standardError, content: "hello")
            #expect(stage.worker.output == [log.encoded()])
        }
    }

    // MARK: - Inputs that are not there

    @Test func `a task whose input is not there yet holds up no other, and runs when it comes`() async throws
    {
        try await onLoop {
            let stage = try await Stage(slots: 1, pace: .observant)
            defer { stage.stop() }
            stage.send(try Stage.task(1, function: 99))
            stage.send(try Stage.task(2))
            try await stage.wait(for: .running)
            #expect(stage.instances(of: 2).count == 1)
            #expect(stage.dispatcher.countsByState[.queued] == 1)
            stage.store.put(try Stage.objectID(99), [1])
            try stage.complete(2)
            #expect(try await stage.worker.answer().taskID == Stage.taskID(2))
            try await stage.cloud.wait { stage.instances(of: 1).count == 1 }
            try stage.complete(1)
            #expect(try await stage.worker.answer(1).outcome == .success)
        }
    }

    @Test func `tasks whose inputs never come fail at the same time, however few slots there are`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage(slots: 1, pace: .hasty)
            defer { stage.stop() }
            for number in UInt8(1)...8 { stage.send(try Stage.task(number, function: 90 + Int(number))) }
            for number in 0..<8 { #expect(try await stage.worker.answer(number).outcome == .failed) }
            try await stage.waitUntilIdle()
            #expect(stage.cloud.records.isEmpty)
            #expect(stage.driver.hasFreeSlot)
        }
    }

    @Test(arguments: [true, false])
    func `a task that waits for its input can be cancelled, and leaves nothing`(isForced: Bool) async throws {
        try await onLoop {
            let stage = try await Stage(slots: 1, pace: .observant)
            defer { stage.stop() }
            stage.send(try Stage.task(1, function: 99))
            try await stage.wait(for: .loading)
            try await stage.wait(for: .queued)
            #expect(stage.cancel(1, isForced: isForced) == .canceled)
            try await stage.waitUntilIdle()
            #expect(stage.driver.hasFreeSlot)
            stage.send(try Stage.task(2))
            try await stage.wait(for: .running)
        }
    }

    // MARK: - Results that are not there

    @Test func `a result that a listing showed and that comes late is waited for`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.cloud.script(.getObject, .refused(404, "ObjectNotFound", "not yet"))
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            try stage.complete(1)
            #expect(try await stage.worker.answer().outcome == .success)
            #expect(stage.cloud.requests(of: .getObject).count == 2)
        }
    }

    @Test func `an instance that ended with a result that vanished fails with its name`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            let count = TaskSteps.vanishedCountMax + 1
            stage.cloud.script(.getObject, .refused(404, "ObjectNotFound", "gone"), count: count)
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            try stage.complete(1)
            try await stage.cloud.request(.getObject)
            stage.cloud.bucket = [:]
            try await stage.look()
            let text = try await stage.failureText(1)
            #expect(text.contains("its result \(Stage.resultName(1)) was deleted before"), "\(text)")
        }
    }

    // MARK: - No room after all

    @Test func `a task that the cloud had no room for starts over when the deletion is accepted`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage(slots: 1)
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            stage.cloud.script(.deleteContainerInstance, .held)
            try stage.end(1, .failed) { $0.details = "Out of host capacity." }
            try await stage.look(2)
            try await stage.cloud.request(.deleteContainerInstance)
            #expect(stage.dispatcher.countsByState == [.diagnosing: 1])
            #expect(stage.cloud.records.count == 1)
            stage.cloud.release(.deleteContainerInstance)
            try await stage.cloud.request(.createContainerInstance, count: 2)
            try await stage.wait(for: .running)
            #expect(stage.cloud.records.map { $0.tags["scaler-generation"] } == ["0", "1"])
            try stage.complete(1)
            #expect(try await stage.worker.answer().outcome == .success)
        }
    }

    // MARK: - What an earlier process left

    @Test func `an instance that an earlier process left is adopted`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            cloud.add(tags: Stage.owner.tags(of: Stage.key(1), generation: 4), .active, age: .seconds(5))
            let stage = try await Stage(cloud, slots: 1)
            defer { stage.stop() }
            #expect(stage.driver.orphanCount == 1)
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            try stage.complete(1)
            #expect(try await stage.worker.answer().outcome == .success)
            #expect(cloud.requests(of: .createContainerInstance).isEmpty)
            try await stage.waitUntilIdle()
            #expect(stage.livingCount == 0)
        }
    }

    @Test func `an adopted instance that an earlier process had deleted is made anew`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let id = cloud.add(
                tags: Stage.owner.tags(of: Stage.key(1), generation: 4),
                .active,
                age: .seconds(5)
            )
            let stage = try await Stage(cloud, slots: 1)
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            // Its deletion was asked for before, and is seen only now.
            cloud[id].state = .deleted
            try await stage.look(2)
            try await cloud.request(.createContainerInstance)
            try await stage.wait(for: .running)
            #expect(cloud.records.map { $0.tags["scaler-generation"] } == ["4", "5"])
            try stage.complete(1)
            #expect(try await stage.worker.answer().outcome == .success)
        }
    }

    @Test func `a result that an earlier process left is the answer`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            cloud.bucket[Stage.resultName(1)] = StoredOutcome.pickle("R", [8])
            let stage = try await Stage(cloud, listingLag: .milliseconds(20))
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            let result = try await stage.worker.answer()
            #expect(try await stage.store.object(try #require(result.results.first)) == [8])
            #expect(cloud.requests(of: .createContainerInstance).isEmpty)
            stage.worker.confirm()
            // Its instance might be listed late; once no listing could, the result is of no use any more.
            try await sleep(for: .milliseconds(30))
            try await stage.look(2)
            try await cloud.wait { cloud.bucket.isEmpty }
        }
    }

    // MARK: - Slots

    @Test func `no more instances exist than the base concurrency, and those of higher priority go first`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage(slots: 2)
            defer { stage.stop() }
            for number in 1...5 as ClosedRange<UInt8> {
                stage.send(try Stage.task(number, TaskFlags(priority: number == 5 ? 1 : 0)))
            }
            var done: Set<UInt8> = []
            while done.count < 5 {
                try await stage.wait(for: .running, count: min(2, 5 - done.count))
                #expect(stage.livingCount <= 2)
                let running = try #require(
                    (1...5 as ClosedRange<UInt8>).first { number in
                        !done.contains(number) && !stage.instances(of: number).isEmpty
                    }
                )
                try stage.complete(running)
                done.insert(running)
                _ = try await stage.worker.answer(done.count - 1)
            }
            #expect(stage.cloud.records.count == 5)
            let order = stage.cloud.records.compactMap { Stage.owner.task(ofTags: $0.tags) }
            #expect(Set(order.prefix(2)) == [Stage.key(1), Stage.key(2)])
            #expect(order[2] == Stage.key(5))
        }
    }
}
