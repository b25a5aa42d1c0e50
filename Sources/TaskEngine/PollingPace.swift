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
    private static let ageDivisor = 8

    /// Makes a pace between two intervals.
    package init(fastest: Duration, slowest: Duration) {
        precondition(fastest > .zero && fastest <= slowest)
        self.fastest = fastest
        self.slowest = slowest
    }

    /// The time to the next listing when the freshest thing is `age` old.
    package func interval(freshestAge age: Duration) -> Duration {
        min(max(age / Self.ageDivisor, fastest), slowest)
    }
}
