// SPDX-License-Identifier: Apache-2.0

/// A gate that opens once and lets every waiter pass, then and later.
@LoopActor
package final class Latch {
    fileprivate private(set) var waiters: [Waiter] = []
    /// Whether the gate is open.
    package private(set) var isOpen = false

    /// Makes a closed gate.
    package init() {}

    /// Opens the gate; more than once is harmless.
    package func open() {
        isOpen = true
        let passing = waiters
        waiters = []
        for waiter in passing { waiter.wake() }
    }

    /// Suspends until the gate is open.
    package func wait(until deadline: Deadline = .never) async throws(WaitError) {
        if isOpen { return }
        waiters.removeAll { !$0.isPending }
        let waiter = Waiter()
        waiters.append(waiter)
        try await waiter.wait(until: deadline)
    }
}

/// Wakes everyone who waits at the moment; who comes later waits for the next time.
@LoopActor
package final class Broadcast {
    private var present = Latch()

    /// Makes a broadcast that nobody waits for.
    package init() {}

    /// Suspends until the next `send`.
    package func wait(until deadline: Deadline = .never) async throws(WaitError) {
        try await present.wait(until: deadline)
    }

    /// Wakes everyone who waits now.
    package func send() {
        if present.waiters.isEmpty { return }
        present.open()
        present = Latch()
    }
}

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
