// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import EventLoop
internal import HTTPClient
internal import HTTPWire
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
        case object(Blob)
    }

    typealias Query = KeyValuePairs<String, String?>

    /// The call.
    package let operation: Operation
    /// The path below the endpoint, the version of the service's API included, percent-encoded.
    let path: String
    /// Whether a segment is empty or a step of dots, which whoever stands between may take for another path.
    let hasUnsafePath: Bool
    /// In the order that is signed.
    var query: [(name: String, value: String?)]
    /// Fields of this call beside those that every call has.
    var headers: HeaderFields = [:]
    /// The body.
    package let body: Body
    /// Makes a create safe to repeat.
    var retryToken: String?
    /// What completes `Allow group X to ... in`, for the advice when it is forbidden.
    let scope: String
    /// The largest body of an answer, in bytes: 16 MiB is a page of 1,000 instances with all their tags, twice over.
    var answerBytesMax = 16 << 20
    /// Above this size the answer goes to a temporary file; nil keeps it in memory.
    var spoolAbove: Int?
    /// What a body that may go to a file is charged to.
    var holding: Holding?
    /// Whether a 409 IncorrectState is waited out here.
    var isIncorrectStateRetried = true
    /// Whether a request that is on its way is followed to its end although the caller was cancelled.
    var isShielded = false

    /// A call without extra fields; `path` holds the segments that follow the version of the service's API, as text.
    init(_ operation: Operation, _ path: [String], scope: String, query: Query = [:], body: Body = .none) {
        self.operation = operation
        self.path = operation.service.basePath + path.map { "/" + PercentEncoding.encode($0) }.joined()
        hasUnsafePath = path.contains { ["", ".", ".."].contains($0) }
        self.scope = scope
        self.query = query.map { ($0.key, $0.value) }
        self.body = body
    }

    /// The method.
    package var method: String { operation.method }

    /// An object larger than this does not keep smaller ones waiting.
    private static let bulkBytesMin = 1 << 20

    /// What it is to others that want a connection: calls that order or ask do not wait for objects on their way.
    var connectionLane: ConnectionLane {
        switch body {
        case .object(let object): object.byteCount > Self.bulkBytesMin ? .bulk : .transfer
        case .none where operation == .getObject: .transfer
        case .none, .empty, .json, .federation: .control
        }
    }

    /// Path and query as they are signed and sent.
    var target: String {
        let query = PercentEncoding.query(query)
        return query.isEmpty ? path : "\(path)?\(query)"
    }
}

@LoopActor
protocol ServiceClient {
    var calls: ServiceCalls { get }
    /// The scope of its requests.
    var scope: String { get }
}

extension ServiceClient {
    func request(
        _ operation: Operation,
        _ path: [String],
        query: ServiceRequest.Query = [:],
        body: ServiceRequest.Body = .none
    ) -> ServiceRequest {
        ServiceRequest(operation, path, scope: scope, query: query, body: body)
    }
}
