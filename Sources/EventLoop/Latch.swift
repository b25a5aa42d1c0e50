// SPDX-License-Identifier: Apache-2.0

/// A gate that opens once and lets every waiter pass, then and later.
@LoopActor
package final class Latch {
    private var waiters: [Waiter] = []
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
        present.open()
        present = Latch()
    }
}
