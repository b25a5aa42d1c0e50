// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import HTTPWire
internal import JSON

/// An answer of a service whose status is not 2xx.
package struct ServiceFailure: Sendable, Equatable, CustomStringConvertible {
    /// The call that failed.
    package let operation: Operation
    /// The HTTP status.
    package let status: Int
    /// The code of the error body; nil when the body was not the usual JSON, as of a proxy or a HEAD.
    package let code: String?
    /// The message of the error body, or the beginning of whatever came instead.
    package let message: String
    /// The request id to give to Oracle's support.
    package var opcRequestID: String?
    /// How long the server asked us to wait.
    package var retryAfter: Duration?
    /// The server's clock, in seconds since 1970.
    package var date: Int?
    /// What the call was about, as words that complete "in ...", for the advice: `compartment id ocid1...`.
    package var scope = "the compartment"

    /// The reaction called for.
    package var kind: FailureKind { FailureKind(status: status, code: code, message: message) }
}

extension ServiceFailure {
    /// Reads an answer; `now` in seconds since 1970 serves a Retry-After that is a date.
    init(operation: Operation, scope: String, head: ResponseHead, body: [UInt8], now: Int) {
        let error = try? JSONObject(reading: body)
        let code = try? error?.stringIfPresent("code")
        let message = try? error?.stringIfPresent("message")
        self.init(
            operation: operation,
            status: head.status,
            code: code.map { Self.oneLine($0, count: 64) },
            message: message.map { Self.oneLine($0, count: 1000) }
                ?? Self.oneLine(String(decoding: body.prefix(1000), as: UTF8.self), count: 200),
            opcRequestID: head.headers["opc-request-id"].map { Self.oneLine($0, count: 200) },
            retryAfter: head.headers.retryAfter(now: now, atMost: .seconds(3600)),
            date: head.headers["date"].flatMap(HTTPDate.secondsSinceEpoch),
            scope: scope
        )
    }

    /// Text from outside as it may stand in one line of a log: what does something to the text around it becomes a space.
    private static func oneLine(_ text: String, count: Int) -> String {
        var line = ""
        var isCut = false
        for scalar in text.unicodeScalars {
            if line.unicodeScalars.count >= count {
                isCut = true
                break
            }
            line.unicodeScalars.append(TerminalText.isUnsafe(scalar) ? " " : scalar)
        }
        return isCut ? line + "..." : line
    }

    package var description: String {
        var parts = "\(operation.name) failed: \(status)"
        if let code { parts += " \(code)" }
        if !message.isEmpty { parts += ": \(message)" }
        parts += " (opc-request-id \(opcRequestID ?? "none"))"
        if let advice { parts += "; \(advice)" }
        return parts
    }

    /// What the reader of the message can do next, or nil where the message says it all.
    package var advice: String? {
        switch kind {
        case .notAuthorized, .notAuthorizedOrNotFound: missingPolicy
        case .relatedResourceNotAuthorizedOrNotFound:
            "check that the subnet, image and secrets named exist in this region, and: \(missingPolicy)"
        case .notAuthenticated:
            "check that the API key's fingerprint is registered for this user and region, the token has not "
                + "expired, and this host's clock is right"
        case .outOfHostCapacity:
            "no hardware of this shape is free in this availability domain: name more availability domains or shapes"
        case .limitExceeded:
            "a service limit of the tenancy is reached: ask for an increase or lower --base-concurrency"
        case .quotaExceeded: "a quota of the compartment is reached: raise it or lower --base-concurrency"
        case .throttled: "the service limits the request rate: lower --max-requests-per-second"
        case .badRequest: "check the identifiers and names in the configuration"
        case .invalidatedRetryToken: "the launch is tried again under a new retry token"
        case .payloadTooLarge, .notImplemented, .unexpected:
            "check --oci-endpoint and any proxy between here and the service"
        case .serverBusy, .notFound, .incorrectState, .conflict, .preconditionFailed: nil
        }
    }

    private var missingPolicy: String {
        let statements = operation.permissions.map { "'Allow group <group> to \($0) in \(scope)'" }
        guard !statements.isEmpty else { return "check the identifiers in the configuration" }
        return "either what was named does not exist or a policy is missing: "
            + statements.joined(separator: ", ")
    }
}
