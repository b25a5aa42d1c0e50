// SPDX-License-Identifier: Apache-2.0

import Compression
import EventLoop
import TaskPayload
import TestSupport
import Testing
import Transport

@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct PackedPayloadTests {
    private static let taskID: [UInt8] = [1, 2]

    @LoopActor
    private static func inputs(
        _ function: [UInt8],
        _ arguments: [[UInt8]] = [],
        serializer: [UInt8] = DefaultSerializer.pickled
    ) -> TaskInputs {
        TaskInputs(
            serializer: unsharedSerializer(serializer),
            function: Blob(function),
            arguments: arguments.map { Blob($0) }
        )
    }

    @LoopActor
    private static func pack(_ inputs: TaskInputs) async throws -> PackedPayload {
        try await PackedPayload.pack(inputs, taskID: taskID, context: PayloadPlan.Context())
    }

    /// What the payload must hold, as `PayloadPlan` has it.
    @LoopActor
    private static func expected(_ inputs: TaskInputs) throws -> [UInt8] {
        let plan = PayloadPlan(
            taskID: taskID,
            serializer: inputs.serializer.bytes,
            functionByteCount: inputs.function.byteCount,
            argumentByteCounts: inputs.arguments.map(\.byteCount)
        )
        var bytes: [UInt8] = []
        for piece in plan.pieces {
            switch piece {
            case .beginning: bytes += PayloadPlan.beginning
            case .bytes(let part): bytes += part
            case .serializer: bytes += inputs.serializer.bytes
            case .function: bytes += try inputs.function.bytes(at: 0, upTo: 1 << 30)
            case .argument(let index):
                bytes += try inputs.arguments[index].bytes(at: 0, upTo: 1 << 30)
            }
        }
        return bytes
    }

    @LoopActor
    private static func bytes(_ payload: PackedPayload) throws -> [UInt8] {
        let body = try payload.body.bytes(at: 0, upTo: payload.body.byteCount)
        return payload.isCompressed ? try Gzip.decompress(body, limit: 1 << 30) : body
    }

    private static func random(_ byteCount: Int, seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        return random.bytes(byteCount)
    }

    /// Bytes that gzip cannot shrink: what repeats is farther away than it looks back.
    private static func unshrinkable(_ byteCount: Int) -> [UInt8] {
        let part = random(1 << 18, seed: 11)
        var bytes: [UInt8] = []
        while bytes.count < byteCount { bytes += part }
        return bytes
    }

    @Test func `a small payload travels in the environment, and equal input gives equal bytes`() async throws
    {
        try await onLoop {
            let inputs = Self.inputs([1, 2, 3], [[4], []])
            let payload = try await Self.pack(inputs)
            #expect(payload.isCompressed)
            #expect(payload.inlineBytes == payload.body.bytesInMemory)
            #expect(payload.inlineBytes != nil)
            #expect(try Self.bytes(payload) == Self.expected(inputs))
            #expect(try await Self.pack(inputs).inlineBytes == payload.inlineBytes)
        }
    }

    @Test func `all begin with the same member, and what a small task adds is not compressed`() async throws {
        try await onLoop {
            let beginning = Gzip.compress(PayloadPlan.beginning, level: 9)
            @LoopActor func packed(_ byteCount: Int) async throws -> [UInt8] {
                let inputs = Self.inputs([UInt8](repeating: 7, count: byteCount))
                return try #require(try await Self.pack(inputs).inlineBytes)
            }
            let few = try await packed(3500)
            #expect(few.starts(with: beginning))
            #expect(few.count > beginning.count + 3500)
            let many = try await packed(9000)
            #expect(many.starts(with: beginning))
            #expect(many.count < beginning.count + 500)
        }
    }

    @Test func `a serializer of the client's own travels as it is`() async throws {
        try await onLoop {
            let inputs = Self.inputs([1, 2, 3], [[4]], serializer: [7, 7, 7])
            let bytes = try Self.bytes(try await Self.pack(inputs))
            #expect(try bytes == Self.expected(inputs))
            let objects: [UInt8] = [0x43, 3, 7, 7, 7, 0x43, 3, 1, 2, 3, 0x43, 1, 4]
            #expect(bytes.suffix(16) == objects + [0x65, 0x75, 0x2E])
        }
    }

    @Test func `what does not fit into the environment goes elsewhere`() async throws {
        try await onLoop {
            let inputs = Self.inputs(Self.random(RunnerEnvironment.inlineBytesMax, seed: 3))
            let payload = try await Self.pack(inputs)
            #expect(payload.inlineBytes == nil)
            #expect(payload.isCompressed)
            #expect(try Self.bytes(payload) == Self.expected(inputs))
        }
    }

    @Test func `a large payload that shrinks is compressed`() async throws {
        try await onLoop {
            let inputs = Self.inputs([1], [[UInt8](repeating: 0, count: 12 << 20)])
            let payload = try await Self.pack(inputs)
            #expect(payload.isCompressed)
            #expect(payload.body.byteCount < 1 << 20)
            #expect(try Self.bytes(payload) == Self.expected(inputs))
        }
    }

    @Test func `large random bytes are not compressed, and other work runs meanwhile`() async throws {
        try await onLoop {
            let inputs = Self.inputs([1], [Self.unshrinkable(12 << 20)])
            let others = OtherWork()
            await yieldToOthers()
            let before = others.turnCount
            let payload = try await Self.pack(inputs)
            #expect(others.turnCount - before >= (12 << 20) / Blob.sliceBytesMax)
            others.stop()
            #expect(!payload.isCompressed)
            #expect(payload.body.memoryByteCount == 0)
            #expect(payload.inlineBytes == nil)
            #expect(try Self.bytes(payload) == Self.expected(inputs))
        }
    }

    @Test func `the largest object decides whether compression is worth it`() async throws {
        try await onLoop {
            let zeros = [UInt8](repeating: 0, count: 9 << 20)
            let noise = Self.unshrinkable(1 << 20)
            let shrinking = try await Self.pack(Self.inputs(noise, [zeros]))
            #expect(shrinking.isCompressed)
            let other = try await Self.pack(Self.inputs(Self.unshrinkable(9 << 20), [noise]))
            #expect(!other.isCompressed)
        }
    }
}
