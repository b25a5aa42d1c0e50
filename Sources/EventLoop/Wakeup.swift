// SPDX-License-Identifier: Apache-2.0

/// A bell for one listener: rung any number of times before it listens, it is heard once.
@LoopActor
package final class Wakeup {
    private var waiter: Waiter?
    private var isRung = false

    /// Makes a bell that has not been rung.
    package init() {}

    /// Wakes the listener, now or at its next `wait`.
    package func ring() {
        if let waiter, waiter.isPending {
            waiter.wake()
        } else {
            isRung = true
        }
    }

    /// Suspends until the bell rings.
    package func wait(until deadline: Deadline = .never) async throws(WaitError) {
        if isRung {
            isRung = false
            return
        }
        precondition(waiter == nil, "a bell has one listener")
        let waiter = Waiter()
        self.waiter = waiter
        defer { self.waiter = nil }
        try await waiter.wait(until: deadline)
    }
}
