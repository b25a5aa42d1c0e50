// SPDX-License-Identifier: Apache-2.0

/// How long to wait before the next attempt of a call.
///
/// Full jitter: a random share of a doubling bound. The bound alone would send all the calls that failed together
/// back together; the SDKs add one second of jitter to it, which is not enough for a thousand tasks.
package struct RetryDelay: Sendable {
    /// The bound after the first failure.
    package var first: Duration = .seconds(1)
    /// The bound never grows beyond this (the SDKs: 30 s; the API guide: 60 s).
    package var maximum: Duration = .seconds(30)
    /// The bound for a service that gave no answer at all: to knock costs it nothing, and a pause of half a minute would
    /// outlast most outages by as much.
    package var unansweredMaximum: Duration = .seconds(5)
    /// How much of a server's Retry-After is honoured.
    package var retryAfterMaximum: Duration = .seconds(60)

    /// The usual bounds.
    package init() {}

    /// The delay after `failureCount` failures (1...), at least what the server asked for.
    package func delay(
        after failureCount: Int,
        retryAfter: Duration?,
        isAnswered: Bool = true,
        random: inout some RandomNumberGenerator
    ) -> Duration {
        precondition(failureCount > 0, "nothing failed yet")
        // Beyond 2^20 the maximum has long won.
        let limit = isAnswered ? maximum : min(unansweredMaximum, maximum)
        let bound = min(first * (1 << min(failureCount - 1, 20)), limit)
        let share = Double.random(in: 0...1, using: &random)
        return max(bound * share, min(retryAfter ?? .zero, retryAfterMaximum))
    }
}
