// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop
internal import HTTPWire
internal import JSON
package import Transport

/// Client of Object Storage, for the objects of one bucket.
@LoopActor
package final class ObjectStorage: ServiceClient {
    /// Names that one batch delete takes.
    package static let batchCountMax = 1000
    /// How long one page of a listing may take, attempts and all.
    private static let pageTimeout: Duration = .seconds(60)

    let calls: ServiceCalls
    private let namespace: String
    private let bucket: String

    /// A client that makes its calls through `calls`, on one bucket of a tenancy's namespace.
    package init(calls: ServiceCalls, namespace: String, bucket: String) {
        self.calls = calls
        self.namespace = namespace
        self.bucket = bucket
    }

    /// Returns the tenancy's namespace as the service knows it, and the service's clock in seconds since 1970.
    package static func namespaceAndTime(
        calls: ServiceCalls,
        deadline: Deadline
    ) async throws(OCIError) -> (namespace: String, time: Int?) {
        let request = ServiceRequest(.getNamespace, ["n"], scope: "the tenancy")
        return try await calls.call(request, deadline: deadline) { answer throws(OCIError) in
            guard case .string(let name) = try answer.json() else {
                throw answer.malformed("the namespace is not a string")
            }
            return (name, answer.head.headers["date"].flatMap(HTTPDate.secondsSinceEpoch))
        }
    }

    /// Stores `content` under `name`.
    package func put(_ name: String, _ content: Blob, deadline: Deadline) async throws(OCIError) {
        let request = request(.putObject, path(of: name), body: .object(content))
        try await calls.call(request, deadline: deadline) { _ in }
    }

    /// Returns the bytes of an object, at most `limit` of them, or nil if there is no such object; a larger object
    /// is a `.transport` error that no retry mends, known from its Content-Length before the bytes arrive.
    package func get(_ name: String, limit: Int, deadline: Deadline) async throws(OCIError) -> [UInt8]? {
        var request = request(.getObject, path(of: name))
        request.answerBytesMax = limit
        return try await calls.callIfPresent(request, orForbidden: false, deadline: deadline) { $0.body }
    }

    /// Returns the content of an object, in a temporary file if it is larger than `spoolAbove`, or nil if there is
    /// no such object; one larger than `limit` is refused as with the other `get`.
    ///
    /// What it takes is charged to `holding`; where that, or the host, has no room for it, the error has a `fileShortage`.
    package func get(
        _ name: String,
        spoolAbove: Int,
        limit: Int,
        for holding: Holding? = nil,
        deadline: Deadline
    ) async throws(OCIError) -> Blob? {
        var request = request(.getObject, path(of: name))
        request.answerBytesMax = limit
        request.spoolAbove = spoolAbove
        request.holding = holding
        return try await calls.callIfPresent(request, orForbidden: false, deadline: deadline) { $0.content }
    }

    /// Returns a page of the objects whose names begin with `prefix`, from `start` on (that name included).
    package func list(
        prefix: String,
        start: String? = nil,
        limit: Int = 1000,
        fields: [ObjectField] = [],
        deadline: Deadline
    ) async throws(OCIError) -> ObjectPage {
        let query: ServiceRequest.Query = [
            "prefix": prefix, "start": start, "limit": String(limit),
            "fields": (["name"] + fields.map(\.rawValue)).joined(separator: ","),
        ]
        let request = request(.listObjects, bucketPath + ["o"], query: query)
        let page = try await calls.call(request, deadline: deadline) { answer throws(OCIError) in
            try ObjectPage(answer, countMax: limit)
        }
        calls.tell(page.passedOver, of: .listObjects)
        return page
    }

    /// Returns all objects whose names begin with `prefix`, in the order of names; as `forEachPage` otherwise.
    package func all(
        prefix: String,
        fields: [ObjectField] = [],
        deadline: Deadline
    ) async throws(OCIError) -> [ObjectSummary] {
        var all: [ObjectSummary] = []
        try await forEachPage(prefix: prefix, fields: fields, deadline: deadline) { all += $0 }
        return all
    }

    /// Hands all objects whose names begin with `prefix` to `take`, however many pages they fill, in the order of names; each
    /// page may take a minute, and others have their turns between two.
    package func forEachPage(
        prefix: String,
        fields: [ObjectField] = [],
        deadline: Deadline,
        _ take: ([ObjectSummary]) -> Void
    ) async throws(OCIError) {
        var trail = PageTrail(of: .listObjects)
        var start: String?
        while true {
            let end = min(deadline, .after(Self.pageTimeout))
            let page = try await list(prefix: prefix, start: start, fields: fields, deadline: end)
            take(page.objects)
            guard let next = page.nextStart else { return }
            try trail.follow(next)
            start = next
        }
    }

    /// Deletes an object; that it is not there is an outcome and no error.
    package func delete(_ name: String, deadline: Deadline) async throws(OCIError) -> DeleteOutcome {
        let request = request(.deleteObject, path(of: name))
        return try await calls.callIfPresent(request, orForbidden: false, deadline: deadline) { _ in .accepted
        }
            ?? .alreadyGone
    }

    /// Deletes up to 1,000 objects in one call and returns those that are still there; names that were not there
    /// before count as deleted, and names that were not asked for count for nothing: they would be asked for next.
    package func deleteBatch(
        _ names: [String],
        deadline: Deadline
    ) async throws(OCIError) -> [DeleteFailure] {
        if names.isEmpty { return [] }
        let failures = try await calls.object(batchDeletion(of: names), deadline) {
            answer throws(JSONError) in
            try (answer.objectsIfPresent("failed") ?? []).map(DeleteFailure.init)
        }
        let asked = Set(names)
        // Whoever deletes again what is left must not be told to delete what is a stranger's.
        return failures.filter { $0.status != 404 && asked.contains($0.name) }
    }

    /// The request that `deleteBatch` makes.
    package func batchDeletion(of names: [String]) -> ServiceRequest {
        precondition(names.count <= Self.batchCountMax, "a batch takes 1,000 names")
        let body = JSON.object(present: [
            ("objects", .array(names.map { .strings([("objectName", $0)]) })),
            ("isSkipDeletedResult", .bool(true)),
        ])
        return request(
            .batchDeleteObjects,
            bucketPath + ["actions", "batchDeleteObjects"],
            body: .json(body)
        )
    }

    var scope: String { "the compartment of bucket \(bucket)" }

    private var bucketPath: [String] { ["n", namespace, "b", bucket] }

    private func path(of name: String) -> [String] {
        precondition(!name.isEmpty, "an object has a name")
        return bucketPath + ["o", name]
    }
}
