// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIServices
import SchedulerPeer
import TaskEngine
import TestCloud
import TestSupport
import Testing
import Transport

@testable import SchedulerMessages
@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct LoadGateTests {
    @Test func `so many are let through, and the next when one has its instance`() async throws {
        try await onLoop {
            let gate = LoadGate(placeCount: 2)
            let first = try await gate.enter()
            first.loaded()
            let second = try await gate.enter()
            second.loaded()
            let third = spawn { try? await gate.enter() }
            while gate.waitingCount == 0 { await yieldToOthers() }
            first.leave()
            first.leave()
            let place = await third.value
            #expect(place != nil)
            #expect(gate.waitingCount == 0)
            place?.leave()
            second.leave()
            _ = try await gate.enter()
            _ = try await gate.enter()
        }
    }

    @Test func `who stores what was loaded lets others load, and keeps them waiting again afterwards`()
        async throws
    {
        try await onLoop {
            let gate = LoadGate(placeCount: 1)
            let large = try await gate.enter()
            large.loaded()
            let stored = Latch()
            let storing = spawn {
                try? await large.stepAside { () async throws(TaskInterruption) in try? await stored.wait() }
            }
            let entering = spawn { try? await gate.enter() }
            for _ in 0..<10 { await yieldToOthers() }
            try #require(gate.waitingCount == 0)
            let small = try #require(await entering.value)
            small.loaded()
            stored.open()
            _ = await storing.value
            let last = spawn { try? await gate.enter() }
            while gate.waitingCount == 0 { await yieldToOthers() }
            // Two are inside by now, where there is one place.
            small.leave()
            #expect(gate.waitingCount == 1)
            large.leave()
            #expect(await last.value != nil)
        }
    }

    @Test func `inputs that do not come keep nobody waiting for long`() async throws {
        try await onLoop {
            let gate = LoadGate(placeCount: 1)
            let stuck = try await gate.enter()
            let next = try await gate.enter()
            stuck.leave()
            next.loaded()
            let last = spawn { try? await gate.enter() }
            while gate.waitingCount == 0 { await yieldToOthers() }
            last.cancel()
            #expect(await last.value == nil)
            next.leave()
        }
    }

    @Test func `2,000 tasks that wait for a create hold less than 1 KB each, for few have loaded inputs`()
        async throws
    {
        try await onLoop {
            let (taskCount, byteCount) = (2000, 20_000)
            // The loads ahead, and the first creates in each of two places.
            let placeCount = LaunchQueue.loadsAhead + 2 * Launcher.createsAtFirst
            let stage = try await Stage(slots: taskCount)
            defer { stage.stop() }
            var random = SeededRandom(seed: 1)
            let argument = try Stage.objectID(16)
            stage.store.put(argument, random.bytes(byteCount))
            stage.cloud.script(.createContainerInstance, .held, count: taskCount)
            for number in 0..<taskCount {
                stage.send(
                    TaskMessage(
                        taskID: TaskID([UInt8(number >> 8), UInt8(number & 255)]),
                        source: Stage.source,
                        metadata: TaskFlags().encoded(),
                        functionObjectID: try Stage.objectID(1),
                        arguments: [.object(argument)],
                        capabilities: []
                    )
                )
            }
            try await stage.wait(for: .creating, count: placeCount)
            let loadedCount = stage.store.asked.count { $0 == argument }
            let heldBytes = loadedCount * byteCount
            print("\(taskCount) tasks that wait for a create hold \(heldBytes / taskCount) bytes each")
            #expect(loadedCount == placeCount)
            #expect(heldBytes < 1024 * taskCount)
            #expect(stage.budgets.inputs.used.memoryBytes <= heldBytes)
            #expect(stage.dispatcher.countsByState[.loading] == taskCount - placeCount)
        }
    }
}
