// SPDX-License-Identifier: Apache-2.0

/// What the scheduler and the runs of tasks do.
extension CloudLedger {
    /// What a run takes over of an earlier life of its task.
    package struct Adoption: Hashable, Sendable {
        /// The instance to wait for; nil where only a result is left.
        package let instance: ListedInstance?
        /// Whether the result is stored.
        package let hasResult: Bool
    }

    /// The scheduler has sent a task, which waits for a slot.
    package mutating func queued(_ task: TaskKey, at now: Duration) -> [CloudOrder] {
        update(task, at: now) { ledger, record in
            record.claim = .queued
            ledger.admitWithOwnSlot(task, record)
        }
        return takeOrders()
    }

    /// The run of a task that has nothing in the cloud gives its slot back, and will ask for another one.
    package mutating func setAside(_ task: TaskKey, at now: Duration) -> [CloudOrder] {
        update(task, at: now) { _, record in record.claim = .queued }
        return takeOrders()
    }

    /// A queued task is not waited for here any more, but the scheduler may send it again.
    package mutating func unqueued(_ task: TaskKey, at now: Duration) -> [CloudOrder] {
        update(task, at: now) { ledger, record in
            guard record.claim == .queued else { return }
            if ledger.isSweeping { return ledger.makeUnwanted(task, &record, because: .stopping) }
            record.claim = .orphaned
            record.since = now
        }
        return takeOrders()
    }

    /// A task was cancelled before a run took it in hand: nobody wants what is left of it.
    package mutating func discarded(_ task: TaskKey, at now: Duration) -> [CloudOrder] {
        update(task, at: now) { ledger, record in
            if record.isClaimable { ledger.makeUnwanted(task, &record, because: .cancelled) }
        }
        return takeOrders()
    }

    /// A run with a slot takes the task in hand, with what an earlier life of it left, if anything.
    ///
    /// The slot is the record's from now on, until the run has released the task and no instance of it counts.
    package mutating func claimed(_ task: TaskKey, at now: Duration) -> (Adoption?, [CloudOrder]) {
        slotReturned()
        var adoption: Adoption?
        update(task, at: now) { ledger, record in
            let best = record.best
            if best != nil || record.hasResult {
                adoption = Adoption(instance: best?.seen, hasResult: record.hasResult)
                ledger.orders.append(.report(.adopted(task)))
            }
            record.claim = .inHand(CloudRecord.InHand(instanceID: best?.id))
            record.mayHaveUnwantedResult = false
            ledger.deleteInstances(of: &record, except: best?.id, because: .notAdopted)
        }
        lastChange = now
        return (adoption, takeOrders())
    }

    /// The payload of a task in hand is about to be stored under this name, if any, and then its result: deletions that were
    /// ordered of either are called off, and made up for when the run lets go of the task.
    package mutating func willStore(input: String?, of task: TaskKey, at now: Duration) {
        update(task, at: now) { ledger, record in
            if ledger.callOffDeletion(of: .result(task)) { record.mayHaveUnwantedResult = true }
            guard let input else { return }
            ledger.callOffDeletion(of: .input(task, name: input))
            record.inputs.insert(input)
        }
    }

    /// Returns whether one was ordered.
    @discardableResult
    private mutating func callOffDeletion(of object: TaskObject) -> Bool {
        let (ordered, refused) = (objectDeletions.remove(object), refusedObjects.remove(object))
        return (ordered ?? refused) != nil
    }

    /// A create was answered with this instance; nil if it is known as another task's, which makes no sense.
    package mutating func createAnswered(_ instance: ListedInstance, at now: Duration) -> [CloudOrder]? {
        if let known = taskOfInstance[instance.id], known != instance.task { return nil }
        update(instance.task, at: now) { ledger, record in
            let isNew = ledger.taskOfInstance[instance.id] == nil
            if isNew { ledger.add(instance, to: &record, at: now) }
            if record.inHand != nil {
                record.inHand?.instanceID = instance.id
                record.inHand?.givenUpID = nil
                for index in record.instances.indices where record.instances[index].id != instance.id {
                    if record.instances[index].deletion == .none { ledger.deleteSecond(index, of: &record) }
                }
            } else {
                if isNew, !record.abandonedCreates.isEmpty { record.abandonedCreates.removeFirst() }
                record.mayHaveUnwantedResult = record.claim == .unwanted
                ledger.deleteInstances(of: &record, because: .abandonedCreate)
            }
        }
        lastChange = now
        return takeOrders()
    }

    /// A create was given up without an answer, and may have been carried out.
    package mutating func createAbandoned(_ task: TaskKey, at now: Duration) -> [CloudOrder] {
        update(task, at: now) { ledger, record in
            record.abandonedCreates.append(now + ledger.periods.abandonedCreate)
            record.inHand?.hasAbandonedCreate = true
        }
        lastChange = now
        return takeOrders()
    }

    /// A create was answered with an instance of this generation that is gone already.
    package mutating func generationSpent(_ generation: Int, of task: TaskKey, at now: Duration) {
        update(task, at: now) { _, record in
            record.nextGeneration = max(record.nextGeneration, generation + 1)
        }
    }

    /// The run gives up the instance that it waits for and will make another; whether there is one whose deletion it must
    /// wait for (`TaskNews.deletionAccepted`), or there would be one too many.
    package mutating func instanceGivenUp(_ task: TaskKey, at now: Duration) -> (Bool, [CloudOrder]) {
        var mustWait = false
        update(task, at: now) { ledger, record in
            guard let id = record.inHand?.instanceID else { return }
            record.inHand?.instanceID = nil
            record.inHand?.givenUpID = id
            record.inHand?.awaitsListing = false
            guard let index = record.instances.firstIndex(where: { $0.id == id }) else { return }
            if record.instances[index].deletion == .none {
                ledger.delete(index, of: &record, because: .startedOver)
            }
            mustWait = record.instances[index].isCounted
        }
        return (mustWait, takeOrders())
    }

    /// The result that a listing showed was not there when the run asked for it.
    package mutating func resultVanished(_ task: TaskKey, at now: Duration) {
        update(task, at: now) { _, record in record.hasResult = false }
    }

    /// The run gives up to read the task's result, which is to stay for a person to fetch.
    package mutating func resultKept(_ task: TaskKey, at now: Duration) {
        update(task, at: now) { ledger, record in
            ledger.callOffDeletion(of: .mark(task))
            record.hasMark = true
            record.inHand?.keepsResult = true
        }
    }

    /// The run has seen signs of its instance's end, which only a listing of results can confirm.
    package mutating func endSuspected(_ task: TaskKey, at now: Duration) {
        listingAwaited(task, at: now)
        lastChange = now
    }

    /// The run needs to know of listings of results from now on, for one of them may end the wait for its instance.
    package mutating func listingAwaited(_ task: TaskKey, at now: Duration) {
        guard records[task]?.inHand?.awaitsListing == false else { return }
        update(task, at: now) { _, record in record.inHand?.awaitsListing = true }
    }

    /// The run knows what to answer and needs no more news.
    package mutating func outcomeKnown(_ task: TaskKey, at now: Duration) {
        update(task, at: now) { _, record in record.inHand?.isWatched = false }
        lastChange = now
    }

    /// The run is done with the task; `isAnswered` if the scheduler was sent an answer.
    ///
    /// `TaskNews.released` follows when no instance of the task counts any more.
    package mutating func released(_ task: TaskKey, isAnswered: Bool, at now: Duration) -> [CloudOrder] {
        releasedTasks.insert(task)
        update(task, at: now) { ledger, record in
            if isAnswered, record.inHand?.keepsResult == true { return ledger.keepResult(of: task, &record) }
            let isConfirmed = record.inHand?.isConfirmed ?? false
            // Without a result, the run's own instance is what tells that the task has had its run.
            let evidence = record.hasResult ? nil : record.inHand?.instanceID
            let reason: DeletionReason = isAnswered ? .answered : ledger.isLeaving ? .stopping : .cancelled
            guard isAnswered, !isConfirmed, !ledger.isLeaving, record.hasResult || evidence != nil
            else { return ledger.makeUnwanted(task, &record, because: reason) }
            ledger.deleteInputs(of: task, &record)
            ledger.deleteInstances(of: &record, except: evidence, because: reason)
            record.since = now
            ledger.keepEvidence(of: task, &record, at: now)
        }
        lastChange = now
        return takeOrders()
    }

    private mutating func keepEvidence(of task: TaskKey, _ record: inout CloudRecord, at now: Duration) {
        let until = now + (record.hasResult ? periods.resultEvidence : periods.instanceEvidence)
        record.claim = .answered(until: until)
        answeredTasks[record.hasResult ? 0 : 1].append(task, at: until)
    }

    private mutating func keepResult(of task: TaskKey, _ record: inout CloudRecord) {
        deleteInputs(of: task, &record)
        deleteInstances(of: &record, because: .answered)
        record.claim = .kept
    }

    /// The scheduler has surely read the answer to a task.
    package mutating func answerConfirmed(_ task: TaskKey, at now: Duration) -> [CloudOrder] {
        guard records[task] != nil else { return [] }
        update(task, at: now) { ledger, record in
            // Before this run has an answer, it can only be an earlier one's that is confirmed.
            if record.inHand?.isWatched == false { record.inHand?.isConfirmed = true }
            guard case .answered = record.claim else { return }
            ledger.makeUnwanted(task, &record, because: .confirmed)
            guard record.hasResult, record.unlistedUntil == nil else { return }
            // It was stored and is not stored again.
            record.mayHaveUnwantedResult = false
            ledger.deleteResult(of: task, &record)
        }
        return takeOrders()
    }

    /// The scheduler answers, or does not, from now on: without it nobody can ask for an orphan.
    package mutating func schedulerAnswers(_ isAnswering: Bool, at now: Duration) {
        answeringSince = isAnswering ? answeringSince ?? now : nil
    }

    /// Time has passed; see `nextMoment`.
    package mutating func timePassed(at now: Duration) -> [CloudOrder] {
        var due: [TaskKey] = []
        for index in answeredTasks.indices {
            while let (task, moment) = answeredTasks[index].first, moment <= now {
                answeredTasks[index].removeFirst()
                due.append(task)
            }
        }
        for task in due.sorted() where records[task] != nil {
            update(task, at: now) { ledger, record in
                guard case .answered(let until) = record.claim, until <= now else { return }
                if record.hasResult {
                    record.claim = .orphaned
                    record.since = now
                } else if ledger.mayStillBeSent(record, at: now) {
                    return ledger.keepEvidence(of: task, &record, at: now)
                } else {
                    ledger.makeUnwanted(task, &record, because: .unconfirmed)
                }
                ledger.lastChange = now
            }
        }
        return takeOrders()
    }

    /// Whether the scheduler has not had the time to send an answered task again, for it was away; an ended instance
    /// holds a slot, so one that stays away is waited for no longer than the grace time.
    private func mayStillBeSent(_ record: CloudRecord, at now: Duration) -> Bool {
        guard let answeringSince else { return now < record.since + periods.grace }
        return now < answeringSince + periods.instanceEvidence
    }

    /// Whoever sweeps waits for nothing more: what is stored of tasks that nobody wants is deleted although an instance may
    /// store it anew, as soon as the deletion of that instance is accepted.
    ///
    /// Where it is not, the next process goes on with the instance; without the result it would take the task for failed.
    package mutating func cannotWait(at now: Duration) -> [CloudOrder] {
        isLastLookOver = true
        for task in tasksInOrder() {
            update(task, at: now) { ledger, record in ledger.deleteResultWithoutWaiting(of: task, &record) }
        }
        return takeOrders()
    }

    mutating func deleteResultWithoutWaiting(of task: TaskKey, _ record: inout CloudRecord) {
        guard isLastLookOver, record.claim == .unwanted, record.hasResult, record.unlistedUntil == nil
        else { return }
        if !record.instances.contains(where: \.remains) { deleteResult(of: task, &record) }
    }

    /// The process ends: nobody waits for confirmations any more, and with `isSweeping` nothing at all is left behind.
    package mutating func leaving(isSweeping: Bool, at now: Duration) -> [CloudOrder] {
        isLeaving = true
        self.isSweeping = isSweeping
        for task in tasksInOrder() {
            update(task, at: now) { ledger, record in
                switch record.claim {
                case .unwanted where isSweeping: ledger.waitShorter(forInstanceOf: &record)
                case .answered: ledger.makeUnwanted(task, &record, because: .stopping)
                case .orphaned where isSweeping: ledger.makeUnwanted(task, &record, because: .stopping)
                case .orphaned, .queued, .inHand, .kept, .unwanted: break
                }
            }
        }
        return takeOrders()
    }

    /// Has a sweep wait for the instance that has stored a result until the next listing, and not until every one would show it.
    func waitShorter(forInstanceOf record: inout CloudRecord) {
        guard let until = record.unlistedUntil else { return }
        let listed = until - periods.listingLag
        record.unlistedUntil = isListed(.instances, since: listed) ? nil : listed
    }
}
