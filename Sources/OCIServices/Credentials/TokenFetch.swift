// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import JSON
internal import Transport

extension SignedExchange {
    /// Attempts at one token, as the SDKs have it; whoever needs the token tries again later.
    private static let attemptCountMax = 3

    /// Sends a request to the token service until it answers with a token that goes with `key`.
    ///
    /// It has a loop of its own: the one for all other calls needs a token first.
    func fetchToken(
        _ request: ServiceRequest,
        identity: SigningIdentity,
        key: RSAKey,
        deadline: Deadline
    ) async throws(OCIError) -> IssuedToken {
        var random = SystemRandomNumberGenerator()
        var attemptCount = 0
        var isClockMended = false
        while true {
            attemptCount += 1
            do throws(OCIError) {
                let answer = try await send(
                    request,
                    identity: identity,
                    requestID: newRequestID(using: &random),
                    attemptCount: attemptCount,
                    deadline: deadline
                )
                let text = try answer.decode { object throws(JSONError) in try object.string("token") }
                return try IssuedToken(text, key: key, now: now, source: "the answer of the token service")
            } catch .service(let failure) where failure.kind == .notAuthenticated && !isClockMended {
                isClockMended = true
                guard let date = failure.date, correctClock(date) else { throw .service(failure) }
            } catch {
                guard error.isRetryable, attemptCount < Self.attemptCountMax else { throw error }
                try await pause(attemptCount, deadline, &random, error)
            }
        }
    }

    private func pause(
        _ failureCount: Int,
        _ deadline: Deadline,
        _ random: inout SystemRandomNumberGenerator,
        _ error: OCIError
    ) async throws(OCIError) {
        let delay = RetryDelay().delay(after: failureCount, retryAfter: nil, random: &random)
        guard .after(delay) < deadline else { throw error }
        do throws(WaitError) {
            try await sleep(for: delay)
        } catch {
            throw .cancelled
        }
    }
}

/// A caller's id of a request: 32 upper-case hex digits, as the SDKs make it.
func newRequestID(using random: inout some RandomNumberGenerator) -> String {
    (0..<2).map { _ in
        let digits = String(random.next(), radix: 16, uppercase: true)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
}
