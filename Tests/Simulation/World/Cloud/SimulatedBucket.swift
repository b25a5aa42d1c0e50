// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop
internal import JSON
internal import Transport

/// A bucket of Object Storage (API 20160918): strongly consistent, and shared with strangers.
@LoopActor
package final class SimulatedBucket {
    private struct Object {
        let bytes: [UInt8]
        let etag: String
        let created: Int64
        /// When a listing first showed it.
        var shownAt: Deadline?
    }

    private let simulation: Simulation
    private let settings: CloudSettings
    private var objects: [String: Object] = [:]
    /// In the order of their bytes, as listings show them.
    private var names: [String] = []
    private var writeCount = 0
    private let strangers: [String]
    /// What containers were told that their results are below, by task, and the other way around.
    private var prefixes: [String: String] = [:]
    private var tasks: [String: String] = [:]
    /// Names that containers made up.
    private var forged: Set<String> = []

    /// Called with the name of each object that the daemon deletes.
    package var onRemoved: (@LoopActor (String) -> Void)?

    init(_ simulation: Simulation, _ settings: CloudSettings) {
        self.simulation = simulation
        self.settings = settings
        let prefix = settings.objectPrefix
        strangers = [
            "\(prefix)-2/results/00112233445566778899aabbccddeeff.pkl", "\(prefix)0/inputs/00ff.pkl.gz",
            "\(prefix).pkl", "a/\(prefix)/results/0123.pkl", "results/0123456789abcdef.pkl",
            "zz/inputs/none.pkl",
        ]
        for name in strangers { put(name, Array("a stranger's".utf8)) }
    }

    // MARK: - For the rest of the world

    /// The names of the owner's objects, in order, without those that a container invented.
    package var ownNames: [String] { names.filter { isOwn($0) && !forged.contains($0) } }

    /// The bytes of an object; nil if there is none.
    package subscript(name: String) -> [UInt8]? { objects[name]?.bytes }

    /// How long ago a listing first showed the result of a task; nil if none did.
    func shownTime(ofResult taskID: String) -> Duration? {
        guard let name = resultName(of: taskID) else { return nil }
        return objects[name]?.shownAt.map { Deadline.now.duration(since: $0) }
    }

    /// The name under which a task's container stores its result; nil for a task that has had none.
    func resultName(of taskID: String) -> String? { prefixes[taskID].map { "\($0)/results/\(taskID).pkl" } }

    /// A container of a task is told the prefix of its result, which no other container may be able to guess.
    func tell(_ prefix: String, to taskID: String) {
        let start = "\(settings.objectPrefix)/"
        let secret = prefix.split(separator: "/").last ?? ""
        let isSecret = prefix.hasPrefix(start) && secret.utf8.count >= 32 && !secret.contains(taskID)
        simulation.judge("secrecy", isSecret, "the container of \(taskID) is told the prefix \(prefix)")
        let isSame = prefixes[taskID] ?? prefix == prefix
        simulation.judge("secrecy", isSame, "\(taskID) has another prefix than before: \(prefix)")
        let isOwn = tasks[prefix] ?? taskID == taskID
        simulation.judge("secrecy", isOwn, "\(taskID) is told the prefix of another task: \(prefix)")
        prefixes[taskID] = prefix
        tasks[prefix] = taskID
    }

    /// A container stores results and payloads for another task under every name that it can make of its own prefix.
    func forge(_ bytes: [UInt8], of taskID: String, with prefix: String) {
        let folder = settings.objectPrefix
        let secret = prefix.split(separator: "/").last.map { String($0) } ?? ""
        let guesses = [
            "\(prefix)/results/\(taskID).pkl", "\(folder)/results/\(taskID).pkl",
            "\(folder)/results/\(secret)/results/\(taskID).pkl", "\(folder)/inputs/\(taskID).pkl.gz",
            "\(folder)/inputs/\(secret)/\(taskID).pkl.gz", "\(folder)/kept/\(secret)/\(taskID)",
            "\(folder)/results/\(taskID)/results/\(taskID).pkl",
        ]
        for name in guesses {
            let isHit = objects[name] != nil && !forged.contains(name)
            simulation.judge("secrecy", !isHit, "the container that knows \(prefix) can overwrite \(name)")
            forged.insert(name)
            put(name, bytes)
        }
    }

    /// Stores an object, as a container does.
    func put(_ name: String, _ bytes: [UInt8]) {
        writeCount += 1
        if objects[name] == nil { names.insert(name, at: firstIndex(notBefore: name)) }
        objects[name] = Object(
            bytes: bytes,
            etag: "etag-\(writeCount)",
            created: simulation.serviceMilliseconds
        )
    }

    private func remove(_ name: String) -> Bool {
        guard objects.removeValue(forKey: name) != nil else { return false }
        names.remove(at: firstIndex(notBefore: name))
        onRemoved?(name)
        return true
    }

    private func isOwn(_ name: String) -> Bool { name.hasPrefix("\(settings.objectPrefix)/") }

    private func firstIndex(notBefore name: String) -> Int {
        var (low, high) = (0, names.count)
        while low < high {
            let middle = (low + high) / 2
            if names[middle] < name { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: - Requests

    /// Answers a request whose path begins with `/n`.
    func answer(_ request: SimulatedRequest) -> SimulatedAnswer {
        let words = request.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(
            percentDecoded
        )
        if words == ["n"] { return .json(200, .string(settings.namespace)) }
        guard words.count >= 4, words[0] == "n", words[2] == "b" else { return unknown(request) }
        guard words[1] == settings.namespace else { return .error(404, "NamespaceNotFound") }
        guard words[3] == settings.bucket else { return .error(404, "BucketNotFound") }
        switch (request.method, words.dropFirst(4).first, words.count) {
        case ("GET", "o", 5): return list(request)
        case ("POST", "actions", 6) where words[5] == "batchDeleteObjects": return deleteBatch(request)
        case ("PUT", "o", 6): return store(request, words[5])
        case ("GET", "o", 6), ("HEAD", "o", 6):
            request.judgeQuery([], simulation)
            judgeOwn(words[5], "read")
            guard let object = objects[words[5]] else { return .error(404, "ObjectNotFound") }
            return SimulatedAnswer(200, fields: [("etag", object.etag)], body: object.bytes)
        case ("DELETE", "o", 6):
            request.judgeQuery([], simulation)
            judgeOwn(words[5], "deleted")
            return remove(words[5]) ? SimulatedAnswer(204) : .error(404, "ObjectNotFound")
        default: return unknown(request)
        }
    }

    private func unknown(_ request: SimulatedRequest) -> SimulatedAnswer {
        simulation.judge("api", false, "Object Storage has no \(request.method) \(request.path)")
        return .error(404, "NotFound")
    }

    private func judgeOwn(_ name: String, _ verb: StaticString) {
        simulation.judge(
            "strangers",
            isOwn(name),
            "the object \(name), which is not the daemon's, was to be \(verb)"
        )
    }

    private func store(_ request: SimulatedRequest, _ name: String) -> SimulatedAnswer {
        request.judgeQuery([], simulation)
        judgeOwn(name, "overwritten")
        simulation.judge("api", request.fields["content-length"] != nil, "PutObject without Content-Length")
        simulation.judge("api", request.fields["transfer-encoding"] == nil, "PutObject in chunks")
        let digest = Base64.encode(DigestAlgorithm.md5.digest(request.body))
        if let sent = request.fields["content-md5"], sent != digest {
            return .error(400, "UnmatchedContentMD5")
        }
        put(name, request.body)
        return SimulatedAnswer(
            200,
            fields: [("etag", objects[name]?.etag ?? ""), ("opc-content-md5", digest)]
        )
    }

    private func list(_ request: SimulatedRequest) -> SimulatedAnswer {
        request.judgeQuery(["prefix", "start", "startAfter", "end", "limit", "fields"], simulation)
        let prefix = request.query["prefix"] ?? ""
        simulation.judge(
            "strangers",
            isOwn(prefix),
            "a listing of \(prefix)..., where not all objects are the daemon's"
        )
        let limit = request.query["limit"].flatMap { Int($0) } ?? 1000
        simulation.judge("api", (1...1000).contains(limit), "a listing with limit=\(limit)")
        let fields = (request.query["fields"] ?? "name").split(separator: ",")
        let known: Set<Substring> = ["name", "size", "etag", "timeCreated"]
        simulation.judge(
            "api",
            known.isSuperset(of: fields),
            "a listing with fields=\(fields.joined(separator: ","))"
        )
        var found: [String] = []
        var next: String?
        for name in names[firstIndex(notBefore: max(prefix, request.query["start"] ?? ""))...] {
            guard name.hasPrefix(prefix) else { break }
            if let last = request.query["startAfter"], name <= last { continue }
            if let end = request.query["end"], name >= end { break }
            if found.count == min(limit, settings.objectPageSize) {
                next = name
                break
            }
            found.append(name)
            if objects[name]?.shownAt == nil { objects[name]?.shownAt = .now }
        }
        let items = found.map { name in
            JSON.object(present: [
                ("name", .string(name)),
                ("size", fields.contains("size") ? .integer(Int64(objects[name]?.bytes.count ?? 0)) : nil),
                ("etag", fields.contains("etag") ? objects[name].map { .string($0.etag) } : nil),
                (
                    "timeCreated",
                    fields.contains("timeCreated") ? objects[name].map { .string(rfc3339($0.created)) } : nil
                ),
            ])
        }
        return .json(
            200,
            .object(present: [
                ("objects", .array(items)), ("prefixes", .array([])),
                ("nextStartWith", next.map { .string($0) }),
            ])
        )
    }

    private func deleteBatch(_ request: SimulatedRequest) -> SimulatedAnswer {
        request.judgeQuery([], simulation)
        guard let body = try? JSONObject(reading: request.body), let entries = try? body.objects("objects")
        else {
            simulation.judge("api", false, "a batch delete with a body that is none")
            return .error(400, "InvalidParameter")
        }
        simulation.judge(
            "api",
            (1...1000).contains(entries.count),
            "a batch delete of \(entries.count) objects"
        )
        var (deleted, failed): ([JSON], [JSON]) = ([], [])
        for entry in entries {
            guard let name = try? entry.string("objectName") else { return .error(400, "InvalidParameter") }
            judgeOwn(name, "deleted")
            if let share = simulation.faults.draw(.objectStays, stableHash(name.utf8, from: 1)) {
                failed.append(failure(name, share < 0.5 ? 503 : 429, "later"))
            } else if remove(name) {
                deleted.append(.strings([("objectName", name)]))
            } else {
                failed.append(failure(name, 404, "ObjectNotFound"))
            }
        }
        if body["isSkipDeletedResult"] == .bool(true) { deleted = [] }
        return .json(200, .object(present: [("deleted", .array(deleted)), ("failed", .array(failed))]))
    }

    private func failure(_ name: String, _ status: Int64, _ message: String) -> JSON {
        .object(present: [
            ("objectName", .string(name)), ("statusCode", .integer(status)),
            ("errorMessage", .string(message)),
        ])
    }

    // MARK: - Judges

    /// Judges that every object of a stranger is there as it was.
    func judgeStrangers() {
        for name in strangers {
            simulation.judge(
                "strangers",
                objects[name]?.bytes == Array("a stranger's".utf8),
                "\(name) was changed"
            )
        }
    }
}
