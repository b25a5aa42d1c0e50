// SPDX-License-Identifier: Apache-2.0

/// Suspends until `deadline`; throws only `WaitError.cancelled`.
@LoopActor
package func sleep(until deadline: Deadline) async throws(WaitError) {
    do {
        try await Waiter().wait(until: deadline)
    } catch .deadlinePassed {
        return
    }
}

/// Suspends for `duration`; throws only `WaitError.cancelled`.
@LoopActor
package func sleep(for duration: Duration) async throws(WaitError) {
    try await sleep(until: .after(duration))
}

/// Lets every other job that is ready run before the caller goes on.
@LoopActor
package func yieldToOthers() async {
    await Task.yield()
}
