// SPDX-License-Identifier: Apache-2.0

/// How soon something that ended may be started again: at once a few times, then only now and then; pure.
package struct RestartPace: Sendable {
    private let burst: Int
    private let interval: Duration
    /// When all starts granted so far would be over at one an interval.
    private var horizon: Duration = .zero

    /// Grants `burst` starts at once, and one more for every `interval` that passes.
    package init(burst: Int, interval: Duration) {
        precondition(burst > 0, "nothing would ever start")
        self.burst = burst
        self.interval = interval
    }

    /// The moment of the next start, `now` or later; counts it.
    package mutating func next(at now: Duration) -> Duration {
        horizon = max(horizon, now) + interval
        return max(now, horizon - interval * burst)
    }
}
