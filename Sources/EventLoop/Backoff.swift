// SPDX-License-Identifier: Apache-2.0

/// Growing pauses between attempts, with full jitter: each is drawn evenly from zero to the present ceiling.
///
/// The ceiling alone would send all those that failed together back together; full jitter spreads them better than a
/// fixed pause with a little noise does (the SDKs add one second of noise, which is not enough for a thousand tasks).
package struct Backoff: Hashable, Sendable {
    /// The first ceiling.
    package let initial: Duration
    /// No ceiling is above this.
    package let limit: Duration
    /// How many pauses were drawn since the last reset.
    package private(set) var attemptCount = 0

    /// Makes pauses whose ceiling doubles from `initial` to `limit`.
    package init(initial: Duration, limit: Duration) {
        precondition(initial > .zero && initial <= limit)
        self.initial = initial
        self.limit = limit
    }

    /// What the pause after `failureCount` failures (1...) is drawn below.
    package func ceiling(after failureCount: Int) -> Duration {
        precondition(failureCount > 0, "nothing failed yet")
        // Beyond 2^20 the limit has long won.
        return min(initial * (1 << min(failureCount - 1, 20)), limit)
    }

    /// The next pause; `random` draws evenly from 0 ..< 1.
    package mutating func next(random: () -> Double) -> Duration {
        attemptCount += 1
        return ceiling(after: attemptCount) * random()
    }

    /// Begins anew after a success.
    package mutating func reset() { attemptCount = 0 }
}
