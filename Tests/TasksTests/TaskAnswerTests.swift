// SPDX-License-Identifier: Apache-2.0

import Compression
import EventLoop
import TaskPayload
import TestSupport
import Testing
import Transport

@testable import Encodings
@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct TaskAnswerTests {
    private static let limit = 1 << 30

    @LoopActor
    private static func answer(_ stored: [UInt8], limit: Int = limit) async throws -> TaskAnswer {
        try await TaskAnswer.reading(Blob(stored), limit: limit)
    }

    @LoopActor
    private static func expectFailure(_ answer: TaskAnswer, _ reason: String) {
        #expect(!answer.isSuccess)
        #expect(answer.profile == nil)
        let text = TaskFailure.unreadableResult(reason).text
        #expect(answer.object.bytesInMemory == FailurePickle.encode(.runtimeError, text))
    }

    @Test(arguments: [true, false], [true, false])
    func `a stored outcome is the client's bytes, compressed or not`(
        _ isSuccess: Bool,
        _ isCompressed: Bool
    ) async throws {
        try await onLoop {
            let payload = Array("the client's bytes".utf8)
            let stored = StoredOutcome.pickle(isSuccess ? "R" : "E", payload)
            let answer = try await Self.answer(isCompressed ? Gzip.compress(stored) : stored)
            #expect(answer.isSuccess == isSuccess)
            #expect(answer.object.bytesInMemory == payload)
            #expect(answer.profile == StoredOutcome.profile)
            #expect(answer.output.isEmpty)
        }
    }

    @Test func `what the task printed comes with its result`() async throws {
        try await onLoop {
            let printed = Array("[\"scaler-output\", 0, 1, \"hello\"]\n".utf8)
            for (kind, isSuccess) in [("r" as Character, true), ("e", false)] {
                let answer = try await Self.answer(StoredOutcome.pickle(kind, [7, 8], output: printed))
                #expect(answer.isSuccess == isSuccess)
                #expect(answer.output == printed)
                #expect(answer.object.bytesInMemory == [7, 8])
            }
        }
    }

    @Test(arguments: [("load", FailurePickle.ExceptionName.runtimeError), ("signal", .processorDiedError)])
    func `an error of the runner is the client's exception`(
        _ kind: String,
        _ exception: FailurePickle.ExceptionName
    ) async throws {
        try await onLoop {
            let answer = try await Self.answer(
                StoredOutcome.containerError([
                    "error": "no such module", "traceback": "line 1\n", "kind": kind,
                ])
            )
            #expect(!answer.isSuccess)
            let text = "Task failed in container: no such module\nline 1\n"
            #expect(answer.object.bytesInMemory == FailurePickle.encode(exception, text))
        }
    }

    @Test func `bytes that make no sense become a failure that says so`() async throws {
        try await onLoop {
            Self.expectFailure(try await Self.answer([]), "\(TaskPayloadError.truncated)")
            let stored = StoredOutcome.pickle("R", [1])
            Self.expectFailure(
                try await Self.answer(Array(stored.dropLast())),
                "\(TaskPayloadError.truncated)"
            )
            Self.expectFailure(try await Self.answer(stored + [0]), "\(TaskPayloadError.trailingBytes)")
            let foreign = try await Self.answer(StoredOutcome.bytes(Array("somebody else's bytes".utf8)))
            #expect(!foreign.isSuccess)
        }
    }

    @Test func `gzip that is cut, corrupt or not all gzip becomes a failure that says so`() async throws {
        try await onLoop {
            let stored = Gzip.compress(StoredOutcome.pickle("R", Array("bytes".utf8)))
            Self.expectFailure(
                try await Self.answer(Array(stored.dropLast())),
                "\(CompressionError.truncated)"
            )
            Self.expectFailure(
                try await Self.answer(stored + [1, 2, 3]),
                "\(CompressionError.trailingBytes)"
            )
            var corrupt = stored
            corrupt[corrupt.count - 5] ^= 0xFF
            #expect(!(try await Self.answer(corrupt)).isSuccess)
        }
    }

    @Test(arguments: [
        (0, 64 << 20), (60_000, 64 << 20), (68_000, 68_000_000), (1 << 30, 16 << 30), (16 << 30, 16 << 30),
    ])
    func `what a result unpacks to is bounded by its size and in all`(
        _ stored: Int,
        _ expected: Int
    ) async throws {
        try await onLoop {
            #expect(TaskAnswer.unpackedBytesMax(ofStored: stored, limit: 16 << 30) == expected)
        }
    }

    @Test func `a result that unpacks to more than a thousand times its size fails its task`() async throws {
        try await onLoop {
            // Zeros, as small as gzip makes them: 1 to 1028.
            let packed = Gzip.compress([UInt8](repeating: 0, count: 72_000_000), level: 9)
            #expect(packed.count * 1000 < 72_000_000)
            Self.expectFailure(
                try await Self.answer(packed),
                "\(CompressionError.outputOverLimit(bytesMax: packed.count * 1000))"
            )
        }
    }

    @Test func `a result beyond the limit fails its task instead of filling the disk`() async throws {
        try await onLoop {
            let stored = StoredOutcome.pickle("R", [UInt8](repeating: 0, count: 1 << 20))
            let limit = stored.count
            #expect(try await Self.answer(Gzip.compress(stored), limit: limit).isSuccess)
            Self.expectFailure(
                try await Self.answer(Gzip.compress(stored), limit: limit - 1),
                "\(CompressionError.outputOverLimit(bytesMax: limit - 1))"
            )
        }
    }

    @Test func `a large result stays in its file, and other work runs while it is read`() async throws {
        try await onLoop {
            let payload = [UInt8](repeating: 7, count: 8 << 20)
            let packed = Gzip.compress(StoredOutcome.pickle("R", payload), level: 1)
            let others = OtherWork()
            await yieldToOthers()
            let before = others.turnCount
            let answer = try await Self.answer(packed)
            // At least once for each MiB: a small input may hide a large output.
            #expect(others.turnCount - before >= 4)
            others.stop()
            #expect(answer.isSuccess)
            #expect(answer.object.byteCount == payload.count)
            #expect(answer.object.memoryByteCount == 0)
            let tail = try answer.object.bytes(at: payload.count - 3, upTo: 9)
            #expect(tail == [7, 7, 7])
        }
    }
}

/// Pickles as a job runner stores them.
enum StoredOutcome {
    static let profile = ProfileResult(durationSeconds: 1.5, memoryPeakBytes: 4096, cpuSeconds: 0.25)

    /// What the trampoline returned: `R` or `E`, or `r` or `e` with what the task printed.
    static func pickle(_ kind: Character, _ payload: [UInt8], output: [UInt8]? = nil) -> [UInt8] {
        let printed = output.map { bigEndianBytes(UInt32($0.count)) + $0 } ?? []
        return bytes(Array("SOH1\(kind)".utf8) + profile.bytes + printed + payload)
    }

    /// A pickled `bytes`.
    static func bytes(_ bytes: [UInt8]) -> [UInt8] {
        [0x80, 5, 0x8E] + littleEndianBytes(UInt64(bytes.count)) + bytes + [0x94, 0x2E]
    }

    /// The dictionary of a runner that failed.
    static func containerError(_ fields: KeyValuePairs<String, String>) -> [UInt8] {
        var pickle: [UInt8] = [0x80, 5, 0x7D, 0x28] + text("_scaler_container_error") + [0x88]
        for (key, value) in fields { pickle += text(key) + text(value) }
        return pickle + [0x75, 0x2E]
    }

    private static func text(_ text: String) -> [UInt8] {
        [0x8C, UInt8(text.utf8.count)] + Array(text.utf8)
    }
}
