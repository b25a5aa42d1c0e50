// SPDX-License-Identifier: Apache-2.0

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
