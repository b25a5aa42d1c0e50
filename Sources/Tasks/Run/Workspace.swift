// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import Reporting
internal import Transport

/// Gives the steps of tasks their part of memory, disk and descriptors; those for which there is none now wait.
@LoopActor
final class Workspace {
    private static let reportInterval: Duration = .seconds(60)
    private static let shortestWait: Duration = .seconds(1)

    let budgets: HostBudgets
    private let patience: Duration
    private let warning: ThrottledWarning
    /// How many steps have met a shortage and have not got what they need yet.
    private(set) var waitingCount = 0

    /// `patience` is how long a step waits before it fails its task.
    init(_ budgets: HostBudgets, patience: Duration, log: Logger) {
        self.budgets = budgets
        self.patience = patience
        warning = ThrottledWarning(
            "this host has no room for the objects of tasks; they wait",
            recovery: "no task waits for room on this host any more",
            log: log
        )
    }

    /// Does `body` with a holding in `budget` to which it charges what it keeps.
    ///
    /// Each time it throws `short` it has let go of everything; it is done again from its beginning when there may be room.
    /// When there is no room for too long, the task fails with what `failure` makes of the last shortage and the time; with nil it
    /// waits on.
    func run<Value>(
        in budget: ResourceBudget,
        orElse failure: (TransportError, Duration) -> TaskFailure?,
        _ body: (Holding) async throws(TaskInterruption) -> Value
    ) async throws(TaskInterruption) -> Value {
        var holding = budget.begin()
        // The budget's time at which the task fails; nil until it is short of something.
        var end: Duration?
        defer {
            budget.settle(holding)
            if end != nil { ended() }
        }
        while true {
            do throws(TaskInterruption) {
                return try await body(holding)
            } catch .short(let error) {
                if end == nil { waitingCount += 1 }
                var time = end ?? budget.shortTime + patience
                holding = budget.retry(holding, after: error)
                end = time
                while !(try await hasTurn(holding, in: budget, error, before: time)) {
                    if let failure = failure(error, patience) { throw .failed(failure) }
                    time = budget.shortTime + patience
                }
            }
        }
    }

    /// Waits for a holding's turn, and says once a minute that tasks wait; false if the budget's time `end` comes first.
    private func hasTurn(
        _ holding: Holding,
        in budget: ResourceBudget,
        _ error: TransportError,
        before end: Duration
    ) async throws(TaskInterruption) -> Bool {
        while budget.shortTime < end {
            report(error)
            do throws(WaitError) {
                // Not shorter, for while another has its turn this time does not come nearer.
                let rest = max(end - budget.shortTime, Self.shortestWait)
                try await holding.waitForTurn(until: .after(min(rest, Self.reportInterval)))
                return true
            } catch .deadlinePassed {
                continue
            } catch {
                throw .cancelled
            }
        }
        return false
    }

    private func ended() {
        waitingCount -= 1
        if waitingCount == 0 { warning.ended() }
    }

    private func report(_ error: TransportError) {
        warning.occurred([
            "waiting": "\(waitingCount)", "error": "\(error)", "directory": "\(SpoolFile.directory)",
            "next_step": "free space there (TMPDIR chooses another), or raise the limit that the error names",
        ])
    }
}
