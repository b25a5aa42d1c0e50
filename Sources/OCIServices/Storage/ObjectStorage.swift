// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop
package import HTTPClient
internal import HTTPWire
internal import JSON
package import Transport

/// Client of Object Storage, for the objects of one bucket.
@LoopActor
package final class ObjectStorage {
    /// Names that one batch delete takes.
    package static let batchCountMax = 1000

    private let calls: ServiceCalls
    private let namespace: String
    private let bucket: String

    /// A client that makes its calls through `calls`, on one bucket of a tenancy's namespace.
    package init(calls: ServiceCalls, namespace: String, bucket: String) {
        self.calls = calls
        self.namespace = namespace
        self.bucket = bucket
    }

    /// Returns the tenancy's namespace as the service knows it.
    package static func namespace(calls: ServiceCalls, deadline: Deadline) async throws(OCIError) -> String {
        try await namespaceAndTime(calls: calls, deadline: deadline).namespace
    }

    /// Returns the tenancy's namespace, and the service's clock in seconds since 1970.
    package static func namespaceAndTime(
        calls: ServiceCalls,
        deadline: Deadline
    ) async throws(OCIError) -> (namespace: String, time: Int?) {
        let request = ServiceRequest(.getNamespace, "GET", "/n", scope: "the tenancy")
        return try await calls.send(request, deadline: deadline) { answer throws(OCIError) in
            guard case .string(let name) = try answer.json() else {
                throw answer.malformed("the namespace is not a string")
            }
            return (name, answer.head.headers["date"].flatMap(HTTPDate.secondsSinceEpoch))
        }
    }

    /// Checks that the bucket is there and may be used.
    package func checkBucket(deadline: Deadline) async throws(OCIError) {
        let request = ServiceRequest(.getBucket, "GET", bucketPath, scope: scope)
        try await calls.send(request, deadline: deadline) { _ in }
    }

    /// Stores `body` under `name`.
    package func put(
        _ name: String,
        _ body: [UInt8],
        contentType: String = "application/octet-stream",
        onlyIfAbsent: Bool = false,
        deadline: Deadline
    ) async throws(OCIError) -> PutOutcome {
        try await put(name, .object(body, contentType: contentType), onlyIfAbsent, deadline)
    }

    /// Stores the bytes of a temporary file under `name`.
    package func put(
        _ name: String,
        _ file: SpoolFile,
        contentType: String = "application/octet-stream",
        onlyIfAbsent: Bool = false,
        deadline: Deadline
    ) async throws(OCIError) -> PutOutcome {
        try await put(name, .spooledObject(file, contentType: contentType), onlyIfAbsent, deadline)
    }

    private func put(
        _ name: String,
        _ body: ServiceRequest.Body,
        _ onlyIfAbsent: Bool,
        _ deadline: Deadline
    ) async throws(OCIError) -> PutOutcome {
        var request = request(.putObject, "PUT", name)
        request.body = body
        if onlyIfAbsent { request.headers.set("if-none-match", to: "*") }
        do throws(OCIError) {
            return try await calls.send(request, deadline: deadline) {
                .stored(etag: $0.head.headers["etag"])
            }
        } catch {
            if onlyIfAbsent, error.kind == .preconditionFailed { return .alreadyExists }
            throw error
        }
    }

    /// Returns the bytes of an object, at most `limit` of them, or nil if there is no such object.
    ///
    /// A larger object is a `.transport` error that no retry mends, known from its Content-Length before the bytes
    /// arrive.
    package func get(
        _ name: String,
        range: Range<Int>? = nil,
        limit: Int,
        deadline: Deadline
    ) async throws(OCIError) -> [UInt8]? {
        var request = request(.getObject, "GET", name)
        request.answerBytesMax = limit
        if let range {
            precondition(!range.isEmpty, "HTTP has no empty range")
            request.headers.set("range", to: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        }
        return try await calls.sendUnlessGone(request, deadline: deadline) { $0.body }
    }

    /// Returns the content of an object, in a temporary file if it is larger than `spoolAbove`, or nil if there is no
    /// such object.
    ///
    /// One larger than `limit` is refused as with the other `get`.
    package func get(
        _ name: String,
        spoolAbove: Int,
        limit: Int,
        deadline: Deadline
    ) async throws(OCIError) -> HTTPBody? {
        var request = request(.getObject, "GET", name)
        request.answerBytesMax = limit
        request.spoolAbove = spoolAbove
        return try await calls.sendUnlessGone(request, deadline: deadline) { $0.content }
    }

    /// Returns size and version of an object, or nil if there is no such object.
    package func head(_ name: String, deadline: Deadline) async throws(OCIError) -> ObjectHead? {
        let request = request(.headObject, "HEAD", name)
        return try await calls.sendUnlessGone(request, deadline: deadline) { answer throws(OCIError) in
            guard let byteCount = answer.head.headers["content-length"].flatMap({ Int($0) }) else {
                throw answer.malformed("no Content-Length")
            }
            return ObjectHead(byteCount: byteCount, etag: answer.head.headers["etag"])
        }
    }

    /// Returns a page of the objects whose names begin with `prefix`, from `start` on (that name included).
    package func list(
        prefix: String,
        start: String? = nil,
        limit: Int = 1000,
        fields: [ObjectField] = [],
        deadline: Deadline
    ) async throws(OCIError) -> ObjectPage {
        var request = ServiceRequest(.listObjects, "GET", "\(bucketPath)/o", scope: scope)
        request.query = [
            ("prefix", prefix), ("start", start), ("limit", String(limit)),
            ("fields", (["name"] + fields.map(\.rawValue)).joined(separator: ",")),
        ]
        return try await calls.send(request, deadline: deadline) { answer throws(OCIError) in
            try answer.decode(ObjectPage.init)
        }
    }

    /// Returns all objects whose names begin with `prefix`, however many pages they fill, in the order of names.
    package func all(
        prefix: String,
        fields: [ObjectField] = [],
        deadline: Deadline
    ) async throws(OCIError) -> [ObjectSummary] {
        var all: [ObjectSummary] = []
        var start: String?
        repeat {
            let page = try await list(prefix: prefix, start: start, fields: fields, deadline: deadline)
            all += page.objects
            start = page.nextStart
        } while start != nil
        return all
    }

    /// Deletes an object; that it is not there is an outcome and no error.
    package func delete(_ name: String, deadline: Deadline) async throws(OCIError) -> DeleteOutcome {
        let request = request(.deleteObject, "DELETE", name)
        return try await calls.sendUnlessGone(request, deadline: deadline) { _ in .accepted } ?? .alreadyGone
    }

    /// Deletes up to 1,000 objects in one call and returns those that are still there.
    ///
    /// Names that were not there before count as deleted.
    package func deleteBatch(
        _ names: [String],
        deadline: Deadline
    ) async throws(OCIError) -> [DeleteFailure] {
        if names.isEmpty { return [] }
        return try await calls.send(batchDeletion(of: names), deadline: deadline) { answer throws(OCIError) in
            try answer.decode(DeleteFailure.all(in:)).filter { $0.status != 404 }
        }
    }

    /// The request that `deleteBatch` makes.
    package func batchDeletion(of names: [String]) -> ServiceRequest {
        precondition(names.count <= Self.batchCountMax, "a batch takes 1,000 names")
        var request = ServiceRequest(
            .batchDeleteObjects,
            "POST",
            "\(bucketPath)/actions/batchDeleteObjects",
            scope: scope
        )
        request.body = .json(
            .object(present: [
                ("objects", .array(names.map { .strings([("objectName", $0)]) })),
                ("isSkipDeletedResult", .bool(true)),
            ])
        )
        return request
    }

    private var bucketPath: String {
        "/n/\(PercentEncoding.encode(namespace))/b/\(PercentEncoding.encode(bucket))"
    }

    private var scope: String { "the compartment of bucket \(bucket)" }

    private func request(_ operation: Operation, _ method: String, _ name: String) -> ServiceRequest {
        precondition(!name.isEmpty, "an object has a name")
        return ServiceRequest(
            operation,
            method,
            "\(bucketPath)/o/\(PercentEncoding.encode(name))",
            scope: scope
        )
    }
}
