// SPDX-License-Identifier: Apache-2.0

/// Which calls were allowed, and which of them are refused now; pure.
struct AccessRecord: Sendable {
    private var allowed: Set<Operation> = []
    private var waitingCount = 0
    private var wasLost = false

    /// Whether a call waits for access.
    var isLost: Bool { waitingCount > 0 }

    /// Whether `error` says that we may not make a call that we could make: one that a person can give back to us.
    ///
    /// That a policy is missing is a loss only for what was allowed before; else it is a mistake in the configuration.
    func isLoss(_ error: OCIError, of operation: Operation) -> Bool {
        switch error {
        case .authentication(let problem): !problem.isRetryable
        case .service(let failure):
            switch failure.kind {
            case .notAuthenticated: true
            case .notAuthorized: allowed.contains(operation)
            // Of one thing that is asked for by its id this is how its absence is told.
            case .notAuthorizedOrNotFound: allowed.contains(operation) && !operation.isOfOneResource
            default: false
            }
        default: false
        }
    }

    /// Notes that a call waits for access, once for each call.
    mutating func waitBegan() {
        waitingCount += 1
        wasLost = true
    }

    /// Notes that a call that waited waits no longer.
    mutating func waitEnded() { waitingCount -= 1 }

    /// Notes a call that was carried out; whether with it everything is allowed again that was refused.
    mutating func succeeded(_ operation: Operation) -> Bool {
        allowed.insert(operation)
        guard wasLost, !isLost else { return false }
        wasLost = false
        return true
    }
}
