// SPDX-License-Identifier: Apache-2.0

/// Why a wait ended without what it waited for.
package enum WaitError: Error, Sendable, Equatable {
    /// The waiting piece of work was cancelled.
    case cancelled
    /// The deadline passed first.
    case deadlinePassed
    /// What was waited on was closed; nothing more will come.
    case closed
}

/// One suspended caller: exactly one of `wake`, `fail`, its deadline or its cancellation resumes it; everything in
/// the module that suspends is built from this, so the rules of resumption stand in one place.
@LoopActor
final class Waiter {
    private enum State {
        /// Made, not waited on yet. To `suspended` by `wait`, to `settled` by `wake` or `fail`.
        case idle
        /// The caller sleeps. To `settled` by whichever of the four comes first.
        case suspended(CheckedContinuation<WaitError?, Never>)
        /// The outcome is known. Final.
        case settled(WaitError?)
    }

    private var state = State.idle
    private var timer: LoopTimer?

    /// Whether `wake` would still reach the caller.
    var isPending: Bool {
        if case .settled = state { return false }
        return true
    }

    func wake() { settle(nil) }

    func fail(_ error: WaitError) { settle(error) }

    /// Suspends until one of the four; may be called once.
    func wait(until deadline: Deadline) async throws(WaitError) {
        let error = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.suspend(continuation, until: deadline)
            }
        } onCancel: {
            self.cancelled()
        }
        if let error { throw error }
    }

    private func suspend(_ continuation: CheckedContinuation<WaitError?, Never>, until deadline: Deadline) {
        switch state {
        case .settled(let outcome): continuation.resume(returning: outcome)
        case .suspended: preconditionFailure("a waiter was waited on twice")
        case .idle:
            state = .suspended(continuation)
            if isCancelled {
                settle(.cancelled)
            } else if deadline != .never {
                timer = LoopTimer(deadline) { [weak self] in self?.settle(.deadlinePassed) }
            }
        }
    }

    /// Called by whoever cancels: as a rule the loop's own thread.
    private nonisolated func cancelled() {
        if LoopExecutor.shared.isCurrentThread {
            LoopActor.assumeIsolated { self.settle(.cancelled) }
        } else {
            spawn { self.settle(.cancelled) }
        }
    }

    private func settle(_ outcome: WaitError?) {
        switch state {
        case .settled: return
        case .idle: state = .settled(outcome)
        case .suspended(let continuation):
            state = .settled(outcome)
            timer?.stop()
            timer = nil
            continuation.resume(returning: outcome)
        }
    }
}
