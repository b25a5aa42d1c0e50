// SPDX-License-Identifier: Apache-2.0
//
// What happens between "list the instances" and the answer, for every call and in one place.
//
// Rule: a call may be lost on the way there or on the way back, and the two look the same. So every call made here
// can be repeated: reads, deletes and puts by nature, creates by their retry token.
// Consequence: one loop that sends, classifies and waits; it ends with an answer, with a failure that no repetition
// mends, or when the caller's deadline leaves no room for another attempt. A count of attempts would give up during
// an outage that the caller is prepared to sit out.
// Rejected: retries in the HTTP client (it knows no codes) and in each caller (they would differ).

package import EventLoop
internal import HTTPWire
package import OCIProfile
internal import Transport

/// Makes calls of all services under one identity: signs, sends, classifies, tries again.
@LoopActor
package final class ServiceCalls {
    /// How many requests were sent so far.
    package private(set) var counts = RequestCounts()
    /// The difference between the host's clock and the services'.
    package var clockOffsetSeconds: Int { exchange.clock.offsetSeconds }

    /// An answer that makes no sense may be a proxy's mistake; after so many of them it is what the service sends.
    private static let malformedCountMax = 3

    private let exchange: SignedExchange
    private let credentials: any CredentialSource
    private let gates: [CloudService: RateGate]
    private let retryDelay: RetryDelay
    private var random: any RandomNumberGenerator & Sendable
    private let notify: @LoopActor @Sendable (ServiceNotice) -> Void
    /// Told of every call before it is made, once however often it is tried.
    package var willSend: (@LoopActor (ServiceRequest) -> Void)?

    /// Calls through `exchange`, signed with what `credentials` yield.
    ///
    /// `requestsPerSecondMax` holds for the reads and for the writes of each service.
    package init(
        exchange: SignedExchange,
        credentials: any CredentialSource,
        requestsPerSecondMax: Double,
        retryDelay: RetryDelay = RetryDelay(),
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        notify: @escaping @LoopActor @Sendable (ServiceNotice) -> Void
    ) {
        self.exchange = exchange
        self.credentials = credentials
        gates = Dictionary(
            uniqueKeysWithValues: CloudService.allCases.map { ($0, RateGate(ceiling: requestsPerSecondMax)) }
        )
        self.retryDelay = retryDelay
        self.random = random
        self.notify = notify
    }

    /// Sends until an answer of 2xx comes that `read` can read, a failure that repetition does not mend, or `deadline`.
    package func send<Value>(
        _ request: ServiceRequest,
        deadline: Deadline,
        _ read: (ServiceAnswer) throws(OCIError) -> Value
    ) async throws(OCIError) -> Value {
        var attempt = Attempt(requestID: newRequestID(using: &random))
        willSend?(request)
        while true {
            let error: OCIError
            do throws(OCIError) {
                return try read(try await sendOnce(request, &attempt, deadline))
            } catch let failure {
                error = failure
            }
            if error.kind == .notAuthenticated {
                guard try await mend(error, &attempt, deadline) else { throw error }
                continue
            }
            noteThrottling(error, request.operation)
            guard isRetried(error, request, &attempt) else { throw error }
            attempt.failureCount += 1
            try await pause(after: error, attempt.failureCount, deadline)
        }
    }

    /// The same, with nil for an answer that says the thing is not there (or not to be seen).
    package func sendUnlessGone<Value>(
        _ request: ServiceRequest,
        deadline: Deadline,
        _ read: (ServiceAnswer) throws(OCIError) -> Value
    ) async throws(OCIError) -> Value? {
        do throws(OCIError) {
            return try await send(request, deadline: deadline, read)
        } catch .service(let failure) where failure.saysGone {
            return nil
        }
    }

    /// Where a request would go, as a URL.
    package func url(of request: ServiceRequest) -> String {
        exchange.url(of: request)
    }

    /// How many calls a second a service gets at present.
    package func rate(of service: CloudService, _ lane: RateBuckets.Lane) -> Double {
        gates[service]?.rate(of: lane) ?? 0
    }

    private func sendOnce(
        _ request: ServiceRequest,
        _ attempt: inout Attempt,
        _ deadline: Deadline
    ) async throws(OCIError) -> ServiceAnswer {
        do throws(WaitError) {
            try await gates[request.operation.service]?.pass(request.operation.lane, until: deadline)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw attempt.lastFailure ?? .deadlinePassed(request.operation)
        }
        let identity = try await credentials.current(deadline: deadline)
        attempt.identity = identity
        attempt.clockOffsetSeconds = exchange.clock.offsetSeconds
        counts.add(request.operation, isRetry: attempt.count > 0)
        attempt.count += 1
        do throws(OCIError) {
            return try await exchange(request, identity, attempt.requestID, attempt.count, deadline)
        } catch {
            // What cut the last attempt short was the caller; what went wrong is what was answered before.
            if deadline.isPast, let last = attempt.lastFailure, case .transport = error { throw last }
            attempt.lastFailure = error
            throw error
        }
    }

    private func exchange(
        _ request: ServiceRequest,
        _ identity: SigningIdentity,
        _ requestID: String,
        _ attemptCount: Int,
        _ deadline: Deadline
    ) async throws(OCIError) -> ServiceAnswer {
        let exchange = exchange
        let send = { @LoopActor @Sendable () async throws(OCIError) -> ServiceAnswer in
            try await exchange.send(
                request,
                identity: identity,
                requestID: requestID,
                attemptCount: attemptCount,
                deadline: deadline
            )
        }
        guard request.isShielded else { return try await send() }
        // Work of its own: the caller's cancellation does not reach it.
        let call = spawn { () async -> Result<ServiceAnswer, OCIError> in
            do throws(OCIError) { return .success(try await send()) } catch { return .failure(error) }
        }
        return try await call.value.get()
    }

    /// Does what can be done about a refused signature, each thing once in a call: the clock, then the token.
    private func mend(
        _ error: OCIError,
        _ attempt: inout Attempt,
        _ deadline: Deadline
    ) async throws(OCIError) -> Bool {
        guard let identity = attempt.identity else { return false }
        if !attempt.isClockMended {
            attempt.isClockMended = true
            // Another call may have corrected the clock while this one was under way.
            if exchange.clock.offsetSeconds != attempt.clockOffsetSeconds { return true }
            if case .service(let failure) = error, let date = failure.date, exchange.correctClock(date) {
                notify(.clockCorrected(seconds: exchange.clock.offsetSeconds))
                return true
            }
        }
        if attempt.isIdentityMended { return false }
        attempt.isIdentityMended = true
        guard try await credentials.replace(rejected: identity, deadline: deadline) else { return false }
        notify(.credentialsRenewed)
        return true
    }

    private func noteThrottling(_ error: OCIError, _ operation: Operation) {
        guard error.kind == .throttled,
            let rate = gates[operation.service]?.throttled(operation.lane)
        else { return }
        notify(.rateHalved(operation.service, operation.lane, perSecond: rate))
    }

    private func isRetried(_ error: OCIError, _ request: ServiceRequest, _ attempt: inout Attempt) -> Bool {
        if error.kind == .incorrectState, !request.isIncorrectStateRetried { return false }
        switch error {
        // A token service that is down is waited for like any other.
        case .service, .transport, .authentication: return error.isRetryable
        case .malformedAnswer:
            attempt.malformedCount += 1
            return attempt.malformedCount < Self.malformedCountMax
        default: return false
        }
    }

    /// Sleeps before the next attempt; throws `error` when `deadline` comes first.
    private func pause(
        after error: OCIError,
        _ failureCount: Int,
        _ deadline: Deadline
    ) async throws(OCIError) {
        var retryAfter: Duration?
        if case .service(let failure) = error { retryAfter = failure.retryAfter }
        var isAnswered = true
        if case .transport = error { isAnswered = false }
        let delay = retryDelay.delay(
            after: failureCount,
            retryAfter: retryAfter,
            isAnswered: isAnswered,
            random: &random
        )
        let end = Deadline.after(delay)
        guard end < deadline else { throw error }
        notify(.retrying(error, failureCount: failureCount, after: delay))
        do throws(WaitError) {
            try await sleep(until: end)
        } catch {
            throw .cancelled
        }
    }
}

/// What a call remembers from one attempt to the next.
private struct Attempt {
    let requestID: String
    var count = 0
    var failureCount = 0
    var malformedCount = 0
    var identity: SigningIdentity?
    var clockOffsetSeconds = 0
    var isClockMended = false
    var isIdentityMended = false
    var lastFailure: OCIError?

    init(requestID: String) {
        self.requestID = requestID
    }
}

extension ServiceFailure {
    /// Whether the thing asked for is not there, or not to be seen: a HEAD has no code to tell more.
    fileprivate var saysGone: Bool {
        switch kind {
        case .notFound: true
        // A bucket that is not there is a mistake in the configuration, not an object that is gone.
        case .notAuthorizedOrNotFound: operation.service == .containerInstances
        default: operation == .headObject && status == 404
        }
    }
}
