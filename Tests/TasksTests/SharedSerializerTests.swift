// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages
@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct SharedSerializerTests {
    private static let byteCount = 1 << 20

    /// A loader, the storage that it reads from, and a budget with room for three serializers of the largest size.
    @LoopActor
    private final class Stage {
        let store: FakeObjectStore
        let loader: InputLoader
        let budget = ResourceBudget(limit: Resources(memoryBytes: 3 * byteCount, diskBytes: 0, fileCount: 1))

        init() throws {
            store = try FakeObjectStore()
            loader = InputLoader(storage: store.client)
            store.put(try functionID, [1])
        }

        private var functionID: ObjectID {
            get throws { try ObjectID([UInt8](repeating: 7, count: 32)) }
        }

        /// Has a client store a serializer of the largest size, all of it this byte.
        func put(_ byte: UInt8, of client: UInt8) {
            store.put(serializerID(of: client), [UInt8](repeating: byte, count: byteCount))
        }

        func serializerID(of client: UInt8) -> ObjectID {
            ObjectID(owner: ClientID([client]), tag: .serializer, md5: DigestAlgorithm.md5.digest)
        }

        /// The serializer that a new task of a client is packed with.
        func serializer(of client: UInt8) async throws -> SharedSerializer {
            let task = TaskMessage(
                taskID: TaskID([1]),
                source: ClientID([client]),
                functionObjectID: try functionID
            )
            let holding = budget.begin()
            defer { budget.settle(holding) }
            guard case .complete(let inputs) = try await loader.inputs(of: task, for: holding) else {
                throw Absent()
            }
            return inputs.serializer
        }

        /// Those of so many tasks that come at once.
        func serializers(_ count: Int, of client: UInt8) async throws -> [SharedSerializer] {
            let loads = (0..<count).map { _ in spawn { try? await self.serializer(of: client) } }
            var serializers: [SharedSerializer] = []
            for load in loads { serializers.append(try #require(await load.value)) }
            return serializers
        }

        /// What is charged, in serializers of the largest size.
        var chargedCount: Double { Double(budget.used.memoryBytes) / Double(byteCount) }
    }

    private struct Absent: Error {}

    @Test func `the tasks of a client share one copy, which is charged once and goes with the last of them`()
        async throws
    {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            stage.put(9, of: 1)
            // Twenty copies would not fit.
            var holders = try await stage.serializers(20, of: 1)
            #expect(Set(holders.map { ObjectIdentifier($0) }).count == 1)
            #expect(stage.chargedCount == 1)
            // The first, to which it is charged, is not the last that holds it.
            holders.removeFirst(19)
            holders.append(try await stage.serializer(of: 1))
            #expect(holders[0] === holders[1])
            holders.removeFirst()
            #expect(stage.chargedCount == 1)
            holders = []
            #expect(stage.chargedCount == 0)
        }
    }

    @Test func `a serializer that was deleted and stored anew is not the one that older tasks hold`()
        async throws
    {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            stage.put(8, of: 1)
            var old = [try await stage.serializer(of: 1)]
            stage.loader.forget([stage.serializerID(of: 1)])
            stage.put(9, of: 1)
            let new = try await stage.serializer(of: 1)
            #expect(old[0].bytes.first == 8)
            #expect(new.bytes.first == 9)
            #expect(stage.chargedCount == 2)
            // The end of the old one takes nothing from those that share the new one.
            old = []
            #expect(stage.chargedCount == 1)
            let next = try await stage.serializer(of: 1)
            #expect(next === new)
            #expect(stage.chargedCount == 1)
        }
    }

    @Test func `no client gets the serializer of another`() async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            for client in UInt8(1)...3 { stage.put(client, of: client) }
            var holders: [SharedSerializer] = []
            for client in UInt8(1)...3 { holders.append(try await stage.serializer(of: client)) }
            #expect(holders.map { $0.bytes.first } == [1, 2, 3])
            #expect(stage.chargedCount == 3)
            stage.put(4, of: 4)
            do {
                _ = try await stage.serializer(of: 4)
                Issue.record("there is room for it")
            } catch TaskInterruption.short(let reason) {
                #expect(reason == .budgetSpent)
            }
            #expect(stage.chargedCount == 3)
        }
    }
}
