// SPDX-License-Identifier: Apache-2.0

/// Which calls were allowed, and which of them are refused now; pure.
struct AccessRecord: Sendable {
    private var allowed: Set<Operation> = []
    /// What was refused and is not known to be allowed again; nil stands for a signature, which is that of any call.
    private var lost: Set<Operation?> = []
    private var waitingCount = 0

    /// Whether a call waits for access.
    var isLost: Bool { waitingCount > 0 }

    /// Whether `error` says that we may not make a call that we could make: one that a person can give back to us.
    ///
    /// That a policy is missing is a loss only for what was allowed before; else it is a mistake in the configuration.
    func isLoss(_ error: OCIError, of operation: Operation) -> Bool {
        // A create is refused for its place, and whoever makes it may have others.
        let wasAllowed = allowed.contains(operation) && operation != .createContainerInstance
        if case .authentication(let problem) = error { return !problem.isRetryable }
        guard case .service(let failure) = error else { return false }
        switch failure.kind {
        case .notAuthenticated: return true
        case .notAuthorized: return wasAllowed
        // Of one thing that is asked for by its id this is how its absence is told.
        case .notAuthorizedOrNotFound: return wasAllowed && !operation.isOfOneResource
        default: return false
        }
    }

    /// Notes an error that is a loss.
    mutating func refused(_ operation: Operation, _ error: OCIError) {
        lost.insert(error.kind?.isPermission == true ? operation : nil)
    }

    /// Notes that a call waits for access, once for each call.
    mutating func waitBegan() { waitingCount += 1 }

    /// Notes that a call that waited waits no longer.
    mutating func waitEnded() { waitingCount -= 1 }

    /// Notes a call that was carried out; whether with it everything is allowed again that was refused.
    mutating func succeeded(_ operation: Operation) -> Bool {
        allowed.insert(operation)
        let wasLost = !lost.isEmpty
        lost.subtract([operation, nil])
        return wasLost && lost.isEmpty
    }
}
