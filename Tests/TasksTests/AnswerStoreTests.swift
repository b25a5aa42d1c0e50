// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import EventLoop
import OCIServices
import SchedulerLink
import SchedulerMessages
import TaskEngine
import TaskPayload
import TestCloud
import TestSupport
import Testing
import Transport

@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct AnswerStoreTests {
    @LoopActor
    private static func answers(_ stage: Stage) -> AnswerStore {
        AnswerStore(owner: Stage.owner, objects: stage.cloud.objects, storage: stage.store.client)
    }

    @Test func `a task's answer is one object, however often the task is sent`() async throws {
        try await onLoop {
            let once = AnswerStore.objectID(ofAnswerTo: try Stage.task(1))
            #expect(once == AnswerStore.objectID(ofAnswerTo: try Stage.task(1, function: 3)))
            #expect(once != AnswerStore.objectID(ofAnswerTo: try Stage.task(2)))
            let stage = try await Stage()
            defer { stage.stop() }
            let failure = TaskFailure(.valueError, "no").answer
            let (answer, id) = try await Self.answers(stage).store(failure, of: try Stage.task(1))
            #expect(id == once)
            #expect(!answer.isSuccess)
            #expect(stage.store.objects[once] == failure.object.bytesInMemory)
        }
    }

    @Test func `a large result passes through a file`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            let payload = [UInt8](repeating: 3, count: Blob.memoryBytesMax)
            stage.cloud.bucket[Stage.resultName(1)] = StoredOutcome.pickle("R", payload)
            let answer = try #require(try await Self.answers(stage).read(Stage.key(1)))
            #expect(answer.isSuccess)
            #expect(answer.object.byteCount == payload.count)
            #expect(answer.object.memoryByteCount == 0)
            let (_, id) = try await Self.answers(stage).store(answer, of: try Stage.task(1))
            #expect(stage.store.objects[id] == payload)
        }
    }

    @Test func `a result that may not be read fails the task, and a cancel does not`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            stage.cloud.script(.getObject, .forbidden, .held)
            let reading = { @LoopActor () async -> TaskFailure? in
                do throws(TaskInterruption) { _ = try await Self.answers(stage).read(Stage.key(1)) } catch {
                    if case .failed(let failure) = error { return failure }
                }
                return nil
            }
            let failure = await reading()
            #expect(failure?.text.contains("could not be read from OCI Object Storage") == true)
            #expect(failure?.text.contains("to read objects in") == true)
            let cancelled = spawn { await reading() }
            try await stage.cloud.request(.getObject, count: 2)
            cancelled.cancel()
            #expect(await cancelled.value == nil)
        }
    }
}
