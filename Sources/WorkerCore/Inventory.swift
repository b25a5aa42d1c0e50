// SPDX-License-Identifier: Apache-2.0
//
// What is ours in the cloud, learned by listing.
//
// Rule: asking each instance how it is costs one request per task and beat, and is what gets such systems
// throttled. One listing of the results tells all that finished; one listing of the instances tells all that
// stopped or vanished.
// Consequence: two beats. Results are listed often while something is fresh; instances seldom. A stopped
// instance is a failure only if a listing of results that began *after* the stop shows none, for the runner
// stores its result before it ends. What bears our tags and belongs to no task of this process was left by an
// earlier one, or by a create whose answer was lost: the scheduler may send its task again, so it is kept for
// the grace time and then deleted.

internal import EventLoop
internal import Logging
internal import OCIServices
internal import SchedulerMessages
internal import TaskEngine

/// What the cloud holds for a task that this process does not (yet) know.
struct Leftover {
    var instance: InstanceSummary?
    var hasResult = false
    /// When a listing first showed it unclaimed.
    let since: Deadline
}

/// Lists results and instances for as long as anyone needs to know, and tells those concerned.
@LoopActor
final class Inventory {
    private static let resultsPace = PollingPace(fastest: .milliseconds(250), slowest: .seconds(5))
    private static let instancesPace = PollingPace(fastest: .seconds(2), slowest: .seconds(30))

    private let owner: Owner
    private let instances: ContainerInstances
    private let objects: ObjectStorage
    private let reaper: Reaper
    private let grace: Duration
    private let log: Logger
    /// Tasks whose completion is awaited, by their id in hexadecimal digits.
    private var watched: [String: TaskRun] = [:]
    private var leftovers: [String: Leftover] = [:]
    /// When something last began or ended.
    private var lastChange = Deadline.now
    private let resultsBell = Wakeup()
    private let instancesBell = Wakeup()

    /// Open once the first listings are in: before that nobody knows what there is to adopt.
    let isComplete = Latch()

    init(
        owner: Owner,
        instances: ContainerInstances,
        objects: ObjectStorage,
        reaper: Reaper,
        grace: Duration,
        log: Logger
    ) {
        self.owner = owner
        self.instances = instances
        self.objects = objects
        self.reaper = reaper
        self.grace = grace
        self.log = log
    }

    /// Instances and results that no task of this process has claimed.
    var leftoverCount: Int {
        leftovers.count
    }

    /// Takes over what an earlier life of the task left, if anything.
    func claim(_ task: TaskID) -> Leftover? {
        guard let leftover = leftovers.removeValue(forKey: task.hexadecimal) else { return nil }
        log.info("adopted what an earlier process left", metadata: ["task": "\(task)"])
        return leftover
    }

    /// Tells `run` from now on what listings show of its task.
    func watch(_ run: TaskRun) {
        watched[run.hexadecimalID] = run
        changed()
    }

    /// Stops telling `run`.
    func unwatch(_ run: TaskRun) {
        if watched.removeValue(forKey: run.hexadecimalID) != nil { changed() }
    }

    /// Makes both listings once; throws if the cloud refuses.
    func takeStock() async throws(OCIError) {
        try await listInstances()
        try await listResults()
        if !leftovers.isEmpty {
            log.info("found what an earlier process left", metadata: ["count": "\(leftovers.count)"])
        }
        isComplete.open()
    }

    /// Lists instances, on the slower beat, until cancelled.
    func watchInstances() async {
        await beat(Self.instancesPace, instancesBell) { () async throws(OCIError) in
            try await self.listInstances()
            self.deleteExpiredLeftovers()
        }
    }

    /// Lists results, on the faster beat, until cancelled.
    func watchResults() async {
        await beat(Self.resultsPace, resultsBell) { () async throws(OCIError) in
            try await self.listResults()
        }
    }

    /// Every instance with our tag, for the last sweep of a daemon that leaves nothing behind.
    func livingInstances() async throws(OCIError) -> [String] {
        try await allInstances().filter { !$0.lifecycleState.isGone }.map(\.id)
    }

    /// The names of every object under our prefix.
    func allObjectNames() async throws(OCIError) -> [String] {
        try await objectsUnder("\(owner.objectPrefix)/").map(\.name)
    }

    private func changed() {
        lastChange = .now
        resultsBell.ring()
        instancesBell.ring()
    }

    private var hasReasonToLook: Bool {
        !watched.isEmpty || !leftovers.isEmpty || !reaper.isIdle
    }

    private func beat(
        _ pace: PollingPace,
        _ bell: Wakeup,
        _ list: @LoopActor () async throws(OCIError) -> Void
    ) async {
        var lastListing = Deadline.now
        while !isCancelled {
            if !hasReasonToLook {
                guard (try? await bell.wait()) != nil else { return }
                continue
            }
            let next = lastListing + pace.interval(freshestAge: Deadline.now.duration(since: lastChange))
            if !next.isPast {
                do throws(WaitError) { try await bell.wait(until: next) } catch .deadlinePassed {} catch {
                    return
                }
                continue
            }
            lastListing = .now
            do throws(OCIError) {
                try await list()
            } catch {
                if isCancelled { return }
                log.warning("cannot list; trying again", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: - Results

    private func listResults() async throws(OCIError) {
        let started = Deadline.now
        for object in try await objectsUnder(owner.resultsPrefix) {
            guard let task = owner.task(ofResult: object.name) else { continue }
            if let run = watched[task] {
                if run.resultListed() { lastChange = .now }
            } else if !isKnown(task) {
                leftovers[task, default: Leftover(since: .now)].hasResult = true
            }
        }
        for run in watched.values { run.resultsListed(since: started) }
    }

    private func objectsUnder(_ prefix: String) async throws(OCIError) -> [ObjectSummary] {
        var objects: [ObjectSummary] = []
        var start: String?
        repeat {
            let page = try await self.objects.list(
                prefix: prefix,
                start: start,
                deadline: .after(.seconds(60))
            )
            objects += page.objects
            start = page.nextStart
        } while start != nil
        return objects
    }

    // MARK: - Instances

    private func listInstances() async throws(OCIError) {
        let started = Deadline.now
        var living: Set<String> = []
        var seen: Set<String> = []
        for instance in try await allInstances() {
            guard let task = owner.task(ofTags: instance.freeformTags) else { continue }
            if instance.lifecycleState != .deleted { living.insert(instance.id) }
            if let run = watched[task] {
                if run.instanceListed(instance, at: started) { resultsBell.ring() }
                if run.instanceID == instance.id { seen.insert(task) }
            } else if !instance.lifecycleState.isGone, !reaper.isDeleting(instance.id), !isKnown(task) {
                leftovers[task, default: Leftover(since: .now)].instance = instance
            }
        }
        reaper.observe(living: living, started: started)
        for (task, run) in watched where !seen.contains(task) {
            if run.instanceMissed(by: started) { resultsBell.ring() }
        }
    }

    private func allInstances() async throws(OCIError) -> [InstanceSummary] {
        var all: [InstanceSummary] = []
        var next: String?
        repeat {
            let page = try await instances.list(page: next, deadline: .after(.seconds(60)))
            all += page.instances
            next = page.nextPage
        } while next != nil
        return all.filter { owner.task(ofTags: $0.freeformTags) != nil }
    }

    /// Tells whether a task is in the hands of this process although nobody watches it just now.
    var isKnown: @LoopActor (String) -> Bool = { _ in false }

    private func deleteExpiredLeftovers() {
        for (task, leftover) in leftovers where (leftover.since + grace).isPast {
            leftovers[task] = nil
            log.info("deleting what nobody asked for", metadata: ["task": "\(task)"])
            if let instance = leftover.instance { reaper.delete(instance: instance.id) }
            if leftover.hasResult {
                reaper.delete(objects: ["\(owner.resultsPrefix)\(task).pkl"])
            }
        }
    }
}
