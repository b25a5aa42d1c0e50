// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import JSON
internal import Transport

extension SignedExchange {
    /// Sends a request to the token service until it answers with a token that goes with `key`.
    ///
    /// It has a loop of its own: the one for all other calls needs a token first.
    func fetchToken(
        _ request: ServiceRequest,
        identity: SigningIdentity,
        key: RSAKey,
        deadline: Deadline
    ) async throws(OCIError) -> IssuedToken {
        let policy = RetryPolicy.tokens
        var random = SystemRandomNumberGenerator()
        var attemptCount = 0
        var isClockRepaired = false
        while true {
            attemptCount += 1
            let call = Call(
                request: request,
                identity: identity,
                requestID: newRequestID(using: &random),
                attemptCount: attemptCount,
                deadline: deadline
            )
            do throws(OCIError) {
                let text = try await signAndSend(call).decode { object throws(JSONError) in
                    try object.string("token")
                }
                return try IssuedToken(text, key: key, now: now, source: "the answer of the token service")
            } catch .service(let failure) where failure.kind == .notAuthenticated && !isClockRepaired {
                isClockRepaired = true
                guard let date = failure.date, correctClock(date) else { throw .service(failure) }
            } catch {
                // An answer that makes no sense counts as an attempt like any other.
                guard policy.isRetried(error, request, attemptCount: attemptCount, malformedCount: 0) else {
                    throw error
                }
                let delay = policy.delay(after: attemptCount, of: error, random: &random)
                try await pause(for: delay, after: error, until: deadline)
            }
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
