// SPDX-License-Identifier: Apache-2.0

package import JSON
package import OCIProfile

/// What happened on the way to an answer that somebody may want to know.
package enum ServiceNotice: Sendable, CustomStringConvertible {
    /// A call failed and is tried again.
    case retrying(OCIError, failureCount: Int, after: Duration)
    /// A service asked to be called less often; its rate is now this many requests a second.
    case rateLowered(CloudService, RateBuckets.Lane, perSecond: Double)
    /// The host's clock is off by so many seconds; signatures are corrected from now on.
    case clockCorrected(seconds: Int)
    /// There is another identity to sign with.
    case credentialsRenewed
    /// So many items of a list could not be read, and were passed over.
    case itemsPassedOver(Operation, count: Int, first: JSONError)
    /// A call that was allowed is refused, and is tried again.
    case accessLost(OCIError)
    /// Every such call was allowed again.
    case accessRegained

    package var description: String {
        switch self {
        case .retrying(let error, let failureCount, let delay):
            "failure \(failureCount), next attempt in \(delay): \(error)"
        case .rateLowered(let service, let lane, let perSecond):
            "\(service) is called at most \(perSecond) times a second (\(lane.rawValue)) until it bears more"
        case .clockCorrected(let seconds):
            "this host's clock is \(abs(seconds)) s \(seconds > 0 ? "behind" : "ahead of") the service's; "
                + "signatures are corrected, the clock should be set"
        case .credentialsRenewed: "credentials renewed"
        case .itemsPassedOver(let operation, let count, let first):
            "\(operation.name) lists \(count) items that cannot be read, and that are passed over; the first: \(first)"
        case .accessLost(let error): "refused: \(error)"
        case .accessRegained: "allowed again"
        }
    }
}
