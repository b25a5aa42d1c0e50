// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import JSON
internal import OCISigning
internal import Transport

/// A token, the key that goes with it, and how long it lives.
struct IssuedToken: Sendable {
    /// Renewed this long before it runs out, as the Go SDK does; sooner than that if it lives for less than 20 minutes.
    private static let marginSeconds = 300

    let text: String
    let identity: SigningIdentity
    /// The token's claims, of which the caller may know more.
    let claims: JSONObject?
    /// When it runs out, in seconds since 1970; nil if the token does not say.
    let expiry: Int?
    /// When to have a new one, in seconds since 1970.
    let renewal: Int?

    /// A token that was read or received `now`; `source` says in the error where.
    init(_ token: String, key: RSAKey, now: Int, source: String) throws(OCIError) {
        let keyID = try reading("\(source) holds no token") { () throws(OCISigningError) in
            try KeyIdentity.token(token)
        }
        identity = SigningIdentity(keyID: keyID, key: key)
        text = String(identity.keyID.text.dropFirst("ST$".count))
        claims = SecurityToken.claims(of: text).flatMap { try? JSONObject(reading: $0) }
        guard let claims else { throw .configuration("\(source) holds no token") }
        expiry = (try? claims.integerIfPresent("exp")) ?? nil
        let issued = (try? claims.integerIfPresent("iat")) ?? nil
        renewal = expiry.map { expiry in
            // Dates in a token may be anything: no sum of them may overflow.
            let life = max(0, expiry.subtractingReportingOverflow(issued ?? now).partialValue)
            return expiry.subtractingReportingOverflow(min(Self.marginSeconds, life / 4)).partialValue
        }
    }
}

/// Makes, fetches or reads tokens.
@LoopActor
protocol TokenIssuer: AnyObject, Sendable {
    var tenancyID: String? { get }

    /// A token to use from now on; the same as `old` if there is no other.
    func issue(replacing old: IssuedToken?, deadline: Deadline) async throws(OCIError) -> IssuedToken
}

extension SignedExchange {
    /// Sends a request to the token service until it answers with a token that goes with `key`; it has a loop of
    /// its own: the one for all other calls needs a token first.
    func fetchToken(
        _ request: ServiceRequest,
        as identity: SigningIdentity,
        key: RSAKey,
        deadline: Deadline
    ) async throws(OCIError) -> IssuedToken {
        let policy = RetryPolicy.tokens
        var random = LoopRandom()
        var attemptCount = 0
        var clockRepairCount = 0
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
            } catch .service(let failure)
                where failure.kind == .notAuthenticated && clockRepairCount < ServiceClock.repairCountMax
            {
                clockRepairCount += 1
                guard refused(at: failure.date) else { throw .service(failure) }
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
