// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct HoldingTests {
    @LoopActor
    private static func budget(memory: Int = 1000, disk: Int = 1000, files: Int = 2) -> ResourceBudget {
        ResourceBudget(limit: Resources(memoryBytes: memory, diskBytes: disk, fileCount: files))
    }

    @LoopActor
    private static func blob(_ byteCount: Int, for holding: Holding) async throws(TransportError) -> Blob {
        var writer = BlobWriter(memoryBytesMax: 100, for: holding)
        for _ in 0..<byteCount { try await writer.append([1]) }
        return writer.blob
    }

    @Test func `a blob takes its part of the budget while anybody holds it, in memory or in a file`()
        async throws
    {
        try await onLoop {
            let budget = Self.budget()
            let holding = budget.begin()
            var small: Blob? = try await Self.blob(10, for: holding)
            var large: Blob? = try await Self.blob(200, for: holding)
            #expect(budget.used == Resources(memoryBytes: 10, diskBytes: 200, fileCount: 1))
            var part = large?.part(5..<7)
            (small, large) = (nil, nil)
            #expect(budget.used == Resources(diskBytes: 200, fileCount: 1))
            #expect(part?.byteCount == 2 && small == nil && large == nil)
            part = nil
            #expect(budget.used == Resources())
        }
    }

    @Test func `room that is taken before the bytes arrive is not taken twice`() async throws {
        try await onLoop {
            let budget = Self.budget()
            var writer = BlobWriter(memoryBytesMax: 100, for: budget.begin())
            try writer.reserve(300)
            #expect(budget.used == Resources(diskBytes: 300, fileCount: 1))
            for _ in 0..<300 { try await writer.append([1]) }
            #expect(budget.used == Resources(diskBytes: 300, fileCount: 1))
            try await writer.append([1])
            #expect(budget.used == Resources(diskBytes: 301, fileCount: 1))
            let other = BlobWriter(memoryBytesMax: 100, for: budget.begin())
            #expect(throws: TransportError.budgetSpent) { try other.reserve(700) }
            #expect(writer.blob.byteCount == 301)
        }
    }

    @Test func `who finds the budget spent waits its turn and gets its part then`() async throws {
        try await onLoop {
            let budget = Self.budget()
            let first = budget.begin()
            var blob: Blob? = try await Self.blob(900, for: first)
            #expect(blob?.memoryByteCount == 0)
            let vain = budget.begin()
            await #expect(throws: TransportError.budgetSpent) { _ = try await Self.blob(101, for: vain) }
            #expect(budget.used == Resources(diskBytes: 900, fileCount: 1))
            let next = budget.retry(vain, after: .budgetSpent)
            #expect(budget.waitingCount == 1)
            // Nothing is given any more to what is over.
            await #expect(throws: TransportError.budgetSpent) { _ = try await Self.blob(1, for: vain) }
            let waiting = spawn { try? await next.waitForTurn(until: soon) }
            blob = nil
            await waiting.value
            let other = try await Self.blob(101, for: next)
            budget.settle(next)
            #expect(budget.waitingCount == 0)
            #expect(budget.used == Resources(diskBytes: 101, fileCount: 1))
            #expect(other.byteCount == 101)
        }
    }

    @Test func `what the host refuses is tried again in a while`() async throws {
        try await onLoop {
            let budget = Self.budget()
            let vain = budget.begin()
            let error = TransportError.systemCall(SystemCallError(call: "pwrite", number: 28), .file)
            #expect(error.isFileShortage && !error.isRetryable)
            let next = budget.retry(vain, after: error)
            let begin = Deadline.now
            try await next.waitForTurn(until: soon)
            #expect(Deadline.now.duration(since: begin) > .milliseconds(900))
            budget.settle(next)
        }
    }

    @Test func `one that leaves while it waits hands its turn on`() async throws {
        try await onLoop {
            let budget = Self.budget(files: 1)
            var blob: Blob? = try await Self.blob(101, for: budget.begin())
            var waiting: [Holding] = []
            for _ in 0..<2 {
                let vain = budget.begin()
                await #expect(throws: TransportError.budgetSpent) { _ = try await Self.blob(101, for: vain) }
                waiting.append(budget.retry(vain, after: .budgetSpent))
            }
            #expect(blob?.byteCount == 101)
            blob = nil
            try await waiting[0].waitForTurn(until: soon)
            budget.settle(waiting[0])
            try await waiting[1].waitForTurn(until: soon)
            budget.settle(waiting[1])
            #expect(budget.used == Resources())
        }
    }
}
