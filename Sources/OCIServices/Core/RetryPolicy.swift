// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// Which failed calls are made again, how often, and after what pause.
package struct RetryPolicy: Sendable {
    /// Pauses after an answer that speaks of failure (the SDKs: at most 30 s; the API guide: 60 s).
    package var backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
    /// The longest pause for a service that gave no answer at all: asking it costs it nothing, and a pause of half a
    /// minute would outlast most outages by as much.
    package var unansweredLimit: Duration = .seconds(5)
    /// How much of a server's Retry-After is honoured.
    package var retryAfterLimit: Duration = .seconds(60)
    /// An answer that makes no sense may be a proxy's mistake; after so many of them it is what the service sends.
    package var malformedAnswersMax = 3
    /// Attempts in all, bounded as a rule by the caller's deadline only; a count would give up during an outage
    /// that the caller is prepared to wait for.
    package var attemptsMax = Int.max

    /// The usual bounds.
    package init() {}

    /// For tokens: three attempts, as the SDKs have it; whoever needs the token tries again later.
    static var tokens: RetryPolicy {
        var policy = RetryPolicy()
        policy.attemptsMax = 3
        return policy
    }

    /// Whether a call that failed with `error` is made again, after so many attempts and answers that made no sense,
    /// this one included.
    func isRetried(
        _ error: OCIError,
        _ request: ServiceRequest,
        attemptCount: Int,
        malformedCount: Int
    ) -> Bool {
        if attemptCount >= attemptsMax { return false }
        switch error {
        case .service(let failure) where failure.kind == .incorrectState:
            return request.isIncorrectStateRetried
        // A token service that is down is waited for like any other.
        case .service, .transport, .authentication, .accessLost: return error.isRetryable
        case .malformedAnswer: return malformedCount < malformedAnswersMax
        case .unknownAvailabilityDomain, .unsendable, .deadlinePassed, .cancelled: return false
        }
    }

    /// The pause after `failureCount` failures (1...) of which `error` is the last, at least what the server asked for.
    package func delay(
        after failureCount: Int,
        of error: OCIError,
        random: inout some RandomNumberGenerator
    ) -> Duration {
        var ceiling = backoff.ceiling(after: failureCount)
        var retryAfter = Duration.zero
        switch error {
        case .transport: ceiling = min(ceiling, unansweredLimit)
        case .service(let failure): retryAfter = failure.retryAfter ?? .zero
        default: break
        }
        let share = Double.random(in: 0...1, using: &random)
        return max(ceiling * share, min(retryAfter, retryAfterLimit))
    }
}

/// Sleeps before the next attempt; throws `error` at once when `deadline` comes first.
func pause(for delay: Duration, after error: OCIError, until deadline: Deadline) async throws(OCIError) {
    let end = Deadline.after(delay)
    guard end < deadline else { throw error }
    guard (try? await sleep(until: end)) != nil else { throw .cancelled }
}
