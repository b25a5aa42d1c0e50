// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import TestSupport

/// A small cloud, a scheduler that sends, cancels and confirms, and the runs and drivers between them and a ledger.
///
/// Every step is drawn from the seed. `violation` is the first rule that was broken, `events` what happened if it is traced.
final class CloudModel {
    /// One instance in the cloud.
    struct Instance {
        let id: String
        let task: Int
        let generation: Int
        let createdAt: Int
        var phase: InstancePhase
        /// Whether no ledger could have counted it: a killed process ordered it.
        var isExempt = false
        var hasStored = false
    }

    /// A create that is under way.
    struct Create {
        let task: Int
        let generation: Int
        /// Until when it may make an instance after it was abandoned; nil while its run waits for the answer.
        var latest: Int?
        var isExempt = false
        var madeID: String?
    }

    enum Stage {
        case idle, queued, granted, starting, creating, waiting, running, knowing, released
    }

    struct Run {
        var stage = Stage.idle
        var instanceID: String?
        var hasResult = false
        var isReplied = false

        /// Whether it has claimed the task and not released it.
        var isInHand: Bool {
            switch stage {
            case .starting, .creating, .waiting, .running, .knowing: true
            case .idle, .queued, .granted, .released: false
            }
        }
    }

    static let tasks = [TaskKey("0a"), TaskKey("1b"), TaskKey("2c")]
    static let grace = 60

    var random: SeededRandom
    let slotLimit: Int
    var ledger: CloudLedger
    var now = 0
    var instances: [Instance] = []
    var creates: [Create] = []
    var results: Set<Int> = []
    var inputs: Set<Int> = []
    var runs = [Run](repeating: Run(), count: tasks.count)
    /// Tasks whose answer was sent and is not confirmed.
    var unconfirmed: Set<Int> = []
    /// Tasks whose result nobody may need any more.
    var mayDeleteResult: Set<Int> = []
    var pendingDeletions: [String] = []
    var pendingObjects: [TaskObject] = []
    var instanceListing: (begun: Int, view: [Instance])?
    var objectListing: (begun: Int, results: Set<Int>, inputs: Set<Int>, isComplete: Bool)?
    private var instanceCount = 0

    let isTracing: Bool
    var events: [String] = []
    var orders: [CloudOrder] = []
    var violation: String?

    init(seed: UInt64, isTracing: Bool = false) {
        random = SeededRandom(seed: seed)
        self.isTracing = isTracing
        slotLimit = random.next() & 1 == 0 ? 1 : 2
        ledger = Self.newLedger(slotLimit)
        for _ in 0..<slotLimit where chance(3) { make(task: anyTask(), generation: 0) }
        for task in Self.tasks.indices where chance(4) { results.insert(task) }
        for task in Self.tasks.indices where chance(4) { inputs.insert(task) }
    }

    static func newLedger(_ slotLimit: Int) -> CloudLedger {
        CloudLedger(slotLimit: slotLimit, periods: CloudLedger.Periods(grace: .seconds(grace)))
    }

    // MARK: - Chance

    func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: (random.next() >> 33) % UInt64(bound))
    }

    /// True in one case of `count`.
    func chance(_ count: Int) -> Bool { below(count) == 0 }

    func anyTask() -> Int { below(Self.tasks.count) }

    func note(_ event: @autoclosure () -> String) {
        if isTracing { events.append("\(now): \(event())") }
    }

    func violate(_ rule: @autoclosure () -> String) {
        if violation == nil { violation = "at \(now): \(rule())" }
    }

    var moment: Duration { .seconds(now) }

    // MARK: - The cloud

    @discardableResult
    func make(task: Int, generation: Int, isExempt: Bool = false) -> Int {
        instanceCount += 1
        instances.append(
            Instance(
                id: "i\(instanceCount)",
                task: task,
                generation: generation,
                createdAt: now,
                phase: .running,
                isExempt: isExempt
            )
        )
        note("the cloud makes i\(instanceCount) of \(task)")
        return instances.count - 1
    }

    func index(of id: String) -> Int? { instances.firstIndex { $0.id == id } }

    func listed(_ instance: Instance, _ phase: InstancePhase) -> ListedInstance {
        ListedInstance(
            id: instance.id,
            task: Self.tasks[instance.task],
            phase: phase,
            state: "",
            createdAt: .seconds(instance.createdAt),
            generation: instance.generation
        )
    }

    /// Lets one create make its instance, if it has not.
    func materialize(_ index: Int) {
        let create = creates[index]
        guard create.madeID == nil else { return }
        let made = make(task: create.task, generation: create.generation, isExempt: create.isExempt)
        creates[index].madeID = instances[made].id
        if create.latest != nil { creates.remove(at: index) }
    }

    /// Something happens to an instance by itself.
    func live(_ index: Int) {
        let instance = instances[index]
        switch below(4) {
        case 0, 1:
            guard !instance.hasStored, instance.phase != .stopped else { return }
            instances[index].hasStored = true
            results.insert(instance.task)
            note("\(instance.id) stores its result")
        case 2:
            if instance.phase == .deleting {
                instances.remove(at: index)
                note("\(instance.id) is gone")
            } else {
                instances[index].phase = .stopped
                note("\(instance.id) stops")
            }
        default:
            guard chance(4), instance.phase != .deleting else { return }
            instances[index].phase = .deleting
            note("somebody deletes \(instance.id)")
        }
    }

    // MARK: - The drivers

    func perform(_ orders: [CloudOrder]) {
        if isTracing, !orders.isEmpty { note("  -> \(orders)") }
        self.orders += orders
        for order in orders {
            switch order {
            case .deleteInstance(let id, _): orderDeletion(of: id)
            case .deleteObjects(let objects): orderDeletion(of: objects)
            case .tell(let task, let news): hear(news, of: number(of: task))
            case .admit(let task):
                let task = number(of: task)
                if runs[task].stage == .queued { grant(task) }
            case .report(.orphanExpired(let task)):
                if runs[number(of: task)].isInHand { violate("\(task) expired in hand") }
                mayDeleteResult.insert(number(of: task))
            case .roomFreed, .report: break
            }
        }
        for task in runs.indices where runs[task].stage == .queued && ledger.freeSlotCount > 0 { grant(task) }
        checkLimit()
    }

    func number(of task: TaskKey) -> Int { Self.tasks.firstIndex(of: task) ?? 0 }

    private func grant(_ task: Int) {
        ledger.slotGranted()
        runs[task].stage = .granted
        note("\(task) is granted a slot")
    }

    private func orderDeletion(of id: String) {
        if pendingDeletions.contains(id) { violate("\(id) is ordered deleted twice") }
        if runs.contains(where: { $0.isInHand && $0.instanceID == id }) { violate("\(id) is a run's own") }
        pendingDeletions.append(id)
    }

    private func orderDeletion(of objects: [TaskObject]) {
        for object in objects {
            if pendingObjects.contains(object) { violate("\(object) is ordered deleted twice") }
            pendingObjects.append(object)
            let task = number(of: object.task)
            if runs[task].isInHand { violate("\(object) is ordered deleted in hand") }
            if case .result = object, !mayDeleteResult.contains(task) { violate("\(object) is still needed") }
        }
    }

    private func hear(_ news: TaskNews, of task: Int) {
        switch news {
        case .released:
            if runs[task].stage != .released { violate("\(task) is told of a release that was not") }
            runs[task] = Run()
            return
        case .resultListed: runs[task].hasResult = true
        case .deletionAccepted(let id):
            if runs[task].stage == .waiting, runs[task].instanceID == nil, givenUp[task] == id {
                runs[task].stage = .starting
            }
        case .instanceListed(let instance, _):
            if instance.id != runs[task].instanceID { violate("\(task) is told of \(instance.id)") }
        case .resultsListed, .instanceMissed: break
        }
        if !runs[task].isInHand { violate("\(task) is told \(news) without a run") }
    }

    /// What each run gave up last.
    var givenUp: [Int: String] = [:]

    private func checkLimit() {
        let count = instances.count { $0.phase != .deleting && !$0.isExempt }
        if count > slotLimit { violate("\(count) instances for \(slotLimit) slots") }
    }

    /// One attempt at the deletion of an instance.
    func tryDeletion(_ position: Int, isFriendly: Bool = false) {
        let id = pendingDeletions[position]
        let answer = isFriendly ? 0 : below(8)
        guard let index = index(of: id) else {
            pendingDeletions.remove(at: position)
            note("the deletion of \(id) finds nothing")
            return perform(ledger.deletionNotThere(id, at: moment))
        }
        switch answer {
        case 0, 1, 2, 3:
            instances[index].phase = .deleting
            pendingDeletions.remove(at: position)
            note("the deletion of \(id) is accepted")
            perform(ledger.deletionAccepted(id, at: moment))
        case 4:
            instances[index].phase = .deleting
            note("the answer to the deletion of \(id) is lost")
        case 5:
            pendingDeletions.remove(at: position)
            note("the service denies that there is \(id)")
            perform(ledger.deletionNotThere(id, at: moment))
        default: note("the deletion of \(id) is refused")
        }
    }

    func deleteObjects() {
        guard !pendingObjects.isEmpty else { return }
        let object = pendingObjects.remove(at: below(pendingObjects.count))
        let task = number(of: object.task)
        if case .result = object { results.remove(task) } else { inputs.remove(task) }
        note("\(object) is deleted")
        ledger.objectsDeleted([object])
    }

    // MARK: - Listings

    func listInstances() {
        guard let (begun, view) = instanceListing else {
            instanceListing = (now, instances)
            note("a listing of instances begins")
            return ledger.listingBegan(.instances, at: moment)
        }
        instanceListing = nil
        var shown: [ListedInstance] = []
        for old in view {
            if let index = index(of: old.id) {
                shown.append(listed(old, chance(2) ? old.phase : instances[index].phase))
            } else if chance(2) {
                shown.append(listed(old, chance(2) ? old.phase : .deleted))
            }
        }
        for new in instances where !view.contains(where: { $0.id == new.id }) {
            if chance(2) { shown.append(listed(new, new.phase)) }
        }
        note("the listing of instances since \(begun) shows \(shown.map { "\($0.id) \($0.phase)" })")
        perform(ledger.instancesListed(shown, begun: .seconds(begun), at: moment))
    }

    func listObjects() {
        guard let listing = objectListing else {
            objectListing = (now, results, inputs, ledger.wantsAllObjects)
            note("a listing of objects begins")
            return ledger.listingBegan(.objects, at: moment)
        }
        objectListing = nil
        let stored = Self.tasks.indices.filter { isShown($0, listing.results, results) }
        let payloads = Self.tasks.indices.filter { isShown($0, listing.inputs, inputs) }
        note("the listing of objects since \(listing.begun) shows \(stored), inputs \(payloads)")
        perform(
            ledger.objectsListed(
                results: stored.map { Self.tasks[$0] },
                inputs: listing.isComplete
                    ? Dictionary(uniqueKeysWithValues: payloads.map { (Self.tasks[$0], ["in"]) }) : nil,
                begun: .seconds(listing.begun),
                at: moment
            )
        )
    }

    /// What is there at the beginning and at the end is shown, the rest perhaps.
    private func isShown(_ task: Int, _ before: Set<Int>, _ after: Set<Int>) -> Bool {
        let (was, isNow) = (before.contains(task), after.contains(task))
        return was == isNow ? was : chance(2)
    }
}
