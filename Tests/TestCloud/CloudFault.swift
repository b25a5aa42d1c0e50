// SPDX-License-Identifier: Apache-2.0

package import JSON

/// What happens to a request instead of the usual.
package enum CloudFault: Sendable {
    /// Nothing else: for a script in which a later request fails.
    case served
    /// Nothing is done, and this is the answer.
    case refusal(CloudAnswer)
    /// It is done, and the connection ends before a byte of the answer.
    case lost
    /// It is done, and the answer, as it is then, is sent when the test releases it.
    case held

    /// The answer with this status, code and message.
    package static func refused(_ status: Int, _ code: String, _ message: String) -> CloudFault {
        .refusal(CloudAnswer(status, .strings([("code", code), ("message", message)])))
    }

    /// No hardware is free.
    package static let outOfHostCapacity = refused(500, "InternalError", "Out of host capacity.")
    /// A limit of the tenancy is reached.
    package static let limitExceeded = refused(400, "LimitExceeded", "container instances")
    /// The retry token belongs to another launch.
    package static let invalidatedRetryToken = refused(409, "InvalidatedRetryToken", "another launch")
    /// The instance is being made or changed.
    package static let incorrectState = refused(409, "IncorrectState", "it is being made")
    /// There is nothing of that name, or no permission.
    package static let notFound = refused(404, "NotAuthorizedOrNotFound", "or not allowed")
    /// There is no permission.
    package static let forbidden = refused(403, "NotAuthorized", "not allowed")
    /// Too many requests.
    package static let throttled = refused(429, "TooManyRequests", "slowly")
    /// The service is broken at present.
    package static let serverError = refused(500, "InternalServerError", "oh")
}

/// An answer to a request.
package struct CloudAnswer: Sendable {
    let status: Int
    let fields: [(name: String, value: String)]
    let body: [UInt8]

    /// An answer from its parts.
    package init(_ status: Int, fields: [(name: String, value: String)] = [], bytes: [UInt8] = []) {
        self.status = status
        self.fields = fields
        body = bytes
    }

    /// An answer with a JSON body.
    package init(_ status: Int, fields: [(name: String, value: String)] = [], _ body: JSON) {
        self.init(status, fields: fields, bytes: body.encoded())
    }

    /// The refusal with a code and a message.
    static func error(_ status: Int, _ code: String) -> CloudAnswer {
        CloudAnswer(status, .strings([("code", code), ("message", "as a rule")]))
    }

    var bytes: [UInt8] {
        let lines =
            ["HTTP/1.1 \(status) X", "content-length: \(body.count)"]
            + fields.map { "\($0.name): \($0.value)" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }
}
