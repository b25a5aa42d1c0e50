// SPDX-License-Identifier: Apache-2.0

/// Growing pauses between attempts, with full jitter: each is drawn evenly from zero to the present ceiling.
///
/// Full jitter spreads those who failed together better than a fixed pause with a little noise does.
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

    /// The next pause; `random` draws evenly from 0 ..< 1.
    package mutating func next(random: () -> Double) -> Duration {
        var ceiling = initial
        for _ in 0..<attemptCount where ceiling < limit { ceiling = ceiling * 2 }
        attemptCount += 1
        return min(ceiling, limit) * random()
    }

    /// Begins anew after a success.
    package mutating func reset() {
        attemptCount = 0
    }
}
