// SPDX-License-Identifier: Apache-2.0
//
// What happens between "list the instances" and the answer, for every call and in one place.
//
// Rule: a call may be lost on the way there or on the way back, and the two look the same. So every call made here
// can be repeated: reads, deletes and puts by nature, creates by their retry token.
// Consequence: one loop that sends, classifies and waits, as `RetryPolicy` says; it ends with an answer, with a failure
// that no repetition mends, or when the caller's deadline leaves no room for another attempt.
// Rule: a daemon outlives credentials and policies. A call that was allowed and is refused now may be allowed again, and
// what it is for (a result, a deletion) is worth the wait.
// Consequence: once a daemon is at work, losing access is an outage like any other, with a line of its own.
// On the way down: `call` repeats `attempt`, which waits for the rate limiter and takes an identity;
// `SignedExchange.signAndSend` signs and judges the status; `HTTPClient.request` leases a connection;
// `HTTPConnection.exchange` writes and reads.
// Rejected: retries in the HTTP client (it knows no codes) and in each caller (they would differ).

package import EventLoop
internal import HTTPWire
internal import OCIProfile
internal import Transport

/// Makes calls of all services under one identity: signs, sends, classifies, tries again.
@LoopActor
package final class ServiceCalls {
    /// How many requests were sent so far.
    package private(set) var counts = RequestCounts()
    /// The difference between the host's clock and the services'.
    package var clockOffsetSeconds: Int { exchange.clock.offsetSeconds }

    /// When the credentials in use run out, in seconds since 1970; nil if they do not, or do not say.
    package var credentialExpiry: Int? { credentials.expiry }

    private let exchange: SignedExchange
    private let credentials: any CredentialSource
    let limiters: [CloudService: RateLimiter]
    private let retryPolicy: RetryPolicy
    private var random: any RandomNumberGenerator & Sendable
    /// Until when nobody is told again of items of a list that could not be read.
    var passedOverDue: [Operation: Deadline] = [:]
    let notify: @LoopActor @Sendable (ServiceNotice) -> Void
    /// Told of every call before it is made, once however often it is tried.
    package var willSend: (@LoopActor (ServiceRequest) -> Void)?
    /// Whether a call waits until its deadline for access that was lost, instead of failing at the first refusal.
    package var waitsForAccess = false
    private var access = AccessRecord()
    private var toldOffsetSeconds = 0
    /// When a call last succeeded; nil before the first.
    package private(set) var lastSuccess: Deadline?
    /// Why OCI could not be used when it was last called; nil where a call has succeeded since.
    package private(set) var outage: OCIError?
    /// Sent when the last of the calls under way has ended.
    package let becameIdle = Broadcast()
    /// Whether no call is under way.
    package var isIdle: Bool { underWayCount == 0 }
    private var underWayCount = 0 { didSet { if isIdle { becameIdle.send() } } }
    /// Whether calls wait for access that was lost.
    package var isAccessLost: Bool { access.isLost }

    /// Calls through `exchange`, signed with what `credentials` yield; `requestsPerSecondMax` holds for the reads and
    /// for the writes of each service.
    package init(
        exchange: SignedExchange,
        credentials: any CredentialSource,
        requestsPerSecondMax: Double,
        retryPolicy: RetryPolicy = RetryPolicy(),
        random: any RandomNumberGenerator & Sendable = LoopRandom(),
        notify: @escaping @LoopActor @Sendable (ServiceNotice) -> Void
    ) {
        self.exchange = exchange
        self.credentials = credentials
        let limiters = CloudService.allCases.map { ($0, RateLimiter(ceiling: requestsPerSecondMax)) }
        self.limiters = Dictionary(uniqueKeysWithValues: limiters)
        self.retryPolicy = retryPolicy
        self.random = random
        self.notify = notify
    }

    /// Calls until an answer of 2xx comes that `read` can read, a failure that repetition does not mend, or `deadline`.
    ///
    /// A shielded call ends with the failure of the last attempt that may have been carried out, if there was one: whatever
    /// a later attempt was answered says nothing of that one.
    package func call<Value>(
        _ request: ServiceRequest,
        deadline: Deadline,
        _ read: (ServiceAnswer) throws(OCIError) -> Value
    ) async throws(OCIError) -> Value {
        var state = CallState(requestID: newRequestID(using: &random))
        willSend?(request)
        underWayCount += 1
        defer {
            underWayCount -= 1
            if state.isWaitingForAccess { access.waitEnded() }
        }
        do throws(OCIError) {
            return try await repeatAttempts(request, &state, deadline, read)
        } catch {
            throw request.isShielded ? state.ambiguousFailure ?? error : error
        }
    }

    private func repeatAttempts<Value>(
        _ request: ServiceRequest,
        _ state: inout CallState,
        _ deadline: Deadline,
        _ read: (ServiceAnswer) throws(OCIError) -> Value
    ) async throws(OCIError) -> Value {
        while true {
            do throws(OCIError) {
                return try read(try await attempt(request, &state, deadline))
            } catch {
                // `read` may have found the answer malformed.
                if error.mayHaveBeenCarriedOut { state.ambiguousFailure = error }
                if case .cancelled = error { throw error }
                let (isRepaired, failure) = await repairSignature(error, &state, deadline)
                if !isRepaired { try await prepareRetry(after: failure, request, &state, deadline) }
            }
        }
    }

    /// Sends up to so many writes a second to the service of an operation, over up to so many connections to its host, where
    /// less was allowed before.
    package func raiseLimits(for operation: Operation, writesPerSecond: Double, connectionCount: Int) {
        limiters[operation.service]?.raiseWrites(to: writesPerSecond)
        exchange.raise(connectionsPerHostMax: connectionCount)
    }

    /// Looks for other credentials, as after a refusal: a key or a token may have been replaced.
    package func renewCredentials(deadline: Deadline) async throws(OCIError) {
        let identity = try await credentials.current(deadline: deadline)
        _ = try await credentials.replace(rejected: identity, deadline: deadline)
    }

    /// Where a request would go, as a URL.
    package func url(of request: ServiceRequest) -> String { exchange.destination(of: request).url }

    /// Sends one request as soon as the service's rate allows it, and returns its answer if that is a 2xx.
    private func attempt(
        _ request: ServiceRequest,
        _ state: inout CallState,
        _ deadline: Deadline
    ) async throws(OCIError) -> ServiceAnswer {
        guard let limiter = limiters[request.operation.service] else {
            preconditionFailure("every service has a limiter")
        }
        let pass: RateBuckets.Pass
        do throws(WaitError) {
            pass = try await limiter.waitForTurn(request.operation.lane, until: deadline)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw state.lastFailure ?? .deadlinePassed(request.operation)
        }
        let identity = try await credentials.current(deadline: deadline)
        // A shielded request cannot be called back once it is sent.
        if isCancelled { throw .cancelled }
        state.identity = identity
        state.clockOffsetSeconds = exchange.clock.offsetSeconds
        counts.add(request.operation, isRetry: state.attemptCount > 0)
        state.attemptCount += 1
        let call = SignedExchange.Call(
            request: request,
            identity: identity,
            requestID: state.requestID,
            attemptCount: state.attemptCount,
            deadline: deadline
        )
        let start = Deadline.now
        do throws(OCIError) {
            let answer =
                try await request.isShielded
                ? exchange.signAndSendShielded(call) : exchange.signAndSend(call)
            counts.add(.success, to: request.operation, after: Deadline.now.duration(since: start))
            limiter.accepted(pass)
            noteSuccess(answer, &state)
            return answer
        } catch {
            counts.add(AnswerCode(error), to: request.operation, after: Deadline.now.duration(since: start))
            notePace(error, pass, limiter)
            if error.mayHaveBeenCarriedOut { state.ambiguousFailure = error }
            // What cut the last attempt short was the caller; what went wrong is what was answered before.
            if deadline.isPast, let last = state.lastFailure, case .transport = error { throw last }
            state.lastFailure = error
            throw error
        }
    }

    /// What a failure says of the rate at which its service is called; without an answer nothing.
    private func notePace(_ error: OCIError, _ pass: RateBuckets.Pass, _ limiter: RateLimiter) {
        guard case .service(let failure) = error else { return }
        guard failure.kind == .throttled else { return limiter.accepted(pass) }
        if let rate = limiter.refused(pass, retryAfter: failure.retryAfter ?? .zero) {
            notify(.rateLowered(failure.operation.service, pass.lane, perSecond: rate))
        }
    }

    private func noteSuccess(_ answer: ServiceAnswer, _ state: inout CallState) {
        lastSuccess = .now
        outage = nil
        if state.isWaitingForAccess { access.waitEnded() }
        state.isWaitingForAccess = false
        let offset = exchange.clock.confirmedSeconds
        if offset != toldOffsetSeconds { notify(.clockCorrected(seconds: offset)) }
        toldOffsetSeconds = offset
        if access.succeeded(answer.operation) { notify(.accessRegained) }
    }

    /// Does what can be done about a refused signature: the clock, each way once in a call, then the credentials, once.
    ///
    /// Returns whether another attempt is worth while, or why not: the refusal, or what is wrong with the credentials.
    private func repairSignature(
        _ error: OCIError,
        _ state: inout CallState,
        _ deadline: Deadline
    ) async -> (isRepaired: Bool, failure: OCIError) {
        guard case .service(let failure) = error, failure.kind == .notAuthenticated,
            let identity = state.identity
        else { return (false, error) }
        if state.clockRepairCount < ServiceClock.repairCountMax {
            state.clockRepairCount += 1
            // Another call may have corrected the clock while this one was under way.
            if exchange.clock.offsetSeconds != state.clockOffsetSeconds { return (true, error) }
            if exchange.refused(at: failure.date) { return (true, error) }
        }
        if state.isIdentityRepaired { return (false, error) }
        state.isIdentityRepaired = true
        do throws(OCIError) {
            guard try await credentials.replace(rejected: identity, deadline: deadline) else {
                return (false, error)
            }
        } catch {
            return (false, error)
        }
        notify(.credentialsRenewed)
        return (true, error)
    }

    /// Waits until the call may be made again; throws `error` if it is not to be, or `deadline` comes first.
    private func prepareRetry(
        after error: OCIError,
        _ request: ServiceRequest,
        _ state: inout CallState,
        _ deadline: Deadline
    ) async throws(OCIError) {
        let operation = request.operation
        if error.isOutage { outage = error }
        if case .malformedAnswer = error { state.malformedCount += 1 }
        var error = error
        if waitsForAccess, access.isLoss(error, of: operation) {
            access.refused(operation, error)
            if !state.isWaitingForAccess { access.waitBegan() }
            state.isWaitingForAccess = true
            notify(.accessLost(error))
            error = .accessLost(error)
            state.lastFailure = error
            state.allowRepairs()
        }
        let isRetried = retryPolicy.isRetried(
            error,
            request,
            attemptCount: state.attemptCount,
            malformedCount: state.malformedCount
        )
        guard isRetried else { throw error }
        state.failureCount += 1
        let delay = retryPolicy.delay(after: state.failureCount, of: error, random: &random)
        if .after(delay) < deadline {
            notify(.retrying(error, failureCount: state.failureCount, after: delay))
        }
        try await pause(for: delay, after: error, until: deadline)
    }
}

/// What a call remembers from one attempt to the next.
private struct CallState {
    let requestID: String
    var attemptCount = 0
    var failureCount = 0
    var malformedCount = 0
    var identity: SigningIdentity?
    var clockOffsetSeconds = 0
    var clockRepairCount = 0
    var isIdentityRepaired = false
    var isWaitingForAccess = false
    var lastFailure: OCIError?
    /// The last failure of an attempt that the service may have carried out all the same.
    var ambiguousFailure: OCIError?

    /// Forgets what was tried about a refused signature: after a pause it may help.
    mutating func allowRepairs() {
        clockRepairCount = 0
        isIdentityRepaired = false
    }
}
