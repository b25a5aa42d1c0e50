// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import Compression
import Configuration
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

@Suite(.timeLimit(.minutes(1))) struct PayloadStoreTests {
    @LoopActor
    private static func payloads(_ stage: Stage) -> PayloadStore {
        PayloadStore(
            settings: stage.settings,
            cloud: stage.driver,
            objects: stage.cloud.objects,
            storage: stage.store.client,
            connector: stage.store.connector
        )
    }

    @LoopActor
    private static func inputs(_ function: [UInt8]) -> TaskInputs {
        TaskInputs(
            serializer: unsharedSerializer(DefaultSerializer.pickled),
            function: Blob(function),
            arguments: [Blob([5])]
        )
    }

    @LoopActor
    private static func store(
        _ stage: Stage,
        _ inputs: TaskInputs,
        of task: TaskMessage
    ) async throws(TaskInterruption) -> RunnerEnvironment {
        let payloads = payloads(stage)
        return try await payloads.store(try await payloads.pack(inputs, of: task), of: task)
    }

    @LoopActor
    private static func claim(_ stage: Stage) async throws {
        try await stage.driver.obtainSlot(for: Stage.key(1), priority: 0)
        _ = stage.driver.claim(Stage.key(1))
    }

    @Test func `a small payload travels inside the create call`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            try await Self.claim(stage)
            let environment = try await Self.store(stage, Self.inputs([1]), of: try Stage.task(1))
            #expect(environment.taskID == Stage.taskID(1).bytes)
            #expect(environment.namespace == "ns")
            #expect(environment.bucket == "b")
            #expect(environment.prefix == Stage.owner.containerPrefix(of: Stage.key(1)))
            guard case .inline(let bytes, isCompressed: true) = environment.payload else {
                Issue.record("it is stored elsewhere")
                return
            }
            let payload = String(decoding: try Gzip.decompress(bytes, limit: 1 << 20), as: UTF8.self)
            // A client inside the task would connect there.
            let address = try #require(stage.store.client.address)
            #expect(payload.contains("tcp://h:1"))
            #expect(payload.contains(address))
            #expect(stage.cloud.requests(of: .putObject).isEmpty)
        }
    }

    @Test(arguments: [60_000, 2 << 20])
    func `a larger one is stored in the bucket, from memory or from a file`(_ byteCount: Int) async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            try await Self.claim(stage)
            var random = SeededRandom(seed: 7)
            let function = random.bytes(byteCount)
            let environment = try await Self.store(
                stage,
                Self.inputs(function),
                of: try Stage.task(1)
            )
            let expected = Stage.owner.inputName(of: Stage.key(1), isCompressed: true)
            #expect(environment.payload == .object(name: expected, isCompressed: true))
            let variables = Dictionary(
                uniqueKeysWithValues: environment.variables.map { ($0.name, $0.value) }
            )
            let name = try #require(variables["OCI_OBJECT_KEY"])
            let stored = try Gzip.decompress(try #require(stage.cloud.bucket[name]), limit: 1 << 30)
            #expect(stored.firstRange(of: function) != nil)
        }
    }

    @Test func `a payload that cannot be stored fails the task`() async throws {
        try await onLoop {
            let stage = try await Stage()
            defer { stage.stop() }
            try await Self.claim(stage)
            stage.cloud.hasBucket = false
            let task = try Stage.task(1)
            do throws(TaskInterruption) {
                _ = try await Self.store(stage, Self.inputs(StateStage.noise), of: task)
                Issue.record("it is stored")
            } catch {
                guard case .failed(let failure) = error else { return }
                #expect(failure.exception == .connectionError)
                #expect(failure.text.contains("BucketNotFound"))
            }
        }
    }
}
