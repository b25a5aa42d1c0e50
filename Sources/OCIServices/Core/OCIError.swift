// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
package import Transport

/// Why a call did not bring what it was made for.
package enum OCIError: Error, Sendable, CustomStringConvertible {
    /// The service answered, and not with success; the last answer if there were several attempts.
    case service(ServiceFailure)
    /// No answer arrived until the deadline, or none ever will.
    case transport(TransportFailure)
    /// The service answered with success and something that cannot be read.
    case malformedAnswer(operation: Operation, opcRequestID: String?, reason: String)
    /// There is no identity to sign with.
    case authentication(AuthenticationProblem)
    /// The region has no availability domain of that name; the names that it has.
    case unknownAvailabilityDomain(String, known: [String])
    /// The request cannot be put on the wire: a name or value that no header or path can carry.
    case unsendable(operation: Operation, reason: String)
    /// The deadline passed before anything was sent.
    case deadlinePassed(Operation)
    /// Access that we had is refused until the deadline; why.
    indirect case accessLost(OCIError)
    /// The piece of work that made the call was cancelled.
    case cancelled

    /// What the failed answer calls for; nil when there was no answer.
    package var kind: FailureKind? {
        switch self {
        case .service(let failure): failure.kind
        case .accessLost(let refusal): refusal.kind
        default: nil
        }
    }

    /// Whether it is waited for that a person gives us access again.
    package var isAccessLost: Bool { if case .accessLost = self { true } else { false } }

    /// Whether the service knows us and does not let us, or does not know us.
    package var isDenial: Bool { kind?.isPermission == true || kind == .notAuthenticated }

    /// Why the answer could not be kept in a file, where that was for want of something that this host has at other times.
    package var fileShortage: TransportError? {
        guard case .transport(let failure) = self, case .transport(let error, _) = failure.error else {
            return nil
        }
        return error.isFileShortage ? error : nil
    }

    /// Whether no call would have fared better: there is no answer, none from the service itself, or no identity.
    package var isOutage: Bool {
        switch self {
        case .service(let failure): failure.kind == .serverBusy || failure.kind == .notAuthenticated
        case .transport, .malformedAnswer, .authentication, .accessLost: true
        case .unknownAvailabilityDomain, .unsendable, .deadlinePassed, .cancelled: false
        }
    }

    /// Whether the same call may succeed later with nothing changed here.
    package var isRetryable: Bool {
        switch self {
        case .service(let failure): failure.kind.isRetryable
        case .transport(let failure): failure.error.isRetryable
        case .malformedAnswer, .deadlinePassed, .accessLost: true
        case .authentication(let problem): problem.isRetryable
        case .unknownAvailabilityDomain, .unsendable, .cancelled: false
        }
    }

    /// Whether the service may have carried the call out although it failed.
    package var mayHaveBeenCarriedOut: Bool {
        switch self {
        case .service(let failure): failure.status >= 500 && !failure.kind.isCapacity
        case .transport, .malformedAnswer: true
        case .authentication, .unknownAvailabilityDomain, .unsendable, .deadlinePassed, .accessLost,
            .cancelled:
            false
        }
    }

    /// What the reader of the description can do next, where its words end with that; nil where they do not.
    package var advice: String? {
        switch self {
        case .service(let failure): failure.advice
        case .transport(let failure): failure.advice
        case .accessLost(let refusal): refusal.advice
        case .malformedAnswer, .authentication, .unknownAvailabilityDomain, .unsendable, .deadlinePassed,
            .cancelled:
            nil
        }
    }

    package var description: String {
        switch self {
        case .service(let failure): "\(failure)"
        case .transport(let failure): "\(failure)"
        case .malformedAnswer(let operation, let opcRequestID, let reason):
            "\(operation.name) was answered with something unreadable: \(reason) "
                + "(opc-request-id \(opcRequestID ?? "none"))"
        case .authentication(let problem): "\(problem)"
        case .unknownAvailabilityDomain(let name, let known):
            "there is no availability domain \(name) in this region; there is \(known.joined(separator: ", "))"
        case .unsendable(let operation, let reason): "\(operation.name) cannot be sent: \(reason)"
        case .deadlinePassed(let operation): "\(operation.name) was not sent in time"
        case .accessLost(let refusal): "\(refusal)"
        case .cancelled: "cancelled"
        }
    }
}

/// A call that got no answer.
package struct TransportFailure: Sendable, Equatable, CustomStringConvertible {
    /// The call.
    package let operation: Operation
    /// Where it was sent.
    package let origin: HTTPOrigin
    /// Why the last attempt failed.
    package let error: HTTPError
    /// How many attempts were made.
    package let attemptCount: Int

    package var description: String {
        let attempts = attemptCount == 1 ? "one attempt" : "\(attemptCount) attempts"
        let text = "\(operation.name) got no answer from \(origin) after \(attempts): \(error)"
        return advice.map { "\(text); \($0)" } ?? text
    }

    /// What the reader of the description can do next; nil where there is nothing.
    package var advice: String? {
        switch error {
        case .transport(.certificate, _), .transport(.malformedCertificate, _):
            "name the authority that signed the server's certificate with --ca-bundle"
        case .transport(.unresolved, _): "check --oci-region, --oci-endpoint and this host's name servers"
        case .proxyRefused, .malformedProxy: "check HTTPS_PROXY and NO_PROXY"
        case .deadlinePassed, .transport: "check that this host can reach that address, and HTTPS_PROXY"
        case .wire: "check what answers at that address"
        case .cancelled, .clientClosed: nil
        }
    }
}
