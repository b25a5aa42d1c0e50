// SPDX-License-Identifier: Apache-2.0
//
// What a failed call means, decided once and from three things: the status, the code and, for one case, the message.
//
// Rule: OCI reports "no hardware free" as a 500 with the code InternalError, as a 400 from some services, and as text
// in a work request or a lifecycleDetails; the words "out of host capacity" are the only constant. LimitExceeded and
// QuotaExceeded are 400s. A 404 may mean absent or forbidden, on purpose. A HEAD has no body and so no code.
// Consequence: text first, then code, then status; and a kind for every reaction, not for every code.
// Rejected: retrying every 5xx as the SDKs do. Out of capacity would burn all attempts in a place that is full,
// where another availability domain has room.

/// The reactions that failed calls call for (OCI API errors reference).
package enum FailureKind: String, Sendable, CaseIterable {
    /// Too many requests: slow down and try again.
    case throttled
    /// The service has a temporary fault: try again.
    case serverBusy
    /// No hardware of that shape is free in that place: try another place, or later.
    case outOfHostCapacity
    /// The tenancy's service limit is reached: wait until something of ours is gone.
    case limitExceeded
    /// The compartment's quota is reached: wait until something of ours is gone.
    case quotaExceeded
    /// The signature was not accepted: the key, the token or the clock is wrong.
    case notAuthenticated
    /// Known and forbidden: a policy is missing.
    case notAuthorized
    /// Absent or forbidden, not told which.
    case notAuthorizedOrNotFound
    /// Something named in the body, such as the subnet, is absent or forbidden.
    case relatedResourceNotAuthorizedOrNotFound
    /// Absent for certain.
    case notFound
    /// The resource is in transition: try again, or as for a delete, later.
    case incorrectState
    /// In conflict with what exists, and waiting does not help.
    case conflict
    /// The retry token was used for something that has changed since: a new token is needed.
    case invalidatedRetryToken
    /// `if-match` or `if-none-match` did not hold.
    case preconditionFailed
    /// The body is larger than the service takes.
    case payloadTooLarge
    /// The service does not know what was asked for; a bug of ours or a setting of the user's.
    case badRequest
    /// The service does not do this.
    case notImplemented
    /// A status no rule knows.
    case unexpected

    /// Decides from the parts of an answer whose status is not 2xx.
    package init(status: Int, code: String?, message: String) {
        if Self.saysOutOfHostCapacity(message) {
            self = .outOfHostCapacity
        } else if let known = code.flatMap({ Self.kinds[$0] }) {
            self = known
        } else {
            self =
                switch status {
                case 401: .notAuthenticated
                case 403: .notAuthorized
                // A 404 page of some proxy must not pass for "your instance is gone".
                case 404: code == nil ? .unexpected : .notAuthorizedOrNotFound
                case 408: .serverBusy
                case 409: .conflict
                case 412: .preconditionFailed
                case 413: .payloadTooLarge
                case 429: .throttled
                case 400..<500: .badRequest
                case 501: .notImplemented
                case 500...: .serverBusy
                default: .unexpected
                }
        }
    }

    /// What a failed work request, or the lifecycleDetails of a failed instance, says about room; nil if nothing.
    ///
    /// The same refusals come as the answer to a create, and long after it was accepted.
    package static func lateRefusal(code: String?, message: String) -> FailureKind? {
        if saysOutOfHostCapacity(message) { return .outOfHostCapacity }
        if let kind = code.flatMap({ kinds[$0] }), kind.isCapacity { return kind }
        if says("service limit", message) || says("limitexceeded", message) { return .limitExceeded }
        return says("quotaexceeded", message) ? .quotaExceeded : nil
    }

    /// Whether `text`, an error message or lifecycleDetails, says that no hardware was free.
    package static func saysOutOfHostCapacity(_ text: String) -> Bool { says("out of host capacity", text) }

    /// Whether `text` has these words, given in lower case, in any case.
    package static func says(_ words: String, _ text: String) -> Bool {
        // Not `contains` of a text, which links a whole regular expression engine.
        let wanted = words.utf8
        let bytes = Array(text.lowercased().utf8)
        return bytes.indices.contains { bytes[$0...].starts(with: wanted) }
    }

    /// Whether the same call may succeed a little later in the same place.
    package var isRetryable: Bool { [.throttled, .serverBusy, .incorrectState].contains(self) }

    /// Whether there is no room at present: no failure of the task, but of the place.
    package var isCapacity: Bool { [.outOfHostCapacity, .limitExceeded, .quotaExceeded].contains(self) }

    /// Whether a policy may be missing.
    package var isPermission: Bool {
        [.notAuthorized, .notAuthorizedOrNotFound, .relatedResourceNotAuthorizedOrNotFound].contains(self)
    }

    /// Codes that say more than their status does.
    private static let kinds: [String: FailureKind] = [
        "LimitExceeded": .limitExceeded,
        "QuotaExceeded": .quotaExceeded,
        "RelatedResourceNotAuthorizedOrNotFound": .relatedResourceNotAuthorizedOrNotFound,
        "NotAuthenticated": .notAuthenticated,
        "NotAllowed": .notAuthorized,
        "NotAuthorized": .notAuthorized,
        "NotAuthorizedOrNotFound": .notAuthorizedOrNotFound,
        "NotFound": .notFound,
        "ObjectNotFound": .notFound,
        "NotAuthorizedOrResourceAlreadyExists": .conflict,
        // Object Storage says "does not exist or you are not authorized" under these two.
        "BucketNotFound": .notAuthorizedOrNotFound,
        "NamespaceNotFound": .notAuthorizedOrNotFound,
        "IncorrectState": .incorrectState,
        "ExternalServerIncorrectState": .incorrectState,
        "LockConflict": .incorrectState,
        "InvalidatedRetryToken": .invalidatedRetryToken,
        "TooManyRequests": .throttled,
    ]
}
