// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import JSON

/// Container Instances (API 20210415) of one compartment.
@LoopActor
package final class SimulatedCompute {
    /// What a retry token stands for, for a day.
    struct Launched {
        /// Nil once the service has forgotten it.
        var instance: SimulatedInstance?
        /// The SHA-256 of the body of its create, in Base64.
        let digest: String
        let until: Deadline
    }

    let simulation: Simulation
    let settings: CloudSettings
    let bucket: SimulatedBucket
    let book: TaskBook
    /// Free places in an availability domain; nil for enough.
    package var freePlaces: [String: Int] = [:]
    /// Most instances that the tenancy may have, those that are stopped or failed included; nil for enough.
    package var serviceLimit: Int?
    /// All that are shown, in the order of their creation, strangers' first.
    package private(set) var instances: [SimulatedInstance] = []
    /// How many instances of the owner were made.
    package private(set) var createdCount = 0
    /// How many of them lived at once at most.
    package private(set) var livingMax = 0
    /// The owner's instances that run or may run, none of whose deletions was accepted, in the order of their creation.
    package private(set) var living: [SimulatedInstance] = []

    /// Told of each instance that was made.
    var created: (@LoopActor (SimulatedInstance) -> Void)?
    /// Told of every accepted deletion, and whether a task ran then: who deletes needs a reason, which others know.
    package var deletionAccepted: (@LoopActor (SimulatedInstance, _ isRunning: Bool) -> Void)?

    private var byID: [String: SimulatedInstance] = [:]
    var launches: [String: Launched] = [:]
    var launchOrder: [(token: String, until: Deadline)] = []
    private var attemptCounts: [UInt64: Int] = [:]
    /// The process of the daemon that runs now, and whether it has listed the instances.
    private(set) var process = 0
    private var hasListed = true

    init(_ simulation: Simulation, _ settings: CloudSettings, _ bucket: SimulatedBucket, _ book: TaskBook) {
        self.simulation = simulation
        self.settings = settings
        self.bucket = bucket
        self.book = book
        let (owner, task) = (settings.ownerID, "00112233445566778899aabbccddeeff")
        let tags = [
            [("scaler-owner", "\(owner)0"), ("scaler-task", task)], [("scaler-task", task)], [],
            [("scaler-owner", String(owner.dropLast())), ("scaler-task", task), ("scaler-generation", "0")],
            [("Scaler-Owner", owner), ("scaler-task", task)],
            [("scaler-owner", ""), ("scaler-worker-manager", owner), ("scaler-task", task)],
        ]
        for (number, tags) in tags.enumerated() {
            add(SimulatedInstance(simulation, settings, stranger: number, tags: tags))
        }
    }

    private func add(_ instance: SimulatedInstance) {
        instances.append(instance)
        byID[instance.id] = instance
    }

    /// A new process of the daemon begins: it knows of the instances that its first listing shows.
    func processStarted(_ number: Int) {
        process = number
        hasListed = false
        for instance in living { instance.shownSince = nil }
    }

    // MARK: - Requests

    /// Answers a request whose path begins with `/20210415`, which a process of this number has sent.
    func answer(_ request: SimulatedRequest, from process: Int) -> SimulatedAnswer {
        let words = request.path.split(separator: "/").dropFirst().map(percentDecoded)
        switch (request.method, words.first, words.count) {
        case ("POST", "containerInstances", 1): return create(request, from: process)
        case ("GET", "containerInstances", 1): return list(request, from: process)
        case ("GET", "containerInstances", 2): return get(words[1])
        case ("DELETE", "containerInstances", 2): return delete(words[1])
        case ("GET", "containers", 2): return container(words[1])
        case ("POST", "containers", 4) where words[2...] == ["actions", "retrieveLogs"]: return logs(words[1])
        case ("GET", "containerInstanceShapes", 1): return shapes(request)
        case ("GET", "workRequests", 2): return workRequest(words[1])
        case ("GET", "workRequests", 3) where words[2] == "errors": return workRequestErrors(words[1])
        default:
            simulation.judge("api", false, "Container Instances has no \(request.method) \(request.path)")
            return .error(404, "NotFound")
        }
    }

    private func list(_ request: SimulatedRequest, from process: Int) -> SimulatedAnswer {
        request.judgeQuery(
            ["compartmentId", "lifecycleState", "displayName", "availabilityDomain", "limit", "page"],
            simulation
        )
        simulation.judge(
            "api",
            request.query["compartmentId"] == settings.compartmentID,
            "a listing of another compartment"
        )
        let limit = request.query["limit"].flatMap { Int($0) } ?? 100
        simulation.judge("api", (1...1000).contains(limit), "a listing with limit=\(limit)")
        let before = request.query["page"].flatMap { Int($0) } ?? Int.max
        if process == self.process, !hasListed {
            hasListed = true
            // What fills more than a page may be listed state by state, and an instance be in no list while it changes.
            let isPage = instances.count { $0.isShown } <= min(limit, settings.pageSize)
            for instance in instances where instance.process != nil && instance.process != process {
                instance.isInherited = isPage ? instance.isShown : instance.isShown && instance.isShownByState
            }
        }
        var (body, count) = (Array("{\"items\":[".utf8), 0)
        body.reserveCapacity(instances.count * 1024)
        var next: Int?
        // There may be a thousand records of what is deleted.
        let state = request.query["lifecycleState"]
        let isFiltered = ["displayName", "availabilityDomain"].contains {
            request.query[$0] != nil
        }
        // Newest first.
        for instance in instances.reversed() where instance.number < before {
            guard !isFiltered || isWanted(instance, request) else { continue }
            guard let shown = state.map({ instance.shown(inListOf: $0) }) ?? instance.shown else { continue }
            if count == min(limit, settings.pageSize) {
                next = instance.number + 1
                break
            }
            if count > 0 { body.append(UInt8(ascii: ",")) }
            body += shown
            count += 1
            if process == self.process, instance.shownSince == nil { instance.shownSince = .now }
        }
        body += "]}".utf8
        return SimulatedAnswer(
            200,
            fields: [("content-type", "application/json")]
                + (next.map { [("opc-next-page", "\($0)")] } ?? []),
            body: body
        )
    }

    private func isWanted(_ instance: SimulatedInstance, _ request: SimulatedRequest) -> Bool {
        if let name = request.query["displayName"], name != instance.launch?.displayName { return false }
        let domain = request.query["availabilityDomain"]
        return domain == nil || domain == instance.launch?.availabilityDomain
    }

    /// The instance of this id, which must be the owner's: nobody asks for a stranger's by its name.
    private func own(_ id: String, _ verb: StaticString) -> SimulatedInstance? {
        let instance = byID[id]
        simulation.judge(
            "strangers",
            instance == nil || instance?.launch != nil,
            "the instance \(id), which is not the daemon's, was to be \(verb)"
        )
        return instance
    }

    private func get(_ id: String) -> SimulatedAnswer {
        guard let instance = own(id, "read") else { return .error(404, "NotAuthorizedOrNotFound") }
        return .json(200, fields: [("etag", "etag-\(id)")], instance.whole)
    }

    /// An instance that is not there and a permission that is not there have one answer (oci, 5.3).
    private func delete(_ id: String) -> SimulatedAnswer {
        guard let instance = own(id, "deleted") else { return .error(404, "NotAuthorizedOrNotFound") }
        instance.deletionCount += 1
        if instance.state != .deleted, simulation.faults.strikes(.deletionForbidden, instance.job) {
            instance.isDenied = true
            return .error(404, "NotAuthorizedOrNotFound")
        }
        switch instance.state {
        case .deleted: return .error(404, "NotAuthorizedOrNotFound")
        case .deleting: return .error(409, "IncorrectState", "it is being deleted")
        case .creating where !settings.isDeletableWhileCreating:
            return .error(409, "IncorrectState", "it is being made")
        case .updating where !settings.isDeletableWhileUpdating:
            return .error(409, "IncorrectState", "it changes")
        case .creating, .updating, .active, .inactive, .failed:
            beginDeletion(of: instance)
            return SimulatedAnswer(202, fields: [("opc-work-request-id", "\(instance.workRequestID).delete")])
        }
    }

    private func container(_ id: String) -> SimulatedAnswer {
        guard let instance = instance(ofContainer: id) else { return .error(404, "NotAuthorizedOrNotFound") }
        return .json(200, fields: [("etag", "etag-\(id)")], instance.container)
    }

    private func logs(_ id: String) -> SimulatedAnswer {
        guard let instance = instance(ofContainer: id) else { return .error(404, "NotAuthorizedOrNotFound") }
        guard instance.containerState == .active else {
            return .error(409, "IncorrectState", "it does not run")
        }
        let start = "job-runner: task \(instance.launch?.taskID ?? ""): starting\n"
        let body = start + (instance.run?.printed ?? "")
        return SimulatedAnswer(200, fields: [("content-type", "text/plain")], body: Array(body.utf8))
    }

    private func instance(ofContainer id: String) -> SimulatedInstance? {
        let prefix = "ocid1.computecontainer."
        guard id.hasPrefix(prefix) else { return nil }
        return own("ocid1.computecontainerinstance.\(id.dropFirst(prefix.count))", "looked into")
    }

    private func instance(ofWorkRequest id: String) -> SimulatedInstance? {
        let prefix = "ocid1.workrequest."
        guard id.hasPrefix(prefix) else { return nil }
        return own("ocid1.computecontainerinstance.\(id.dropFirst(prefix.count))", "looked into")
    }

    private func workRequest(_ id: String) -> SimulatedAnswer {
        guard let instance = instance(ofWorkRequest: id) else {
            return .error(404, "NotAuthorizedOrNotFound")
        }
        let status =
            switch instance.state {
            case .creating: "IN_PROGRESS"
            case .failed: "FAILED"
            default: instance.creationError == nil ? "SUCCEEDED" : "FAILED"
            }
        return .json(
            200,
            fields: [("retry-after", "2")],
            .strings([("id", id), ("operationType", "CREATE_CONTAINER_INSTANCE"), ("status", status)])
        )
    }

    private func workRequestErrors(_ id: String) -> SimulatedAnswer {
        guard let instance = instance(ofWorkRequest: id) else {
            return .error(404, "NotAuthorizedOrNotFound")
        }
        let items =
            instance.creationError.map { [JSON.strings([("code", $0.code), ("message", $0.message)])] } ?? []
        return .json(200, .object(present: [("items", .array(items))]))
    }

    private func shapes(_ request: SimulatedRequest) -> SimulatedAnswer {
        request.judgeQuery(["compartmentId", "availabilityDomain", "limit", "page"], simulation)
        let range = { (low: (String, Double), high: (String, Double)) in
            JSON.object([JSON.Member(low.0, .real(low.1)), JSON.Member(high.0, .real(high.1))])
        }
        let items = settings.shapes.map { name in
            JSON.object(present: [
                ("name", .string(name)), ("ocpuOptions", range(("min", 1), ("max", 64))),
                ("memoryOptions", range(("minInGBs", 1), ("maxInGBs", 1024))),
            ])
        }
        return .json(200, .object(present: [("items", .array(items))]))
    }

    // MARK: - Instances

    /// Makes an instance; a process of this number has asked for it.
    func make(_ launch: InstanceLaunchDetails, from process: Int) -> SimulatedInstance {
        let attempt = attemptCounts[launch.job.number, default: 0]
        attemptCounts[launch.job.number] = attempt + 1
        let instance = SimulatedInstance(
            simulation,
            settings,
            number: createdCount,
            id: "ocid1.computecontainerinstance.oc1.iad.job\(launch.job.number)-\(attempt)",
            process: process,
            launch
        )
        createdCount += 1
        // Nobody can know of an instance that an earlier process had asked for and that no listing shows.
        if living.contains(where: { $0.job == instance.job && $0.process != process && $0.shownSince == nil })
        {
            book.runLost(instance.job)
        }
        add(instance)
        living.append(instance)
        freePlaces[launch.availabilityDomain]? -= 1
        simulation.note("cloud", "created", "\(instance.id) for task \(launch.taskID)")
        judgeConcurrency(instance)
        return instance
    }

    /// Takes note that the deletion of an instance was accepted.
    func noteDeletion(of instance: SimulatedInstance) {
        instance.isDeletionAccepted = true
        living.removeAll { $0 === instance }
    }

    /// Forgets an instance for good.
    func purge(_ instance: SimulatedInstance) {
        byID[instance.id] = nil
        launches[instance.token]?.instance = nil
        if let index = instances.firstIndex(where: { $0 === instance }) { instances.remove(at: index) }
    }

    /// A number from a range of seconds, the same for the same job and attempt.
    func draw(_ range: Range<Double>, _ purpose: String, _ instance: SimulatedInstance) -> Duration {
        let drawn = stableHash("\(purpose) \(instance.id)".utf8, from: simulation.seed)
        return .seconds(
            range.lowerBound + (range.upperBound - range.lowerBound) * Double(drawn >> 11) * 0x1p-53
        )
    }

    // MARK: - Judges

    /// How many instances of the owner have a record, which stays a while after their end.
    package var recordCount: Int { instances.count { $0.launch != nil } }

    /// How many instances, those of strangers included, count towards the limits of the tenancy.
    var countedByService: Int { instances.count { $0.state != .deleted } }

    /// Judges that the daemon never has more instances than it may.
    ///
    /// It counts its own, and those of an earlier process that its first listing shows or a create of its own names. What an earlier process left and no
    /// listing shows at that time (a create was still on its way, or a listing was stale) it cannot know of: such an
    /// instance may be one too many for as long as it lives.
    private func judgeConcurrency(_ made: SimulatedInstance) {
        livingMax = max(livingMax, living.count)
        // A create that outlived its process was within the limit when it was sent.
        guard made.process == process else { return }
        let known = living.count { $0.process == process || $0.isInherited }
        simulation.judge(
            "concurrency",
            known <= settings.baseConcurrency,
            "\(made.id) is instance \(known), and --base-concurrency is \(settings.baseConcurrency)"
        )
    }

    /// Whether a listing has shown an instance to the present process so long before another was made.
    func hasShown(_ instance: SimulatedInstance, before other: SimulatedInstance, by margin: Duration) -> Bool
    {
        instance.shownSince.map { other.process == process && other.madeAt.duration(since: $0) > margin }
            ?? false
    }

    /// An instance that is not its task's first, where listings have shown both for so long; nil if there is none.
    func twin(shownFor duration: Duration) -> SimulatedInstance? {
        var jobs: Set<UInt64> = []
        return living.first {
            guard let shownSince = $0.shownSince, Deadline.now.duration(since: shownSince) > duration,
                !$0.isDenied
            else { return false }
            return !jobs.insert($0.job).inserted
        }
    }

    /// Judges that a process that has stopped, and says that it has left nothing, has left none of its instances.
    func judgeCleanStop() {
        // A 404 is believed when a listing agrees that would show what is new.
        let left = living.filter { $0.process == process || $0.isInherited }
        simulation.judge(
            "stop",
            left.isEmpty,
            "the daemon stopped clean and left \(left.count) instances, such as \(left.first?.id ?? "")"
        )
    }

    /// Judges that strangers have what they had.
    func judgeStrangers() {
        simulation.judge(
            "strangers",
            instances.count { $0.launch == nil } == 6,
            "a stranger's instance is gone"
        )
    }
}
