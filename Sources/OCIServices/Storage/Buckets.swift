// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import JSON

/// A bucket as GetBucket shows it (Object Storage API 20160918).
package struct Bucket: Sendable, Equatable {
    /// OCID of its compartment.
    package let compartmentID: String
    /// Its free-form tags.
    package let freeformTags: [String: String]
    /// How many objects it holds, as the service last counted; it counts now and then.
    package let approximateCount: Int?

    init(_ object: JSONObject) throws(JSONError) {
        compartmentID = try object.string("compartmentId")
        freeformTags = try object.stringMap("freeformTags")
        approximateCount = try object.integerIfPresent("approximateCount")
    }
}

/// A rule that deletes (or moves) objects of a bucket when they are old enough.
package struct LifecycleRule: Sendable, Equatable {
    /// Its name within the bucket.
    package var name: String
    /// `DELETE`, `ARCHIVE`, `INFREQUENT_ACCESS` or `ABORT`.
    package var action = "DELETE"
    /// What it acts on: `objects`, `multipart-uploads` or `previous-object-versions`.
    package var target = "objects"
    /// Age in days; a year counts 365.
    package var days: Int
    /// Whether it is in force.
    package var isEnabled = true
    /// Beginnings of the names that it acts on; none means every name.
    package var prefixes: [String]
    /// Patterns that narrow it further; they are not read here, and written back as they are.
    package var inclusionPatterns: [String] = []
    /// Patterns of names that it spares.
    package var exclusionPatterns: [String] = []

    /// A rule that deletes objects whose names begin with `prefix` when they are `days` old.
    package init(name: String, deletesAfterDays days: Int, prefix: String) {
        self.name = name
        self.days = days
        prefixes = [prefix]
    }

    init(_ object: JSONObject) throws(JSONError) {
        name = try object.stringIfPresent("name") ?? ""
        action = try object.string("action")
        target = try object.stringIfPresent("target") ?? "objects"
        let amount = try object.integerIfPresent("timeAmount") ?? 0
        let (daysOfYears, isTooLarge) = amount.multipliedReportingOverflow(by: 365)
        let isInYears = try object.stringIfPresent("timeUnit") == "YEARS"
        days = !isInYears ? amount : isTooLarge ? .max : daysOfYears
        isEnabled = object["isEnabled"] != .bool(false)
        let filter = try object.objectIfPresent("objectNameFilter")
        prefixes = filter?.texts("inclusionPrefixes") ?? []
        inclusionPatterns = filter?.texts("inclusionPatterns") ?? []
        exclusionPatterns = filter?.texts("exclusionPatterns") ?? []
    }

    /// Whether objects whose names begin with `prefix` may fall under it.
    package func mayCover(prefix: String) -> Bool {
        isEnabled && target == "objects"
            && (prefixes.isEmpty || prefixes.contains { prefix.hasPrefix($0) || $0.hasPrefix(prefix) })
    }

    var body: JSON {
        let filter = [
            ("inclusionPrefixes", prefixes), ("inclusionPatterns", inclusionPatterns),
            ("exclusionPatterns", exclusionPatterns),
        ].filter { !$0.1.isEmpty }
        return .object(present: [
            ("name", .string(name)), ("action", .string(action)), ("target", .string(target)),
            ("timeAmount", .integer(Int64(days))), ("timeUnit", .string("DAYS")),
            ("isEnabled", .bool(isEnabled)),
            (
                "objectNameFilter",
                filter.isEmpty
                    ? nil : .object(present: filter.map { ($0.0, .array($0.1.map { .string($0) })) })
            ),
        ])
    }
}

/// An upload in parts that was begun and neither committed nor aborted: the object it is to become, and its own id.
package typealias UnfinishedUpload = (objectName: String, id: String)

/// Client of Object Storage for buckets: reads as calls, changes as requests to be sent or shown.
@LoopActor
package struct Buckets: ServiceClient {
    let calls: ServiceCalls
    private let namespace: String
    private let compartmentID: String

    /// Buckets of a tenancy's namespace, and the compartment where new ones go.
    package init(calls: ServiceCalls, namespace: String, compartmentID: String) {
        self.calls = calls
        self.namespace = namespace
        self.compartmentID = compartmentID
    }

    /// Returns the bucket of this name, nil if there is none that may be seen.
    package func find(_ name: String, deadline: Deadline) async throws(OCIError) -> Bucket? {
        let request = request(.getBucket, path(of: name), query: ["fields": "approximateCount"])
        return try await calls.objectIfPresent(request, deadline, Bucket.init)
    }

    /// The request that creates a private bucket.
    package func creation(of name: String, tags: [(String, String)]) -> ServiceRequest {
        let body = JSON.object(present: [
            ("name", .string(name)), ("compartmentId", .string(compartmentID)),
            ("publicAccessType", .string("NoPublicAccess")), ("storageTier", .string("Standard")),
            ("versioning", .string("Disabled")), ("freeformTags", .strings(tags)),
        ])
        return request(.createBucket, ["n", namespace, "b"], body: .json(body))
    }

    /// The request that deletes a bucket, which must be empty.
    package func deletion(of name: String) -> ServiceRequest { request(.deleteBucket, path(of: name)) }

    /// Returns the lifecycle rules of a bucket.
    package func lifecycle(of name: String, deadline: Deadline) async throws(OCIError) -> [LifecycleRule] {
        let request = request(.getObjectLifecyclePolicy, path(of: name) + ["l"])
        do throws(OCIError) {
            return try await calls.items(request, deadline, LifecycleRule.init)
        } catch .service(let failure) where failure.code == "LifecyclePolicyNotFound" {
            return []
        }
    }

    /// The request that makes `rules` the lifecycle rules of a bucket, in place of those it has.
    package func lifecycleChange(of name: String, to rules: [LifecycleRule]) -> ServiceRequest {
        let body = JSON.object(present: [("items", .array(rules.map(\.body)))])
        return request(.putObjectLifecyclePolicy, path(of: name) + ["l"], body: .json(body))
    }

    /// Returns the uploads in parts that keep a bucket from being deleted.
    package func unfinishedUploads(
        in name: String,
        deadline: Deadline
    ) async throws(OCIError) -> [UnfinishedUpload] {
        let request = request(.listMultipartUploads, path(of: name) + ["u"])
        return try await calls.items(request, deadline) { item throws(JSONError) in
            (objectName: try item.string("object"), id: try item.string("uploadId"))
        }
    }

    /// The request that aborts an upload in parts.
    package func abortion(of upload: UnfinishedUpload, in name: String) -> ServiceRequest {
        let path = path(of: name) + ["u", upload.objectName]
        return request(.abortMultipartUpload, path, query: ["uploadId": upload.id])
    }

    private func path(of name: String) -> [String] { ["n", namespace, "b", name] }

    var scope: String { "compartment id \(compartmentID)" }
}

extension JSONObject {
    /// The strings of an array; what is no string, or no array, is left out.
    func texts(_ name: String) -> [String] {
        guard case .array(let elements) = self[name] else { return [] }
        return elements.compactMap { element in
            if case .string(let text) = element { text } else { nil }
        }
    }
}
