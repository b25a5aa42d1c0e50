// SPDX-License-Identifier: Apache-2.0
//
// What the cloud holds of ours, and what is to be done about it: the only place that knows and decides.
//
// Rule: a listing shows the past, and an accepted deletion is only a promise. A 404 may mean "gone" and may mean "not
// allowed". So an instance is done with when a listing that began after the acceptance does not show it, and one that is
// said not to be there holds its slot until then.
// Rule: a container that is being deleted may still store its result.
// Rule: an ended instance without a result is one whose task has failed, in the eyes of the next process.
// Consequence: the result of a task that nobody wants is deleted after its instances are gone for certain, those that an
// abandoned create may have made among them. A process that ends cannot wait for that, but for the acceptance: what it
// leaves is left with its result.
//
// Rule: what bears our tags and belongs to no task of this process was left by an earlier one (an orphan). The scheduler
// sends the tasks of a dead worker again, after a minute by default.
// Consequence: an orphan is kept for the grace time, which runs only while the scheduler answers us: as long as it does
// not, nobody can ask, and where another manager of our name is alive the scheduler answers that one. What nobody asks
// for is deleted.
//
// Rule: a create whose call was given up may still make an instance; the service works on after the call is cut off.
// Consequence: it holds a slot until a listing that began after its last possible moment shows nothing, and what it
// makes is deleted on sight.
//
// Rule: an instance that was made just before may be missing from a listing, and no answer to a create need have named it: a
// killed process made it.
// Consequence: what is said not to be there is gone when a listing does not show it that another has shown, or that
// began when every listing would show it.
// Consequence: the ledger goes on looking for a while after the last thing that it knows of is gone; and what it has deleted
// is not found again in a listing that shows how it was before.
// Consequence: a result whose instance no listing has shown outlives its answer until every listing would show it. The
// instance is deleted on sight then, and by the next process, too: without the result that would keep it for the grace
// time, and processes that live shorter than that would leave more and more of them until none has a slot.
// Consequence: a sweep, which cannot wait that long, deletes such a result after one more listing, and the instance with it
// where that shows it. Without any, the next process would find the instance ended without its result.
//
// Rule: the cloud is the daemon's only memory. Until the scheduler has surely read an answer, the next process must be
// able to give it again.
// Consequence: the evidence of an answered task (its result, or else its ended instance) outlives the answer until a
// later heartbeat was echoed. An ended instance holds a slot, so it is kept until the scheduler has answered for half a
// minute, or was away for the grace time.

/// The state of everything of ours in the cloud; pure: events in, orders out, time as an argument.
///
/// Times are durations since any origin that stays the same. The calls that return orders are the events; whoever makes
/// one carries out its orders before the next.
package struct CloudLedger {
    /// The periods that decisions depend on.
    package struct Periods: Sendable {
        /// How long an orphan is kept for the scheduler to ask for, while the scheduler answers.
        package var grace: Duration
        /// How long an abandoned create may still make an instance.
        package var abandonedCreate: Duration = .seconds(120)
        /// How long the result of an answered task is kept for the confirmation; then it is an orphan.
        package var resultEvidence: Duration = .seconds(15)
        /// How long the instance of a failed task is kept for the confirmation, while the scheduler answers.
        package var instanceEvidence: Duration = .seconds(30)
        /// How long an accepted deletion may take before it is ordered again.
        package var deletion: Duration = .seconds(300)
        /// The time from one listing to the next is so much at least for each request that it takes after the first.
        package var listingRequest: Duration = .milliseconds(200)
        /// How late listings of instances may show what is new; so long they must miss what each of them may miss.
        package var listingLag: Duration = .seconds(30)

        /// The usual periods, with the operator's grace time.
        package init(grace: Duration) { self.grace = grace }
    }

    /// What is listed.
    package enum Listing: Hashable, Sendable, CaseIterable {
        /// All instances of the compartment that bear our tag.
        case instances
        /// All objects of ours, or only the results (`wantsAllObjects`).
        case objects
    }

    let slotLimit: Int
    let periods: Periods
    var records: [TaskKey: CloudRecord] = [:]
    /// The instances that are there, as far as is known, whoever wants them and however far their deletion is.
    package internal(set) var taskOfInstance: [String: TaskKey] = [:]
    /// Objects whose deletion is ordered and not done.
    var objectDeletions: Set<TaskObject> = []
    /// Objects that the service will not delete; they are asked for again, and nobody waits for them.
    var refusedObjects: Set<TaskObject> = []
    /// Instances whose deletion was accepted, by the beginning of the listing that did not show them any more: one that had not
    /// shown them yet was too early, and a later one shows them as they were.
    var deletedLately: [String: Duration] = [:]
    /// Tasks of which the cloud holds something, as far as is known: a listing need not look at those that only wait.
    private(set) var heldTasks: Set<TaskKey> = []
    /// Tasks that were answered and wait for the confirmation: those with a result, and those without.
    var answeredTasks = [DueTasks(), DueTasks()]
    /// Released tasks whose run waits to hear that nothing of them counts any more.
    var releasedTasks: Set<TaskKey> = []
    /// When the newest complete listing of each kind began.
    var newestListing: [Listing: Duration] = [:]
    var lastBegan: [Listing: Duration] = [:]
    /// How many requests the newest listing of each kind took.
    private var requestCounts: [Listing: Int] = [:]
    /// When something last began or ended.
    var lastChange: Duration = .zero
    /// Since when listings can tell something.
    private var worthLookingSince: Duration = .zero
    private var resultPace = ResultPace()
    /// Since when each result is awaited of those that `resultPace` has.
    private var resultAwaitedSince: [TaskKey: Duration] = [:]
    /// When the last listing of instances began that was worth its while for what was known; the first one is.
    var lastWorthLooking: Duration?
    /// Since when the scheduler answers; nil while it does not.
    var answeringSince: Duration?
    /// Whether the process ends and nothing is to be left: every orphan is unwanted.
    var isSweeping = false
    /// Whether the process ends: nobody waits for confirmations.
    var isLeaving = false
    /// Whether the last listings before the end are in: what is still to be deleted is deleted without another.
    var isLastLookOver = false
    var orders: [CloudOrder] = []
    private var totals = CloudTotals()
    /// Slots that were granted to tasks which have not claimed what there is of them yet.
    private var grantedCount = 0
    private var recordNumber = 0

    /// How many deletions of instances were accepted.
    package internal(set) var deletedCount = 0
    /// What instances of ours took, those that nobody wanted among them.
    package internal(set) var usage = UsageMeter()
    /// How many listings in a row showed an instance that had been said not to be there, while nothing else moved.
    package internal(set) var refutationCount = 0

    /// A ledger that knows of nothing, for at most `slotLimit` instances at once.
    package init(slotLimit: Int, periods: Periods) {
        precondition(slotLimit > 0, "without a slot no task would ever run")
        self.slotLimit = slotLimit
        self.periods = periods
    }

    // MARK: - What it knows

    /// Whether the first complete listings are in: before that nobody knows what there is to adopt.
    package var isStocked: Bool { newestListing.count == Listing.allCases.count }

    /// How many tasks may be given a slot now.
    package var freeSlotCount: Int { isStocked ? max(0, slotLimit - occupiedSlotCount) : 0 }

    /// How many slots are held: by runs, by instances without one, by abandoned creates, and by grants under way.
    package var occupiedSlotCount: Int { totals.slots + grantedCount }

    /// The grace time in whole seconds, for the log.
    package var graceSeconds: Int64 { periods.grace.components.seconds }

    /// Tasks of which there is something that nobody here has asked for.
    package var orphanCount: Int { totals.orphans }

    /// Instances of those tasks, and of those that wait for a slot.
    package var orphanInstanceCount: Int {
        records.values.reduce(0) { $0 + ($1.isClaimable ? $1.instances.count : 0) }
    }

    /// Whether nothing of ours is known of and nobody works on anything.
    package var isEmpty: Bool { records.isEmpty && objectDeletions.isEmpty }

    /// Whether every deletion that was ordered was accepted, and every object deleted.
    package var hasNoPendingDeletion: Bool { objectDeletions.isEmpty && totals.pendingDeletions == 0 }

    /// Whether an instance was said not to be there and no listing has confirmed it.
    package var hasDoubtfulDeletion: Bool { totals.doubtfulDeletions > 0 }

    /// Whether there may be an instance that only a listing can tell of: one that was said not to be there, one that a create
    /// without an answer may still make, or one that has stored a result and was not listed yet.
    package var isInDoubt: Bool {
        hasDoubtfulDeletion
            || records.values.contains { !$0.abandonedCreates.isEmpty || awaitsInstance($0) }
    }

    /// Whether a sweep waits for the listing that may show the instance that has stored a result.
    private func awaitsInstance(_ record: CloudRecord) -> Bool {
        isSweeping && record.claim == .unwanted && record.unlistedUntil != nil
    }

    /// What a stop leaves in the cloud.
    package struct Remains: Sendable {
        /// Instances whose deletion was not accepted, and those that may not be gone although the service says so; with their
        /// tasks, in the order in which they became known.
        package var instances: [(id: String, task: TaskKey)] = []
        /// Creates that were given up without an answer, and may still make an instance.
        package var createCount = 0
        /// Objects whose deletion is ordered and not done.
        package var objectCount = 0
        /// Whether nothing is known to stay.
        package var isEmpty: Bool { instances.isEmpty && createCount == 0 && objectCount == 0 }
    }

    /// What is there although nobody wants it, or would want it when the process ends.
    package var remains: Remains {
        var remains = Remains()
        remains.objectCount = objectDeletions.count
        for task in tasksInOrder() {
            guard let record = records[task] else { continue }
            remains.createCount += record.abandonedCreates.count
            for instance in record.instances where instance.remains {
                remains.instances.append((instance.id, task))
            }
        }
        return remains
    }

    /// The objects that are there, as far as is known, whether or not their deletion is ordered.
    package var knownObjects: Set<TaskObject> {
        records.reduce(into: objectDeletions.union(refusedObjects)) { objects, entry in
            if entry.value.hasResult { objects.insert(.result(entry.key)) }
            if entry.value.hasMark { objects.insert(.mark(entry.key)) }
            for name in entry.value.inputs { objects.insert(.input(entry.key, name: name)) }
        }
    }

    /// Whether a mark says that a task's result stays.
    package func isMarked(_ task: TaskKey) -> Bool { records[task]?.hasMark ?? false }

    /// The generation that the next instance of a task must have.
    package func nextGeneration(of task: TaskKey) -> Int { records[task]?.nextGeneration ?? 0 }

    /// An instance of a task in hand that a listing showed although no create of this run was answered with it.
    package func candidate(of task: TaskKey) -> ListedInstance? { records[task]?.best?.seen }

    // MARK: - When to look

    /// What is looked for beside results that are awaited (`ResultPace`), such as those of an earlier process.
    private static let objectsPace = PollingPace(fastest: .milliseconds(250), slowest: .seconds(5))
    /// Where it is in doubt what there is.
    private static let instancesPace = PollingPace(fastest: .seconds(2), slowest: .seconds(30))
    /// Where instances run, or are deleted, as they should; with the pace of results, less than one request in 30 seconds for
    /// a task of an hour.
    private static let settledPace = PollingPace(
        fastest: .seconds(6),
        slowest: .seconds(180),
        ageDivisor: 3
    )
    /// A deletion of an object that takes this long is a reason to look.
    private static let objectDeletionTime: Duration = .seconds(5)
    /// How often to look although there is no reason to.
    private static let idlePeriod: Duration = .seconds(3600)

    /// When the next listing should begin, as things are at `now`.
    package func nextListing(_ listing: Listing, at now: Duration) -> Duration {
        guard let last = lastBegan[listing] else { return now }
        let pause = periods.listingRequest * (requestCounts[listing, default: 1] - 1)
        return max(last + pause, nextWorthwhile(listing, after: last, at: now))
    }

    private func nextWorthwhile(_ listing: Listing, after last: Duration, at now: Duration) -> Duration {
        let isWorthLooking =
            totals.worthLooking > 0 || !objectDeletions.isEmpty || mayShowMore(listing, at: now)
        guard isWorthLooking else { return last + Self.idlePeriod }
        let begin = max(last, worthLookingSince)
        guard listing == .objects else { return begin + instancesPeriod(age: now - lastChange) }
        let usual = begin + Self.objectsPace.interval(freshestAge: now - lastChange)
        let result = resultPace.next(after: last, comingCount: totals.launching)
        if totals.withOtherObjects > 0 { return min(usual, result ?? usual) }
        if let result { return result }
        if objectDeletions.isEmpty { return last + Self.idlePeriod }
        return max(usual, lastChange + Self.objectDeletionTime)
    }

    private func instancesPeriod(age: Duration) -> Duration {
        let usual = Self.instancesPace.interval(freshestAge: age)
        if totals.withOtherObjects > 0 || totals.doubtfulDeletions > 0 || totals.worthLooking == 0 {
            return usual
        }
        let settled = Self.settledPace.interval(freshestAge: age)
        // Beside runs that go on as they should there are instances that are being deleted.
        let isMoreKnown = totals.worthLooking > totals.launching + resultPace.count
        return isMoreKnown ? min(settled, Self.instancesPace.slowest) : settled
    }

    /// Whether a listing may show what earlier ones were too early for: an instance that a killed process made just before.
    private func mayShowMore(_ listing: Listing, at now: Duration) -> Bool {
        guard listing == .instances, let lastWorthLooking else { return false }
        return now < lastWorthLooking + periods.listingLag
    }

    /// Whether the next listing of objects must show payloads, too: only orphans' are of interest.
    package var wantsAllObjects: Bool { totals.withUnknownObjects > 0 || newestListing[.objects] == nil }

    /// When `timePassed` should be called next; nil if nothing waits for a time.
    package var nextMoment: Duration? { answeredTasks.compactMap(\.first?.moment).min() }

    /// Notes a complete listing; false for one that began before another that is known already, which tells nothing new.
    mutating func isNews(_ listing: Listing, begun: Duration) -> Bool {
        if let newest = newestListing[listing], begun < newest { return false }
        let isFirst = newestListing[listing] == nil
        if listing == .instances, isFirst || totals.worthLooking > totals.evidence {
            lastWorthLooking = begun
        }
        newestListing[listing] = begun
        return true
    }

    /// Whether a complete listing that is known began at `moment` or later.
    func isListed(_ listing: Listing, since moment: Duration) -> Bool {
        newestListing[listing].map { $0 >= moment } ?? false
    }

    /// A listing begins at `now`.
    package mutating func listingBegan(_ listing: Listing, at now: Duration) { lastBegan[listing] = now }

    /// A listing is over, and took so many requests: the next is made the later.
    package mutating func listingTook(_ listing: Listing, requestCount: Int) {
        requestCounts[listing] = requestCount
    }

    // MARK: - Records

    /// Changes a task's record, made if there is none, keeps the totals, and forgets a record that is empty.
    mutating func update(
        _ task: TaskKey,
        at now: Duration,
        _ change: (inout CloudLedger, inout CloudRecord) -> Void
    ) {
        let known = records[task]
        if let known { totals -= known.totals }
        var record = known ?? makeRecord(at: now)
        let wasIdle = totals.worthLooking == 0 && known?.totals.worthLooking ?? 0 == 0
        change(&self, &record)
        if releasedTasks.contains(task), record.inHand == nil, !record.instances.contains(where: isAwaited) {
            releasedTasks.remove(task)
            orders.append(.tell(task, .released))
        }
        if (known?.isEmpty ?? true) != record.isEmpty {
            if record.isEmpty { heldTasks.remove(task) } else { heldTasks.insert(task) }
        }
        if isForgettable(record) {
            records[task] = nil
        } else {
            records[task] = record
            totals += record.totals
        }
        if wasIdle, totals.worthLooking > 0 { worthLookingSince = now }
        pace(task, isAwaited: record.isResultAwaited, hasResult: record.hasResult, at: now)
    }

    /// Tells the pace of results when one is awaited, and when it is not any more.
    private mutating func pace(_ task: TaskKey, isAwaited: Bool, hasResult: Bool, at now: Duration) {
        if isAwaited {
            guard resultAwaitedSince[task] == nil else { return }
            resultAwaitedSince[task] = now
            resultPace.began(at: now)
        } else if let start = resultAwaitedSince.removeValue(forKey: task) {
            resultPace.ended(began: start, listed: hasResult ? lastBegan[.objects] ?? now : nil)
        }
    }

    /// Whether a run that has released its task waits for this instance; nobody takes a slot from a process that ends.
    private func isAwaited(_ instance: CloudRecord.Instance) -> Bool {
        instance.isCounted && !(isLeaving && instance.isDoubtful)
    }

    private mutating func makeRecord(at now: Duration) -> CloudRecord {
        recordNumber += 1
        return CloudRecord(since: now, claim: isSweeping ? .unwanted : .orphaned, number: recordNumber)
    }

    private func isForgettable(_ record: CloudRecord) -> Bool {
        switch record.claim {
        case .queued, .inHand: false
        case .orphaned, .answered, .kept, .unwanted: record.isEmpty
        }
    }

    /// The tasks of which the cloud holds something and whose record is `wanted`, in the order in which they became known, so
    /// that the same events yield the same orders.
    func tasksInOrder(where wanted: (CloudRecord) -> Bool = { _ in true }) -> [TaskKey] {
        var found: [(number: Int, task: TaskKey)] = []
        for task in heldTasks {
            if let record = records[task], wanted(record) { found.append((record.number, task)) }
        }
        return found.sorted { $0.number < $1.number }.map(\.task)
    }

    /// The orders of an event that is over.
    mutating func takeOrders() -> [CloudOrder] {
        for index in answeredTasks.indices {
            while let (task, moment) = answeredTasks[index].first,
                records[task]?.claim != .answered(until: moment)
            {
                answeredTasks[index].removeFirst()
            }
        }
        defer { orders = [] }
        return orders
    }

    mutating func add(_ instance: ListedInstance, to record: inout CloudRecord, at now: Duration) {
        record.instances.append(CloudRecord.Instance(id: instance.id, knownSince: now, seen: instance))
        record.nextGeneration = max(record.nextGeneration, instance.generation + 1)
        record.unlistedUntil = nil
        taskOfInstance[instance.id] = instance.task
        usage.began(instance, at: now)
    }

    mutating func delete(_ index: Int, of record: inout CloudRecord, because reason: DeletionReason) {
        record.instances[index].deletion = .ordered
        orders.append(.deleteInstance(record.instances[index].id, because: reason))
    }

    /// Orders the deletion of every instance that has none yet, but for one that is to stay.
    mutating func deleteInstances(
        of record: inout CloudRecord,
        except kept: String? = nil,
        because reason: DeletionReason
    ) {
        for (index, instance) in record.instances.enumerated()
        where instance.deletion == .none && instance.id != kept {
            delete(index, of: &record, because: reason)
        }
    }

    mutating func delete(_ objects: [TaskObject]) {
        let new = objects.filter { objectDeletions.insert($0).inserted }
        if !new.isEmpty { orders.append(.deleteObjects(new)) }
    }

    mutating func deleteInputs(of task: TaskKey, _ record: inout CloudRecord) {
        delete(record.inputs.sorted().map { .input(task, name: $0) })
        record.inputs = []
    }

    mutating func deleteMark(of task: TaskKey, _ record: inout CloudRecord) {
        if record.hasMark { delete([.mark(task)]) }
        record.hasMark = false
    }

    mutating func deleteResult(of task: TaskKey, _ record: inout CloudRecord) {
        record.hasResult = false
        if record.instances.isEmpty { record.mayHaveUnwantedResult = false }
        delete([.result(task)])
    }

    /// Gives up everything of a task: its instances, its payloads at once, its result when no instance can store it anew.
    mutating func makeUnwanted(_ task: TaskKey, _ record: inout CloudRecord, because reason: DeletionReason) {
        record.claim = .unwanted
        switch reason {
        case .confirmed where !isLeaving, .answered where !isLeaving: break
        case .stopping where isSweeping: waitShorter(forInstanceOf: &record)
        // Nobody is asked for the task again.
        default: record.unlistedUntil = nil
        }
        deleteMark(of: task, &record)
        deleteInstances(of: &record, because: reason)
        deleteInputs(of: task, &record)
        if !record.instances.isEmpty {
            record.mayHaveUnwantedResult = true
        } else if record.hasResult || record.mayHaveUnwantedResult, !record.mayHaveContainer {
            deleteResult(of: task, &record)
        } else if record.hasResult {
            record.mayHaveUnwantedResult = true
        }
    }

    // MARK: - Slots

    /// Has a queued task admitted whose instance holds a slot already; before both first listings nobody knows all that there
    /// is to adopt.
    mutating func admitWithOwnSlot(_ task: TaskKey, _ record: CloudRecord) {
        if isStocked, record.claim == .queued, record.best != nil { orders.append(.admit(task)) }
    }

    /// A queued task is given a slot, which is its own from now on.
    package mutating func slotGranted() { grantedCount += 1 }

    /// A slot that was granted comes back unused.
    package mutating func slotReturned() {
        precondition(grantedCount > 0, "more slots given back than were granted")
        grantedCount -= 1
    }
}
