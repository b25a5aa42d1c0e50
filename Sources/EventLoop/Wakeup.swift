// SPDX-License-Identifier: Apache-2.0

/// Wakes one waiter: rung any number of times before the wait, it ends one wait.
@LoopActor
package final class Wakeup {
    private var waiter: Waiter?
    private var isRung = false

    /// Makes one that has not been rung.
    package init() {}

    /// Wakes the waiter, now or at its next `wait`.
    package func ring() {
        if let waiter, waiter.isPending { return waiter.wake() }
        isRung = true
    }

    /// Suspends until `ring` is called, or returns at once if it was.
    package func wait(until deadline: Deadline = .never) async throws(WaitError) {
        if isRung {
            isRung = false
            return
        }
        precondition(waiter == nil, "a wake-up has one waiter")
        let waiter = Waiter()
        self.waiter = waiter
        defer { self.waiter = nil }
        try await waiter.wait(until: deadline)
    }
}
