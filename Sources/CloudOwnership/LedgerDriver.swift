// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Logging
package import OCIServices
internal import Reporting
package import TaskEngine
internal import Transport

/// Drives a ledger: tells it what listings, deletions, runs and time bring, and carries out what it orders.
///
/// It knows no rules. Runs of tasks call it when something happens to their task, and receive their news in a mailbox.
@LoopActor
package final class LedgerDriver {
    private static let markTimeout: Duration = .seconds(600)
    private static let markPause: Duration = .seconds(5)
    /// The pauses before the looks of a stop for what may be there: listings show up to ten seconds late what is new.
    private static let doubtPauses: [Duration] = [.zero, .seconds(2), .seconds(4), .seconds(8)]

    /// Whose resources these are.
    package let owner: Owner
    /// The clock of every time in an order or a piece of news.
    package let clock: LedgerClock
    /// One element for each instance of ours that is gone for certain.
    package let freedRoom = Mailbox<Void>()
    private(set) var ledger: CloudLedger
    private let listingLag: Duration
    private var lister: Lister
    private let instanceDeleter: InstanceDeleter
    private let objectDeleter: ObjectDeleter
    private let log: Logger
    private let reports: LedgerReports
    private var form = ListingForm()
    private let strays: StrayObjectWatch
    private let slots = TicketQueue<Void>()
    private var tickets: [TaskKey: TicketQueue<Void>.Ticket] = [:]
    private var news: [TaskKey: Mailbox<TaskNews>] = [:]
    private let alarms: KeyValuePairs<CloudLedger.Listing, Alarm> = [
        .instances: Alarm(), .objects: Alarm(),
    ]
    private let momentAlarm = Alarm()
    private let deletionsChanged = Broadcast()
    /// Whether there is a bucket that could hold objects.
    var isBucketFound = true
    /// Where it is remembered what instances used, if anywhere; no order depends on it.
    package var usageLog: UsageLog? { didSet { lister.usageLog = usageLog } }

    /// A driver for the instances of one compartment and the objects of one bucket.
    package init(
        owner: Owner,
        instances: ContainerInstances,
        objects: ObjectStorage,
        slotLimit: Int,
        periods: CloudLedger.Periods,
        clock: LedgerClock,
        log: Logger
    ) {
        self.owner = owner
        self.clock = clock
        self.log = log
        ledger = CloudLedger(slotLimit: slotLimit, periods: periods)
        listingLag = periods.listingLag
        lister = Lister(owner: owner, instances: instances, objects: objects, clock: clock)
        instanceDeleter = InstanceDeleter(instances: instances, log: log)
        objectDeleter = ObjectDeleter(objects: objects, log: log)
        reports = LedgerReports(log)
        strays = StrayObjectWatch(owner: owner, deleter: objectDeleter, log: log)
    }

    // MARK: - Life

    /// Makes both listings once; throws if the cloud refuses.
    package func takeStock() async throws(OCIError) {
        try await list(.instances, until: .never)
        try await list(.objects, until: .never)
        guard ledger.orphanCount > 0 else { return }
        log.notice(
            "an earlier process left something; what the scheduler does not ask for in time is deleted",
            metadata: [
                "tasks": "\(ledger.orphanCount)", "instances": "\(ledger.orphanInstanceCount)",
                "seconds": "\(ledger.graceSeconds)",
            ]
        )
    }

    /// Lists, deletes and watches the time until cancelled.
    package func run() async {
        let listings = alarms.map { listing, alarm in spawn { await self.listRepeatedly(listing, alarm) } }
        let work = listings + [spawn { await self.delete() }, spawn { await self.watchTime() }]
        try? await sleep(until: .never)
        for piece in work { piece.cancel() }
    }

    /// Prepares for the end of the process: nobody waits for confirmations any more, and with `isSweeping` nothing is to be
    /// left behind, whoever made it; so many instances are deleted at once.
    package func beginLeaving(
        isSweeping: Bool,
        parallelDeletionCountMax: Int = LeavingPace.usualParallelCount
    ) {
        instanceDeleter.parallelCountMin = parallelDeletionCountMax
        perform(ledger.leaving(isSweeping: isSweeping, at: clock.now))
    }

    /// Deletes what a last look shows; false if the service cannot be asked.
    package func sweep(until deadline: Deadline) async -> Bool {
        do throws(OCIError) {
            try await list(.instances, until: deadline)
            try await list(.objects, until: deadline, includingInputs: true)
            perform(ledger.cannotWait(at: clock.now))
            return true
        } catch {
            log.error("cannot look for what is left", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Waits until every deletion was accepted; false if `deadline` passes first, if what is said not to be there may
    /// be, or if a create without an answer may have made what no listing shows.
    package func finishDeletions(until deadline: Deadline) async -> Bool {
        for pause in Self.doubtPauses {
            guard await arePendingDeletionsAccepted(until: deadline) else { return false }
            if !ledger.isInDoubt { return true }
            // "Not there" is also what a missing permission is answered with; what a listing shows is deleted again.
            try? await sleep(until: min(.after(pause), deadline))
            if deadline.isPast { return false }
            do throws(OCIError) { try await list(.instances, until: deadline) } catch { return false }
        }
        return await arePendingDeletionsAccepted(until: deadline) && !ledger.isInDoubt
    }

    private func arePendingDeletionsAccepted(until deadline: Deadline) async -> Bool {
        while !ledger.hasNoPendingDeletion {
            guard (try? await deletionsChanged.wait(until: deadline)) != nil else { break }
        }
        return ledger.hasNoPendingDeletion
    }

    // MARK: - What the scheduler does

    /// The scheduler answers, or does not, from now on.
    package func schedulerAnswers(_ isAnswering: Bool) { ledger.schedulerAnswers(isAnswering, at: clock.now) }

    /// Nobody wants what is left of a queued task.
    package func discard(_ task: TaskKey) { perform(ledger.discarded(task, at: clock.now)) }

    // MARK: - What runs do

    /// Suspends until the task may have a slot, the higher priority first; then `claim` or `returnSlot` must follow.
    package func obtainSlot(for task: TaskKey, priority: Int32) async throws(WaitError) {
        let ticket = slots.enter(priority: priority)
        tickets[task] = ticket
        perform(ledger.queued(task, at: clock.now))
        defer { tickets[task] = nil }
        do throws(WaitError) {
            try await slots.wait(for: ticket)
        } catch {
            perform(ledger.unqueued(task, at: clock.now))
            throw error
        }
    }

    /// Gives back a slot that the task has no use for.
    package func returnSlot(of task: TaskKey) {
        ledger.slotReturned()
        perform(ledger.unqueued(task, at: clock.now))
    }

    /// Takes a task in hand with its slot: what is left of an earlier life of it, if anything, and where its news come.
    package func claim(_ task: TaskKey) -> (adoption: CloudLedger.Adoption?, news: Mailbox<TaskNews>) {
        let mailbox = Mailbox<TaskNews>()
        news[task] = mailbox
        let (adoption, orders) = ledger.claimed(task, at: clock.now)
        perform(orders)
        return (adoption, mailbox)
    }

    /// Gives back the slot of a task in hand that has nothing in the cloud; `obtainSlot` or `discontinue` must follow.
    package func setAside(_ task: TaskKey) {
        news[task] = nil
        perform(ledger.setAside(task, at: clock.now))
    }

    /// A task that was set aside is not waited for any more.
    package func discontinue(_ task: TaskKey) { perform(ledger.unqueued(task, at: clock.now)) }

    /// Sees to it that nothing deletes the payload that is about to be stored under this name, if any, and then the result.
    package func prepareToStore(input: String?, of task: TaskKey) async {
        ledger.willStore(input: input, of: task, at: clock.now)
        await objectDeleter.withhold([owner.name(of: .result(task))] + (input.map { [$0] } ?? []))
    }

    /// The generation that the task's next instance must have.
    package func nextGeneration(of task: TaskKey) -> Int { ledger.nextGeneration(of: task) }

    /// An instance that a listing showed while the run had none, which an earlier create must have made.
    package func candidate(of task: TaskKey) -> ListedInstance? { ledger.candidate(of: task) }

    /// A create was answered with this instance; false if it is another task's.
    package func createAnswered(_ instance: ListedInstance) -> Bool {
        guard let orders = ledger.createAnswered(instance, at: clock.now) else { return false }
        perform(orders)
        return true
    }

    /// A create was answered with an instance of this generation that is gone already.
    package func generationSpent(_ generation: Int, of task: TaskKey) {
        ledger.generationSpent(generation, of: task, at: clock.now)
    }

    /// A create was given up without an answer.
    package func createAbandoned(_ task: TaskKey) { perform(ledger.createAbandoned(task, at: clock.now)) }

    /// An instance of the task that a listing shows: one made now, or later, that surely shows what was made until `moment`.
    package func findInstance(
        of task: TaskKey,
        madeUntil moment: Deadline? = nil
    ) async throws(OCIError) -> ListedInstance? {
        if let moment {
            do throws(WaitError) { try await sleep(until: moment + listingLag) } catch { throw .cancelled }
        }
        try await list(.instances, until: .never)
        return ledger.candidate(of: task)
    }

    /// Deletes the run's instance, for the run will make another; whether it must wait for `TaskNews.deletionAccepted`.
    package func giveUpInstance(of task: TaskKey) -> Bool {
        let (mustWait, orders) = ledger.instanceGivenUp(task, at: clock.now)
        perform(orders)
        return mustWait
    }

    /// The result that a listing showed was not there.
    package func resultVanished(_ task: TaskKey) { ledger.resultVanished(task, at: clock.now) }

    /// The run has seen signs of its instance's end, which a listing of results must confirm.
    package func endSuspected(_ task: TaskKey) {
        ledger.endSuspected(task, at: clock.now)
        setAlarms()
    }

    /// The run cannot read the task's result, and will not try again: it stays for a person to fetch.
    ///
    /// A mark in the bucket tells later processes; it goes with the result.
    package func keepResult(of task: TaskKey) {
        ledger.resultKept(task, at: clock.now)
        spawn { await self.mark(task) }
    }

    /// Marks a task's result as one that stays, for as long as it is to stay and the cloud may yet take the mark.
    private func mark(_ task: TaskKey) async {
        let name = owner.name(of: .mark(task))
        await objectDeleter.withhold([name])
        while ledger.isMarked(task) {
            do throws(OCIError) {
                return try await lister.objects.put(name, Blob([]), deadline: .after(Self.markTimeout))
            } catch {
                log.warning(
                    "cannot mark a result that is to stay; without its mark the next process deletes it",
                    metadata: ["object": "\(owner.name(of: .result(task)))", "error": "\(error)"]
                )
                guard error.isRetryable, (try? await sleep(for: Self.markPause)) != nil else { return }
            }
        }
    }

    /// The run needs to know of listings of results from now on, although they do not show its result.
    package func listingAwaited(_ task: TaskKey) { ledger.listingAwaited(task, at: clock.now) }

    /// The run knows what to answer and needs no more news.
    package func outcomeKnown(_ task: TaskKey) { ledger.outcomeKnown(task, at: clock.now) }

    /// The run lets go of the task; `TaskNews.released` comes when no instance of it counts any more.
    package func release(_ task: TaskKey, isAnswered: Bool) {
        perform(ledger.released(task, isAnswered: isAnswered, at: clock.now))
    }

    /// The scheduler has surely read the answer to the task.
    package func answerConfirmed(_ task: TaskKey) { perform(ledger.answerConfirmed(task, at: clock.now)) }

    // MARK: - Carrying out

    func perform(_ orders: [CloudOrder]) {
        for order in orders {
            switch order {
            case .deleteInstance(let id, let reason):
                reports.deletion(of: id, of: ledger.taskOfInstance[id], because: reason)
                instanceDeleter.delete(id)
            case .deleteObjects(let objects): delete(objects)
            case .tell(let task, let piece):
                news[task]?.send(piece)
                if piece == .released { news[task] = nil }
            case .admit(let task):
                if let ticket = tickets[task], slots.grant((), to: ticket) { ledger.slotGranted() }
            case .roomFreed: freedRoom.send(())
            case .report(let report): reports.write(report, ledger)
            }
        }
        while ledger.freeSlotCount > 0, slots.grantNext(()) { ledger.slotGranted() }
        setAlarms()
        deletionsChanged.send()
    }

    private func delete(_ objects: [TaskObject]) {
        guard isBucketFound else { return ledger.objectsDeleted(objects) }
        objectDeleter.delete(objects.map { owner.name(of: $0) })
    }

    /// Carries out deletions, and tells the ledger what came of them, until cancelled.
    func delete() async {
        let work = [
            spawn { await self.objectDeleter.run() },
            spawn { await self.receiveObjectOutcomes() },
        ]
        while let (id, found) = try? await instanceDeleter.outcomes.receive() {
            switch found {
            case .accepted:
                usageLog?.deletionAccepted(id)
                perform(ledger.deletionAccepted(id, at: clock.now))
            case .alreadyGone: perform(ledger.deletionNotThere(id, at: clock.now))
            }
        }
        for piece in work { piece.cancel() }
    }

    private func receiveObjectOutcomes() async {
        while let outcome = try? await objectDeleter.outcomes.receive() {
            switch outcome {
            case .deleted(let names): ledger.objectsDeleted(names.compactMap { owner.object(named: $0) })
            case .refused(let name): owner.object(named: name).map { ledger.objectRefused($0) }
            }
            perform([])
        }
    }

    /// The last answer that says that we are not allowed to delete.
    var denial: OCIError? { instanceDeleter.denial ?? objectDeleter.denial }

    // MARK: - Looking

    private func listRepeatedly(_ listing: CloudLedger.Listing, _ alarm: Alarm) async {
        var backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
        // Not shared: one service may answer while the other does not.
        let warning = ThrottledWarning("cannot list; trying again", recovery: "listing works again", log: log)
        var earliest = Deadline.now
        while !isCancelled {
            let due = clock.deadline(ledger.nextListing(listing, at: clock.now))
            guard await alarm.wait(until: max(due, earliest)) else { return }
            let isDue = clock.deadline(ledger.nextListing(listing, at: clock.now)).isPast && earliest.isPast
            guard isDue else { continue }
            do throws(OCIError) {
                try await list(listing, until: .never)
                backoff.reset()
                warning.ended()
            } catch {
                if isCancelled { return }
                warning.occurred(error)
                earliest = .after(backoff.next { LoopRandom.number(in: 0.5..<1) })
            }
        }
    }

    private func list(
        _ listing: CloudLedger.Listing,
        until deadline: Deadline,
        includingInputs: Bool = false
    ) async throws(OCIError) {
        let begun = clock.now
        ledger.listingBegan(listing, at: begun)
        switch listing {
        case .instances:
            tell(try await listInstances(until: deadline), begun: begun)
        case .objects:
            let listed = try await lister.listObjects(
                includingInputs: includingInputs || ledger.wantsAllObjects,
                until: deadline
            )
            ledger.listingTook(.objects, requestCount: listed.requestCount)
            strays.note(listed.strays, areAll: listed.inputs != nil)
            let (results, inputs) = (listed.results, listed.inputs)
            perform(
                ledger.objectsListed(
                    results: results,
                    inputs: inputs,
                    kept: listed.kept,
                    begun: begun,
                    at: clock.now
                )
            )
        }
    }

    private func listInstances(
        until deadline: Deadline
    ) async throws(OCIError) -> InstanceListing<ListedInstance> {
        let listing = try await lister.listInstances(
            isInParts: form.isInParts,
            known: { self.ledger.taskOfInstance[$0] != nil },
            until: deadline
        )
        form.ended(isInParts: listing.isInParts)
        ledger.listingTook(.instances, requestCount: listing.requestCount)
        return listing
    }

    private func tell(
        _ listing: InstanceListing<ListedInstance>,
        begun: Duration,
        where isOurs: (ListedInstance) -> Bool = { _ in true }
    ) {
        perform(
            ledger.instancesListed(
                listing.wanted.filter(isOurs),
                mayMissSome: listing.mayMissSome,
                begun: begun,
                at: clock.now
            )
        )
        usageLog?.ledgerChanged { ledger.taskOfInstance[$0] != nil }
    }

    private func watchTime() async {
        while await momentAlarm.wait(until: ledger.nextMoment.map { clock.deadline($0) } ?? .never) {
            perform(ledger.timePassed(at: clock.now))
        }
    }

    private func setAlarms() {
        for (listing, alarm) in alarms {
            alarm.ring(ifBefore: clock.deadline(ledger.nextListing(listing, at: clock.now)))
        }
        if let moment = ledger.nextMoment { momentAlarm.ring(ifBefore: clock.deadline(moment)) }
    }

    /// Feeds the ledger what was listed elsewhere.
    func note(instances: [ListedInstance], objects: Lister.Objects) {
        let now = clock.now
        perform(ledger.instancesListed(instances, begun: now, at: now))
        perform(
            ledger.objectsListed(
                results: objects.results,
                inputs: objects.inputs,
                kept: objects.kept,
                begun: now,
                at: now
            )
        )
    }

    /// Lists those of the instances with these ids that still exist, tells the ledger, and returns how many requests it took.
    @discardableResult
    func look(for ids: Set<String>, until deadline: Deadline) async throws(OCIError) -> Int {
        let begun = clock.now
        let listing = try await listInstances(until: deadline)
        tell(listing, begun: begun) { ids.contains($0.id) }
        return listing.requestCount
    }
}

// MARK: - For the status page

extension LedgerDriver {
    /// Tasks of which this process has found something that nobody has asked for.
    package var orphanCount: Int { ledger.orphanCount }
    /// How many instances there are that nobody has given up, and creates that may still make one.
    package var countedInstanceCount: Int { ledger.occupiedSlotCount }
    /// The instances that are there, by what they do and where they are.
    package var census: InstanceCensus { ledger.census }
    /// What instances took since the process began, by shape.
    package var usage: [UsageMeter.Reading] { ledger.usage.readings(at: clock.now) }
    /// What there is in the cloud although it should not be, when the process ends.
    package var remains: CloudLedger.Remains { ledger.remains }
    /// Objects under names that this manager does not give, which were ignored.
    package var strayObjectCount: Int { strays.count }
    /// How many deletions of instances were accepted.
    package var deletedCount: Int { ledger.deletedCount }
    /// Whether a task could have a slot at once.
    package var hasFreeSlot: Bool { ledger.freeSlotCount > 0 }
}

/// A wait for a moment that may turn out to come earlier.
@LoopActor
private final class Alarm {
    private let bell = Wakeup()
    private var due: Deadline?

    /// Suspends until `deadline` or an earlier ring; false when cancelled.
    func wait(until deadline: Deadline) async -> Bool {
        if deadline.isPast { return !isCancelled }
        due = deadline
        defer { due = nil }
        try? await bell.wait(until: deadline)
        return !isCancelled
    }

    /// Ends the wait if it would last beyond `deadline`.
    func ring(ifBefore deadline: Deadline) {
        if let due, deadline < due { bell.ring() }
    }
}
