// SPDX-License-Identifier: Apache-2.0
//
// What is ours in the cloud, learned by listing.
//
// Rule: asking each instance how it is costs one request per task and beat, and is what gets such systems
// throttled. One listing of the results tells all that finished; one listing of the instances tells all that
// stopped or vanished.
// Consequence: two beats. Results are listed often while something is fresh; instances seldom. Both stop when there
// is nothing to learn, but for one look an hour.
//
// Rule: what bears our tags and belongs to no task of this process was left by an earlier one. The scheduler sends the
// tasks of a dead worker again, after a minute by default.
// Consequence: it is kept for the grace time, which runs only while the scheduler answers us: as long as it does not,
// nobody can ask, and where another manager of our name is alive the scheduler answers that one. What nobody
// asks for is deleted. What an abandoned create may have made is nobody's from the start, and deleted on sight.

internal import Encodings
internal import EventLoop
internal import Logging
internal import OCIServices
internal import Reporting
internal import SchedulerMessages
internal import TaskEngine

/// Lists results and instances for as long as anyone needs to know, and tells those concerned.
@LoopActor
final class Inventory {
    private static let resultsPace = PollingPace(fastest: .milliseconds(250), slowest: .seconds(5))
    private static let instancesPace = PollingPace(fastest: .seconds(2), slowest: .seconds(30))
    /// How often to look although there is no reason to.
    private static let sweepInterval: Duration = .seconds(3600)
    /// How long an abandoned create may still make an instance: the service works on it after the call is cut off.
    private static let doomDuration: Duration = .seconds(120)
    /// How long an answered task's result is kept for the scheduler to confirm the answer; then it is a leftover.
    private static let confirmationPatience: Duration = .seconds(15)

    private let owner: Owner
    private let instances: ContainerInstances
    private let objects: ObjectStorage
    private let reaper: Reaper
    private let grace: Duration
    private let log: Logger
    private let listingTrouble: ThrottledWarning
    /// Tasks whose completion is awaited, by their id in hexadecimal digits.
    private var watched: [String: TaskRun] = [:]
    private var leftovers = Leftovers()
    /// How many leftover instances' deletion the cloud has not accepted yet.
    private var expelledCount = 0
    /// Tasks that were answered and whose answer is not confirmed yet; their results are kept.
    private var answered: Set<String> = []
    /// Tasks whose create was abandoned, and until when something may still come of it.
    private var doomed: [String: Deadline] = [:]
    /// When something last began or ended.
    private var lastChange = Deadline.now
    /// When the scheduler was last seen not to answer.
    private var lastUnasked = Deadline.now
    private let resultsBell = Wakeup()
    private let instancesBell = Wakeup()

    /// Open once the first listings are in: before that nobody knows what there is to adopt.
    let isComplete = Latch()
    /// Tells whether a task is in the hands of this process, which has claimed what there was of it.
    var isInHand: @LoopActor (String) -> Bool = { _ in false }
    /// Tells whether a task waits for its turn here, and will claim what there is of it.
    var isAwaited: @LoopActor (String) -> Bool = { _ in false }
    /// Called when there may be fewer leftovers, or others.
    var onLeftoversChange: @LoopActor () -> Void = {}
    /// Tells whether the scheduler answers, so that it could ask for a task again.
    var isSchedulerAnswering: @LoopActor () -> Bool = { true }

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
        listingTrouble = ThrottledWarning(
            "cannot list; trying again",
            recovery: "listing works again",
            log: log
        )
        // Only a listing can tell that the instance is gone, and where nothing is watched any more none may be due.
        reaper.onAccepted = { [weak self] hasObjects in
            if hasObjects { self?.noteChange() } else { self?.instancesBell.ring() }
        }
    }

    /// Tasks of which this process has found something and knows nothing else.
    var leftoverCount: Int {
        leftovers.count
    }

    /// Instances of tasks that are not in hand, also those that are being expelled: each counts where a limit counts.
    var unclaimedInstanceCount: Int {
        leftovers.instanceCount + expelledCount
    }

    /// Tasks that are not in hand and have an instance.
    var tasksWithInstances: [TaskID] {
        leftovers.byTask.compactMap { task, leftover in
            leftover.instances.isEmpty ? nil : Hexadecimal.decode(task).map { TaskID($0) }
        }
    }

    /// Takes over what an earlier life of the task left, if anything.
    func claim(_ task: TaskID) -> Leftover? {
        let task = task.hexadecimal
        doomed[task] = nil
        var leftover = leftovers.claim(task)
        if answered.remove(task) != nil {
            leftover = leftover ?? Leftover(since: .now)
            leftover?.hasResult = true
        }
        if leftover != nil {
            onLeftoversChange()
            log.info("adopted what was left of a task", metadata: ["task": "\(task)"])
        }
        return leftover
    }

    /// Deletes what an earlier life of a task left: nobody wants it any more.
    func discard(_ task: TaskID) {
        guard let leftover = leftovers.claim(task.hexadecimal) else { return }
        expel(leftover, of: task.hexadecimal)
    }

    /// Tells `run` from now on what listings show of its task.
    func watch(_ run: TaskRun) {
        watched[run.hexadecimalID] = run
        noteChange()
    }

    /// Stops telling `run`.
    func unwatch(_ run: TaskRun) {
        if watched.removeValue(forKey: run.hexadecimalID) != nil { noteChange() }
    }

    /// Keeps the result of a task that was answered until the answer is confirmed, then deletes it.
    ///
    /// Should both the answer and this process be lost, the next process answers from the object instead of running
    /// the task again; and so does this one if the task is sent again.
    func keepResult(of task: TaskID, until confirmed: Latch) {
        answered.insert(task.hexadecimal)
        spawn {
            let isConfirmed = (try? await confirmed.wait(until: .after(Self.confirmationPatience))) != nil
            guard self.answered.remove(task.hexadecimal) != nil else { return }
            if isConfirmed {
                self.reaper.delete(objects: [self.owner.resultName(of: task)])
            } else {
                self.leftovers.add(resultOf: task.hexadecimal, at: .now)
                self.noteChange()
            }
        }
    }

    /// Has whatever turns up of this task deleted at once: its create was abandoned half-way.
    func doom(_ task: TaskID) {
        doomed[task.hexadecimal] = .after(Self.doomDuration)
        noteChange()
    }

    /// Makes both listings once; throws if the cloud refuses.
    func takeStock() async throws(OCIError) {
        try await listInstances()
        try await listObjects(everything: true)
        if !leftovers.isEmpty {
            log.notice(
                "an earlier process left something; what the scheduler does not ask for in time is deleted",
                metadata: [
                    "tasks": "\(leftovers.count)", "instances": "\(leftovers.instanceCount)",
                    "seconds": "\(grace.seconds)",
                ]
            )
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
            try await self.listObjects(everything: !self.leftovers.isEmpty || !self.doomed.isEmpty)
        }
    }

    /// An instance of the task that is not gone, by a listing made now.
    func instance(of task: TaskID) async throws(OCIError) -> InstanceSummary? {
        try await allInstances().first {
            owner.task(ofTags: $0.freeformTags) == task.hexadecimal && !$0.lifecycleState.isGone
                && !reaper.isDeleting($0.id)
        }
    }

    /// Every instance with our tag, for the last sweep of a daemon that leaves nothing behind.
    func livingInstances(until deadline: Deadline) async throws(OCIError) -> [InstanceSummary] {
        try await allInstances(until: deadline).filter { !$0.lifecycleState.isGone }
    }

    /// The names of every object under our prefix.
    func allObjectNames(until deadline: Deadline) async throws(OCIError) -> [String] {
        try await objectNames(under: "\(owner.objectPrefix)/", until: deadline)
    }

    private func noteChange() {
        lastChange = .now
        resultsBell.ring()
        instancesBell.ring()
    }

    private var hasReasonToLook: Bool {
        !watched.isEmpty || !leftovers.isEmpty || !doomed.isEmpty || !reaper.isIdle
    }

    private func beat(
        _ pace: PollingPace,
        _ bell: Wakeup,
        _ list: @LoopActor () async throws(OCIError) -> Void
    ) async {
        var lastListing = Deadline.now
        var backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
        var earliest = Deadline.now
        while !isCancelled {
            let interval =
                hasReasonToLook
                ? pace.interval(freshestAge: Deadline.now.duration(since: lastChange)) : Self.sweepInterval
            let next = max(lastListing + interval, earliest)
            if !next.isPast {
                do throws(WaitError) { try await bell.wait(until: next) } catch .deadlinePassed {} catch {
                    return
                }
                continue
            }
            lastListing = .now
            do throws(OCIError) {
                try await list()
                backoff.reset()
                listingTrouble.ended()
            } catch {
                if isCancelled { return }
                listingTrouble.occurred(["error": "\(error)"])
                earliest = .after(backoff.next { .random(in: 0.5..<1) })
            }
        }
    }

    // MARK: - Results

    private func listObjects(everything: Bool) async throws(OCIError) {
        let started = Deadline.now
        let prefix = everything ? "\(owner.objectPrefix)/" : owner.resultsPrefix
        var results: Set<String> = []
        var inputs: [String: [String]] = [:]
        for name in try await objectNames(under: prefix, until: .after(.seconds(60))) {
            if let task = owner.task(ofResult: name) {
                if isStray(result: name, of: task) { results.insert(task) }
            } else if let task = owner.task(ofInput: name), !isInHand(task), !reaper.isDeleting(object: name)
            {
                inputs[task, default: []].append(name)
            }
        }
        leftovers.replace(results: results, at: .now)
        if everything { leftovers.replace(inputs: inputs, at: .now) }
        expelFinished()
        for run in watched.values { run.resultsListed(started: started) }
    }

    /// Tells the run of the task that its result is there; whether there is no such run, nor any other use for it.
    private func isStray(result name: String, of task: String) -> Bool {
        if let run = watched[task] {
            if run.resultListed() { lastChange = .now }
            return false
        }
        if isInHand(task) || answered.contains(task) || reaper.isDeleting(object: name) { return false }
        if doomed[task] != nil {
            reaper.delete(objects: [name])
            return false
        }
        return true
    }

    private func objectNames(
        under prefix: String,
        until deadline: Deadline
    ) async throws(OCIError) -> [String] {
        try await objects.all(prefix: prefix, deadline: deadline).map(\.name)
    }

    // MARK: - Instances

    private func listInstances() async throws(OCIError) {
        let started = Deadline.now
        var living: Set<String> = []
        var seen: Set<String> = []
        var strays: [String: [InstanceSummary]] = [:]
        for instance in try await allInstances() {
            guard let task = owner.task(ofTags: instance.freeformTags) else { continue }
            if instance.lifecycleState != .deleted { living.insert(instance.id) }
            if let run = watched[task], run.instanceID == instance.id {
                seen.insert(task)
                if run.instanceListed(instance, started: started) { noteChange() }
            } else if isStray(instance, of: task) {
                strays[task, default: []].append(instance)
            }
        }
        reaper.observe(living: living, started: started)
        for (task, run) in watched where !seen.contains(task) {
            if run.instanceMissed(started: started) { noteChange() }
        }
        leftovers.replace(instances: strays, at: .now)
        expelFinished()
        doomed = doomed.filter { !$0.value.isPast }
    }

    /// Whether nobody knows anything of an instance; one that should not be there is deleted.
    private func isStray(_ instance: InstanceSummary, of task: String) -> Bool {
        if instance.lifecycleState.isGone || reaper.isDeleting(instance.id) { return false }
        if let run = watched[task] {
            // Before the create is answered, what is listed may be what it is making.
            guard run.instanceID != nil else { return false }
            log.warning(
                "deleting a second instance of a task",
                metadata: ["task": "\(task)", "instance": "\(instance.id)"]
            )
            reaper.delete(instance: instance.id)
            return false
        }
        if isInHand(task) { return false }
        if doomed[task] != nil {
            reaper.delete(instance: instance.id, thenObjects: [owner.resultName(ofTask: task)])
            return false
        }
        return true
    }

    private func allInstances(
        until deadline: Deadline = .after(.seconds(60))
    ) async throws(OCIError) -> [InstanceSummary] {
        let owner = owner
        return try await instances.all(deadline: deadline) { owner.task(ofTags: $0.freeformTags) != nil }
    }

    private func deleteExpiredLeftovers() {
        if !isSchedulerAnswering() { lastUnasked = .now }
        let expired = leftovers.takeExpired(after: grace, asking: lastUnasked, unlessAwaited: isAwaited)
        for (task, leftover) in expired {
            log.info("deleting what nobody asked for", metadata: ["task": "\(task)"])
            expel(leftover, of: task)
        }
    }

    /// Deletes instances whose result is stored: it is all that their tasks need, and they only hold slots.
    private func expelFinished() {
        for instance in leftovers.takeFinishedInstances() { expel(instance, thenObjects: []) }
        onLeftoversChange()
    }

    private func expel(_ leftover: Leftover, of task: String) {
        let result = owner.resultName(ofTask: task)
        for instance in leftover.instances { expel(instance, thenObjects: [result]) }
        if leftover.instances.isEmpty, leftover.hasResult { reaper.delete(objects: [result]) }
        reaper.delete(objects: leftover.inputs)
        onLeftoversChange()
    }

    private func expel(_ instance: InstanceSummary, thenObjects objects: [String]) {
        expelledCount += 1
        let accepted = reaper.delete(instance: instance.id, thenObjects: objects)
        spawn {
            _ = try? await accepted.wait()
            self.expelledCount -= 1
            self.onLeftoversChange()
        }
    }
}
