// SPDX-License-Identifier: Apache-2.0

/// How often to list, given how fresh the things are that the listing is about.
///
/// What is young may end at any moment and someone waits for it; what has run for an hour will not be missed
/// for a few seconds. So the interval is a fixed share of the time since something last began or ended.
package struct PollingPace: Hashable, Sendable {
    /// The interval while something is fresh.
    package let fastest: Duration
    /// The interval when everything is old.
    package let slowest: Duration
    /// The interval is this part of the age of the freshest thing.
    private let ageDivisor: Int

    /// Makes a pace between two intervals.
    package init(fastest: Duration, slowest: Duration, ageDivisor: Int = 8) {
        precondition(fastest > .zero && fastest <= slowest && ageDivisor > 0)
        self.fastest = fastest
        self.slowest = slowest
        self.ageDivisor = ageDivisor
    }

    /// The time to the next listing when the freshest thing is `age` old.
    package func interval(freshestAge age: Duration) -> Duration {
        min(max(age / ageDivisor, fastest), slowest)
    }
}

/// When something that happens again and again may: at once a few times, then only now and then; pure.
package struct BurstPace: Sendable {
    private let burst: Int
    private let interval: Duration
    /// When all that were granted so far would be over at one an interval.
    private var horizon: Duration = .zero

    /// Grants `burst` at once, and one more for every `interval` that passes.
    package init(burst: Int, interval: Duration) {
        precondition(burst > 0, "nothing would ever start")
        self.burst = burst
        self.interval = interval
    }

    /// The moment of the next, `now` or later; counts it.
    package mutating func next(at now: Duration) -> Duration {
        horizon = max(horizon, now) + interval
        return max(now, horizon - interval * burst)
    }
}
