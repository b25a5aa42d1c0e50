// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import HTTPWire
package import JSON
internal import OCIProfile
package import Transport

/// One call of a service, before it is signed.
package struct ServiceRequest: Sendable {
    /// What goes into the body.
    package enum Body: Sendable {
        /// The method has no body.
        case none
        /// A body of no bytes, as POST actions have.
        case empty
        /// A JSON document; its hash is signed.
        case json(JSON)
        /// The request for a token with an instance's certificate, signed without the host.
        case federation(JSON)
        /// The bytes of an object; not signed, as the service defines for PutObject, and so not read twice.
        case object([UInt8], contentType: String)
        /// The same from a temporary file.
        case spooledObject(SpoolFile, contentType: String)
    }

    /// The call.
    package let operation: Operation
    /// The method.
    package let method: String
    /// The path below the endpoint, the version of the service's API included, percent-encoded.
    package let path: String
    /// Names and values in the order that is signed; a nil value is left out.
    package var query: [(name: String, value: String?)] = []
    /// Fields of this call beside those that every call has.
    package var headers: HeaderFields = [:]
    /// The body.
    package var body = Body.none
    /// Makes a create safe to repeat.
    package var retryToken: String?
    /// What completes `Allow group X to ... in`, for the advice when it is forbidden.
    package let scope: String
    /// The largest body of an answer, in bytes: 16 MiB is a page of 1,000 instances with all their tags, twice over.
    package var answerBytesMax = 16 << 20
    /// Above this size the answer goes to a temporary file; nil keeps it in memory.
    package var spoolAbove: Int?
    /// Whether a 409 IncorrectState is waited out here.
    package var isIncorrectStateRetried = true
    /// Whether a request that is on its way is followed to its end although the caller was cancelled.
    package var isShielded = false

    /// A call without query, body and extra fields; `path` is what follows the version of the service's API.
    package init(_ operation: Operation, _ method: String, _ path: String, scope: String) {
        self.operation = operation
        self.method = method
        self.path = operation.service.basePath + path
        self.scope = scope
    }

    /// Path and query as they are signed and sent.
    var target: String {
        let query = PercentEncoding.query(query)
        return query.isEmpty ? path : "\(path)?\(query)"
    }
}
