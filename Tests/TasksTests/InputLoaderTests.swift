// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TaskPayload
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages
@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct InputLoaderTests {
    private static let source = ClientID(Array("Client|1".utf8))
    private static let serializerID = ObjectID(
        owner: source,
        tag: .serializer,
        md5: DigestAlgorithm.md5.digest
    )

    private static func id(_ number: Int) throws -> ObjectID {
        try ObjectID([UInt8](repeating: 0, count: 30) + [UInt8(number >> 8), UInt8(number & 0xFF)])
    }

    /// A loader and the storage that it reads from.
    @LoopActor
    private struct Stage {
        let store: FakeObjectStore
        let loader: InputLoader

        init(_ pace: ObjectStoreConversation.Pace? = nil) throws {
            store = try FakeObjectStore(pace)
            loader = InputLoader(storage: store.client)
            store.put(serializerID, [9])
        }

        /// How often an object was asked for.
        func count(_ number: Int) throws -> Int {
            let wanted = try id(number)
            return store.asked.count { $0 == wanted }
        }

        func load(_ function: Int, _ arguments: [Int] = []) async throws -> TaskInputs {
            try await load(try task(function, arguments))
        }

        /// Waits for inputs that are absent, and begins anew.
        func load(
            _ task: TaskMessage,
            for holding: Holding? = nil
        ) async throws(TaskInterruption) -> TaskInputs {
            while true {
                switch try await loader.inputs(of: task, for: holding) {
                case .complete(let inputs): return inputs
                case .absent(let input): try await loader.wait(for: input)
                }
            }
        }

        func failure(of task: TaskMessage) async -> TaskFailure? {
            do throws(TaskInterruption) { _ = try await load(task) } catch {
                if case .failed(let failure) = error { return failure }
            }
            return nil
        }
    }

    private static func task(_ function: Int?, _ arguments: [Int] = []) throws -> TaskMessage {
        TaskMessage(
            taskID: TaskID([1]),
            source: source,
            functionObjectID: try function.map { try id($0) },
            arguments: try arguments.map { .object(try id($0)) }
        )
    }

    @Test func `a function that many tasks share is read once, arguments for each task`() async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            for number in 1...3 { stage.store.put(try Self.id(number), [UInt8(number)]) }
            for _ in 0..<3 {
                let inputs = try await stage.load(1, [2, 3])
                #expect(inputs.serializer.bytes == [9])
                #expect(inputs.function.bytesInMemory == [1])
                #expect(inputs.arguments.map(\.bytesInMemory) == [[2], [3]])
            }
            #expect(stage.store.asked.count { $0 == Self.serializerID } == 1)
            #expect(try stage.count(1) == 1)
            #expect(try stage.count(2) == 3)
            #expect(try stage.count(3) == 3)
        }
    }

    @Test func `tasks that come at once share one reading of their function`() async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            let loads = (0..<3).map { _ in
                spawn { try? await stage.load(1).function.bytesInMemory }
            }
            try await stage.store.waitForGets(2)
            stage.store.put(try Self.id(1), [1])
            for load in loads { #expect(await load.value == [1]) }
            #expect(try stage.count(1) == 1)
        }
    }

    @Test func `what the scheduler deleted is asked for again`() async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            for number in 1...2 { stage.store.put(try Self.id(number), [UInt8(number)]) }
            _ = try await stage.load(1)
            _ = try await stage.load(2)
            stage.loader.forget([try Self.id(1), try Self.id(7)])
            stage.store.put(try Self.id(1), [11])
            #expect(try await stage.load(1).function.bytesInMemory == [11])
            #expect(try await stage.load(2).function.bytesInMemory == [2])
            #expect(try stage.count(1) == 2)
            #expect(try stage.count(2) == 1)
        }
    }

    @Test func `an object that never comes fails the task by its name, and is asked for again`() async throws
    {
        try await onLoop {
            let stage = try Stage(.hasty)
            defer { stage.store.stop() }
            let function = try Self.id(1).hexadecimal
            #expect(
                await stage.failure(of: try Self.task(1))
                    == .missingInput(what: "function", objectID: function)
            )
            stage.store.put(try Self.id(1), [1])
            #expect(try await stage.load(1).function.bytesInMemory == [1])
            let argument = try Self.id(5).hexadecimal
            #expect(
                await stage.failure(of: try Self.task(1, [5]))
                    == .missingInput(what: "argument 1", objectID: argument)
            )
            stage.store.put(try Self.id(5), [5])
            #expect(try await stage.load(1, [5]).arguments.map(\.bytesInMemory) == [[5]])
        }
    }

    @Test func `an input that is absent is told of, and may still come`() async throws {
        try await onLoop {
            let stage = try Stage(.observant)
            defer { stage.store.stop() }
            let task = try Self.task(1, [5])
            guard case .absent(let input) = try await stage.loader.inputs(of: task) else {
                Issue.record("it was had")
                return
            }
            stage.store.put(try Self.id(1), [1])
            stage.store.put(try Self.id(5), [5])
            try await stage.loader.wait(for: input)
            let inputs = try await stage.load(task)
            #expect(inputs.function.bytesInMemory == [1])
            #expect(inputs.arguments.map(\.bytesInMemory) == [[5]])
        }
    }

    @Test func `a task without a readable function or argument cannot be run`() async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            #expect(
                await stage.failure(of: try Self.task(nil)) == .unreadableTask("its function is no object")
            )
            let unresolved = TaskMessage(
                taskID: TaskID([1]),
                source: Self.source,
                functionObjectID: try Self.id(1),
                arguments: [.object(try Self.id(2)), .task(TaskID([2]))]
            )
            let failure = await stage.failure(of: unresolved)
            #expect(failure?.exception == .valueError)
            #expect(failure?.text.contains("only a scheduler can resolve another task's result") == true)
            // Nobody waits for the first argument, so it is not asked for.
            stage.store.put(try Self.id(1), [1])
            _ = try await stage.load(1)
            #expect(try stage.count(2) == 0)
        }
    }

    @Test func `a serializer that no class fills cannot be run`() async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            let byteCount = (1 << 20) + 1
            stage.store.put(Self.serializerID, [UInt8](repeating: 0, count: byteCount))
            stage.store.put(try Self.id(1), [1])
            #expect(
                await stage.failure(of: try Self.task(1))
                    == .unreadableTask("its serializer has more than 1048576 bytes")
            )
        }
    }

    @Test func `of more functions than are kept the one unused for longest is read again`() async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            for number in 0...255 { stage.store.put(try Self.id(number), [1]) }
            // With the serializer these are as many as are kept.
            for number in 0..<255 { _ = try await stage.load(number) }
            _ = try await stage.load(0)
            #expect(try stage.count(0) == 1)
            _ = try await stage.load(255)
            _ = try await stage.load(0)
            #expect(try stage.count(0) == 1)
            _ = try await stage.load(1)
            #expect(try stage.count(1) == 2)
            #expect(stage.store.asked.count { $0 == Self.serializerID } == 1)
        }
    }

    /// The largest function that is kept in memory, and the smallest that is in a file.
    @Test(arguments: [Blob.memoryBytesMax, Blob.memoryBytesMax + 1])
    func `what is kept takes a bounded part of the memory, and of the files`(byteCount: Int) async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            let large = [UInt8](repeating: 0, count: byteCount)
            for number in 0..<18 {
                stage.store.put(try Self.id(number), large)
                _ = try await stage.load(number)
            }
            _ = try await stage.load(17)
            #expect(try stage.count(17) == 1)
            _ = try await stage.load(0)
            #expect(try stage.count(0) == 2)
        }
    }

    @Test func `arguments are charged, and one for which there is no room is asked for again`() async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            let budget = ResourceBudget(limit: Resources(memoryBytes: 10, diskBytes: 10, fileCount: 1))
            stage.store.put(try Self.id(1), [1])
            stage.store.put(try Self.id(2), [UInt8](repeating: 2, count: 8))
            let task = try Self.task(1, [2])
            let inputs = try await stage.load(task, for: budget.begin())
            // The function is the loader's; the serializer has a byte.
            #expect(budget.used == Resources(memoryBytes: 9))
            let vain = budget.begin()
            do throws(TaskInterruption) {
                _ = try await stage.load(task, for: vain)
                Issue.record("there is room for it")
            } catch {
                guard case .short(.budgetSpent) = error else {
                    Issue.record("\(error)")
                    return
                }
            }
            #expect(inputs.arguments.count == 1)
            let again = budget.retry(vain, after: .budgetSpent)
            _ = consume inputs
            try await again.waitForTurn(until: soon)
            let next = try await stage.load(task, for: again)
            budget.settle(again)
            #expect(next.arguments.map(\.byteCount) == [8])
            #expect(try stage.count(2) == 3)
        }
    }

    @Test func `a cancelled task takes nothing from those that share its function`() async throws {
        try await onLoop {
            let stage = try Stage()
            defer { stage.store.stop() }
            // From here on both have the serializer, and wait for their function.
            stage.store.put(try Self.id(2), [2])
            _ = try await stage.load(2)
            let task = try Self.task(1)
            let cancelled = spawn {
                do throws(TaskInterruption) { _ = try await stage.load(task) } catch {
                    if case .cancelled = error { return true }
                }
                return false
            }
            let other = spawn { try? await stage.load(1).function.bytesInMemory }
            try await stage.store.waitForGets(3)
            cancelled.cancel()
            #expect(await cancelled.value)
            stage.store.put(try Self.id(1), [1])
            #expect(await other.value == [1])
            #expect(try stage.count(1) == 1)
        }
    }
}
