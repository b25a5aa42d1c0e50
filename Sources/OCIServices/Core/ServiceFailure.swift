// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import HTTPWire
internal import JSON

/// An answer of a service whose status is not 2xx.
package struct ServiceFailure: Sendable, Equatable {
    /// The call that failed.
    package let operation: Operation
    /// The HTTP status.
    package let status: Int
    /// The code of the error body; nil when the body was not the usual JSON, as of a proxy or a HEAD.
    package let code: String?
    /// The message of the error body, or the beginning of whatever came instead.
    package let message: String
    /// The request id to give to Oracle's support.
    package let opcRequestID: String?
    /// How long the server asked us to wait.
    package let retryAfter: Duration?
    /// The server's clock, in seconds since 1970.
    package let date: Int?
    /// What the call was about, as words that complete "in ...", for the advice: `compartment id ocid1...`.
    package let scope: String
    /// The reaction called for.
    package let kind: FailureKind

    /// A failure from its parts.
    package init(
        operation: Operation,
        status: Int,
        code: String?,
        message: String,
        opcRequestID: String? = nil,
        retryAfter: Duration? = nil,
        date: Int? = nil,
        scope: String = "the compartment"
    ) {
        self.operation = operation
        self.status = status
        self.code = code
        self.message = message
        self.opcRequestID = opcRequestID
        self.retryAfter = retryAfter
        self.date = date
        self.scope = scope
        kind = FailureKind(status: status, code: code, message: message)
    }

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

    /// Text from outside as it may stand in one line of a log: control characters become spaces.
    private static func oneLine(_ text: String, count: Int) -> String {
        var line = ""
        var isCut = false
        for scalar in text.unicodeScalars {
            if line.unicodeScalars.count >= count {
                isCut = true
                break
            }
            let isControl =
                scalar.properties.generalCategory == .control || scalar == "\u{2028}" || scalar == "\u{2029}"
            line.unicodeScalars.append(isControl ? " " : scalar)
        }
        return isCut ? line + "..." : line
    }
}

extension ServiceFailure: CustomStringConvertible {
    package var description: String {
        var parts = "\(operation.rawValue) failed: \(status)"
        if let code { parts += " \(code)" }
        if !message.isEmpty { parts += ": \(message)" }
        parts += " (opc-request-id \(opcRequestID ?? "none"))"
        if let advice { parts += "; \(advice)" }
        return parts
    }
}
