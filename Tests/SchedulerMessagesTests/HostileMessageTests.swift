// SPDX-License-Identifier: Apache-2.0

import SchedulerPeer
import TestSupport
import Testing

@testable import SchedulerMessages

@Suite
struct HostileMessageTests {
    private static let seed = UInt64.random(in: 0 ... .max)

    @Test
    func `a mutated message decodes or is refused`() throws {
        let messages = EnvelopeTests.messages.filter { $0.bytes.count <= 512 }
        var random = SeededRandom(seed: Self.seed)
        var outcomes = (decoded: 0, refused: 0)
        for _ in 0..<4000 {
            let bytes = try #require(messages.randomElement(using: &random)).bytes.mutatedWords(
                using: &random
            )
            let decoders: [() throws -> Void] = [
                { () throws(SchedulerMessageError) in
                    _ = try SchedulerMessage.decode(bytes, receiver: .worker)
                },
                { () throws(SchedulerMessageError) in
                    _ = try SchedulerMessage.decode(bytes, receiver: .manager)
                },
                { _ = try SchedulerBoundMessage.decode(bytes) },
            ]
            for decode in decoders {
                do {
                    try decode()
                    outcomes.decoded += 1
                } catch is SchedulerMessageError {
                    outcomes.refused += 1
                }
            }
        }
        #expect(outcomes.decoded > 1000 && outcomes.refused > 1000, "seed \(Self.seed): \(outcomes)")
    }

    @Test
    func `a mutated object storage header decodes or is refused`() throws {
        let headers = Vector.all(in: "scaler-object-storage.json").filter { $0.bytes.count == 80 }
        var random = SeededRandom(seed: Self.seed)
        var outcomes = (decoded: 0, refused: 0)
        for _ in 0..<2000 {
            let bytes = try #require(headers.randomElement(using: &random)).bytes.mutatedWords(using: &random)
            do {
                _ = try ObjectStorageResponse.decode(bytes)
                outcomes.decoded += 1
            } catch {
                outcomes.refused += 1
            }
        }
        #expect(outcomes.decoded > 100 && outcomes.refused > 100, "seed \(Self.seed): \(outcomes)")
    }

    @Test
    func `a task whose function is no object id is still a task, so that it can be answered`() throws {
        let odd = try #require(EnvelopeTests.messages.first { $0.name == "task/unset" })
        guard case .task(let task) = try SchedulerMessage.decode(odd.bytes, receiver: .worker) else {
            Issue.record("not a task")
            return
        }
        #expect(task.functionObjectID == nil)
    }

    @Test
    func `arguments of unknown types and ids of odd lengths are kept apart`() throws {
        let arguments: [TaskArgument] = [
            .unreadable(type: 1, data: [1, 2, 3]), .unreadable(type: 9, data: []),
        ]
        let task = TaskMessage(
            taskID: TaskID([1]),
            source: ClientID([2]),
            functionObjectID: nil,
            arguments: arguments
        )
        #expect(try SchedulerMessage.decode(task.encoded(), receiver: .worker) == .task(task))
    }

    @Test
    func `an instruction that deletes what is no id is refused`() throws {
        let vector = try #require(
            EnvelopeTests.messages.first { $0.name == "object-instruction/delete-three@2.9.0" }
        )
        var bytes = vector.bytes
        // The length of the first id, 32, in the upper 29 bits of its pointer: make it 31.
        let pointer = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x02, 0x01, 0, 0]) })
        bytes[pointer] = 0xfa
        bytes[pointer + 1] = 0
        #expect(throws: SchedulerMessageError.wrongLength(field: .objectID, byteCount: 31)) {
            try SchedulerMessage.decode(bytes, receiver: .worker)
        }
    }
}
