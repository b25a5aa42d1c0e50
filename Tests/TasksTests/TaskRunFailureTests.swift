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

/// The failures of a run, each as a dialogue of scheduler, cloud and container.
@Suite(.timeLimit(.minutes(1))) struct TaskRunFailureTests {
    @Test func `an instance that ended without a result is named with its exit code`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            try stage.end(1) { $0.exitCode = 137 }
            try await stage.look(2)
            let text = try await stage.failureText(1)
            #expect(text.contains("MemoryError"))
            #expect(text.contains("\(stage.cloud.records[0].id) ended without a result"), "\(text)")
            #expect(text.contains("exit code 137"), "\(text)")
            // Without a result the instance is what tells the next process that the task has had its run.
            #expect(stage.livingCount == 1)
            stage.worker.confirm()
            try await stage.waitUntilIdle()
            #expect(stage.livingCount == 0)
        }
    }

    @Test func `a failure that a container stored is remembered as one, an exception of the task is not`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            try stage.complete(1, StoredOutcome.containerError(["error": "killed by 9", "kind": "signal"]))
            try await stage.look()
            let text = try await stage.failureText(1)
            stage.worker.confirm()
            try await stage.waitUntilIdle()
            stage.send(try Stage.task(2))
            try await stage.wait(for: .running)
            try stage.complete(2, StoredOutcome.pickle("E", [1]))
            try await stage.look()
            #expect(try await stage.worker.answer(1).outcome == .failed)
            let failures = stage.dispatcher.statistics.failures
            #expect(failures.map(\.task) == ["\(Stage.key(1))"])
            #expect(text.contains("killed by 9") && failures.first.map { text.contains($0.text) } == true)
            stage.worker.confirm()
            try await stage.waitUntilIdle()
        }
    }

    @Test func `an instance that vanished is asked for by name, then named`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            let vanished = stage.cloud.records
            stage.cloud.records = []
            // Not told before it was asked for by name.
            stage.cloud.script(.getContainerInstance, .held)
            try await stage.look(5)
            try await stage.cloud.request(.getContainerInstance)
            #expect(stage.worker.answers.isEmpty)
            stage.cloud.release(.getContainerInstance)
            let text = try await stage.failureText(1)
            #expect(text.contains("\(vanished[0].id) vanished before it stored a result"), "\(text)")
        }
    }

    @Test func `an instance that listings miss and that answers by name goes on`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            let nothing = CloudFault.refusal(CloudAnswer(200, bytes: Array(#"{"items":[]}"#.utf8)))
            stage.cloud.script(.listContainerInstances, nothing, count: 3)
            try await stage.look(3)
            try await stage.look(2)
            #expect(stage.dispatcher.countsByState == [.running: 1])
            try stage.complete(1)
            #expect(try await stage.worker.answer().outcome == .success)
            #expect(stage.cloud.records.count == 1)
        }
    }

    @Test func `an instance that never started fails when its time is up`() async throws {
        try await onLoop {
            let stage = try await Stage { $0.createTimeout = .milliseconds(50) }
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            stage.cloud[stage.cloud.records[0].id].details = "pulling the image"
            try await sleep(for: .milliseconds(60))
            try await stage.look(2)
            let text = try await stage.failureText(1)
            #expect(text.contains("TimeoutError"))
            #expect(text.contains("--create-timeout-seconds"), "\(text)")
            #expect(text.contains("CREATING (pulling the image)"), "\(text)")
        }
    }

    @Test func `an instance that listings still show as being made, and that has started, goes on`()
        async throws
    {
        try await onLoop {
            let stage = try await Stage { $0.createTimeout = .milliseconds(50) }
            defer { stage.stop() }
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            let id = stage.cloud.records[0].id
            let active = #"{"id":"\#(id)","lifecycleState":"ACTIVE","timeCreated":"2026-11-30T08:00:00Z"}"#
            stage.cloud.script(.getContainerInstance, .refusal(CloudAnswer(200, bytes: Array(active.utf8))))
            try await sleep(for: .milliseconds(60))
            try await stage.look(2)
            try await stage.cloud.request(.getContainerInstance, count: 1)
            try await stage.look(2)
            #expect(stage.dispatcher.countsByState == [.running: 1])
            try stage.complete(1)
            #expect(try await stage.worker.answer().outcome == .success)
        }
    }

    @Test func `a task that runs too long fails, and its instance is deleted`() async throws {
        try await onLoop {
            let stage = try await Stage { $0.jobTimeout = .milliseconds(50) }
            defer { stage.stop() }
            stage.cloud.firstState = .active
            stage.send(try Stage.task(1))
            try await stage.wait(for: .running)
            try await stage.look()
            try await sleep(for: .milliseconds(60))
            try await stage.look(2)
            let text = try await stage.failureText(1)
            #expect(text.contains("TimeoutError"))
            #expect(text.contains("--job-timeout-seconds"), "\(text)")
            stage.worker.confirm()
            try await stage.waitUntilIdle()
            #expect(stage.livingCount == 0)
        }
    }

    @Test func `a create that is refused fails the task and makes nothing`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .forbidden, .forbidden)
            stage.send(try Stage.task(1))
            let text = try await stage.failureText(1)
            #expect(text.contains("PermissionError"))
            #expect(text.contains("Allow group"), "\(text)")
            try await stage.waitUntilIdle()
            #expect(stage.cloud.records.isEmpty)
        }
    }

    @Test func `a payload that cannot be stored fails the task and makes nothing`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.cloud.script(.putObject, .forbidden)
            stage.store.put(try Stage.objectID(3), StateStage.noise)
            stage.send(try Stage.task(1, function: 3))
            let text = try await stage.failureText(1)
            #expect(text.contains("no container was started"), "\(text)")
            #expect(stage.cloud.records.isEmpty)
        }
    }
}
