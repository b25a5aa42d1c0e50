// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import TaskPayload
import TestSupport
import Testing

@testable import Tasks
@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct WorkspaceTests {
    private static let full = TransportError.systemCall(SystemCallError(call: "pwrite", number: 28), .file)
    private static let failure = TaskFailure(.connectionError, "no room")

    /// A workspace, its budget, and what it logs.
    @LoopActor
    private struct Stage {
        let log = RecordedLog(level: .info)
        let budget: ResourceBudget
        let workspace: Workspace

        init(patience: Duration = .seconds(60)) {
            let budgets = HostBudgets(memoryBytesMax: 1 << 20, diskBytesMax: 1 << 20)
            budget = budgets.inputs
            workspace = Workspace(budgets, patience: patience, log: log.logger)
        }
    }

    @Test func `a step that finds no room is done again from its beginning, and said once`() async throws {
        try await onLoop {
            let stage = Stage()
            var attemptCount = 0
            let failing = { (_: TransportError, _: Duration) in Self.failure }
            let value = try await stage.workspace.run(in: stage.budget, orElse: failing) {
                _ async throws(TaskInterruption) in
                attemptCount += 1
                if attemptCount > 1 { #expect(stage.workspace.waitingCount == 1) }
                if attemptCount < 3 { throw .short(Self.full) }
                return attemptCount
            }
            #expect(value == 3)
            #expect(stage.workspace.waitingCount == 0)
            #expect(stage.budget.waitingCount == 0)
            #expect(
                stage.log.messages == [
                    "warning this host has no room for the objects of tasks; they wait",
                    "info no task waits for room on this host any more",
                ]
            )
        }
    }

    @Test func `when it takes too long the task fails, with the reason and the time`() async throws {
        try await onLoop {
            let stage = Stage(patience: .milliseconds(50))
            let outcome = await Self.outcome(of: stage) { _ throws(TaskInterruption) in
                throw .short(Self.full)
            }
            #expect(outcome == Self.failure)
            #expect(stage.budget.waitingCount == 0)
            #expect(stage.workspace.waitingCount == 0)
        }
    }

    @Test func `a cancel ends the waiting and hands the turn on`() async throws {
        try await onLoop {
            let stage = Stage()
            let waiting = spawn {
                await Self.outcome(of: stage) { _ throws(TaskInterruption) in throw .short(Self.full) }
            }
            while stage.workspace.waitingCount == 0 { await yieldToOthers() }
            waiting.cancel()
            #expect(await waiting.value == nil)
            #expect(stage.budget.waitingCount == 0)
        }
    }

    @Test func `a turn that takes long costs the others no patience`() async throws {
        try await onLoop {
            let stage = Stage(patience: .milliseconds(50))
            let (hasTurn, mayEnd) = (Latch(), Latch())
            let failing = { (_: TransportError, _: Duration) in Self.failure }
            var attemptCount = 0
            let first = spawn {
                let patient = Workspace(
                    stage.workspace.budgets,
                    patience: .seconds(60),
                    log: stage.log.logger
                )
                try? await patient.run(in: stage.budget, orElse: failing) {
                    _ async throws(TaskInterruption) in
                    attemptCount += 1
                    if attemptCount == 1 { throw .short(Self.full) }
                    hasTurn.open()
                    try? await mayEnd.wait(until: soon)
                }
            }
            try await hasTurn.wait(until: soon)
            var isDone = false
            let second = spawn {
                await Self.outcome(of: stage) { _ throws(TaskInterruption) in
                    if !mayEnd.isOpen { throw .short(.budgetSpent) }
                    isDone = true
                }
            }
            try await sleep(for: .milliseconds(150))
            #expect(stage.workspace.waitingCount == 1)
            mayEnd.open()
            #expect(await second.value == nil)
            #expect(isDone)
            await first.value
        }
    }

    @Test func `what a step may wait for beyond its patience it gets`() async throws {
        try await onLoop {
            let stage = Stage(patience: .milliseconds(20))
            var other: Blob?
            let holding = stage.budget.begin()
            var writer = BlobWriter(for: holding)
            try await writer.append([UInt8](repeating: 1, count: 700_000))
            other = writer.blob
            writer = BlobWriter()
            let waiting = spawn { () async -> Int in
                let patient = { (_: TransportError, _: Duration) -> TaskFailure? in nil }
                let value = try? await stage.workspace.run(in: stage.budget, orElse: patient) {
                    holding async throws(TaskInterruption) in
                    do throws(TransportError) {
                        var writer = BlobWriter(for: holding)
                        try await writer.append([UInt8](repeating: 1, count: 700_000))
                        return writer.blob.byteCount
                    } catch { throw TaskInterruption.short(error) }
                }
                return value ?? 0
            }
            // Longer than the shortest wait.
            try await sleep(for: .milliseconds(1100))
            #expect(stage.workspace.waitingCount == 1)
            #expect(other?.byteCount == 700_000)
            other = nil
            #expect(await waiting.value == 700_000)
        }
    }

    @Test func `other failures are passed on at once`() async throws {
        try await onLoop {
            let stage = Stage()
            let other = TaskFailure(.valueError, "other")
            let outcome = await Self.outcome(of: stage) { _ throws(TaskInterruption) in throw .failed(other) }
            #expect(outcome == other)
            #expect(stage.log.messages.isEmpty)
        }
    }

    @LoopActor
    private static func outcome(
        of stage: Stage,
        _ body: (Holding) throws(TaskInterruption) -> Void
    ) async -> TaskFailure? {
        let failing = { (_: TransportError, _: Duration) in failure }
        do throws(TaskInterruption) {
            try await stage.workspace.run(in: stage.budget, orElse: failing) {
                holding async throws(TaskInterruption) in
                try body(holding)
            }
        } catch {
            if case .failed(let failure) = error { return failure }
        }
        return nil
    }
}
