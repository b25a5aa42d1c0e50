// SPDX-License-Identifier: Apache-2.0

/// What listings and the service's answers to deletions show.
extension CloudLedger {
    /// A complete listing of the instances with our tag, which began at `begun`, is over at `now`; `mayMissSome` if one that
    /// lives may all the same be missing, as where the service listed each state for itself.
    ///
    /// A run whose instance runs on as it did is not told: it would be woken at each listing, for hours.
    package mutating func instancesListed(
        _ listed: [ListedInstance],
        mayMissSome: Bool = false,
        begun: Duration,
        at now: Duration
    ) -> [CloudOrder] {
        guard isNews(.instances, begun: begun) else { return [] }
        deletedLately = deletedLately.filter { begun < $0.value + periods.listingLag }
        for instance in listed {
            note(instance, begun: begun, at: now)
            if instance.phase.isOver || instance.phase.isLeaving { usage.ended(instance.id, at: now) }
        }
        let shown = Set(listed.map(\.id))
        let living = Set(listed.lazy.filter { $0.phase != .deleted }.map(\.id))
        let look = Look(begun: begun, now: now, shown: shown, living: living, mayMissSome: mayMissSome)
        let knownCount = taskOfInstance.count
        var contradicted = Contradictions()
        for task in tasksInOrder(where: { !$0.isSettled(whereShown: shown) }) {
            update(task, at: now) { ledger, record in
                ledger.compare(task, &record, with: look, &contradicted)
            }
        }
        if !contradicted.isAnyStuck { orders.append(.report(.noDeletionStuck)) }
        // Where one is on its way, "not there" may have been the second answer to a deletion whose first was lost.
        let isMoving = knownCount != taskOfInstance.count || listed.contains { $0.phase == .deleting }
        if isMoving {
            refutationCount = 0
        } else if contradicted.isAnyRefuted {
            refutationCount += 1
        }
        return takeOrders()
    }

    /// A complete listing of objects, which began at `begun`, is over at `now`; `inputs` is nil where only results were
    /// listed; `kept` are the tasks whose result is marked to stay.
    package mutating func objectsListed(
        results: [TaskKey],
        inputs: [TaskKey: [String]]?,
        kept: Set<TaskKey> = [],
        begun: Duration,
        at now: Duration
    ) -> [CloudOrder] {
        let isFirst = !isStocked
        guard isNews(.objects, begun: begun) else { return [] }
        for task in results where !isBeingDeleted(.result(task)) {
            update(task, at: now) { ledger, record in
                // An earlier process has answered it.
                if record.claim == .orphaned, kept.contains(task) { record.claim = .kept }
                ledger.noteResult(of: task, &record, at: now)
            }
        }
        for (task, names) in (inputs ?? [:]).sorted(by: { $0.key < $1.key }) {
            update(task, at: now) { ledger, record in ledger.noteInputs(names, of: task, &record) }
        }
        let stored = Set(results)
        for task in kept.sorted() where !isBeingDeleted(.mark(task)) {
            update(task, at: now) { ledger, record in
                record.hasMark = true
                let isUseless = record.claim == .unwanted || !stored.contains(task)
                if isUseless, record.inHand == nil { ledger.deleteMark(of: task, &record) }
            }
        }
        for task in tasksInOrder(where: { $0.isClaimable || $0.claim == .kept || $0.isListingAwaited }) {
            guard let record = records[task] else { continue }
            if record.isListingAwaited { orders.append(.tell(task, .resultsListed(begun: begun))) }
            guard record.isClaimable || record.claim == .kept else { continue }
            update(task, at: now) { ledger, record in
                if !stored.contains(task) {
                    record.hasResult = false
                    ledger.deleteMark(of: task, &record)
                }
                if let inputs, inputs[task] == nil { record.inputs = [] }
                ledger.deleteFinishedInstances(of: &record)
                if isFirst { ledger.admitWithOwnSlot(task, record) }
            }
        }
        return takeOrders()
    }

    /// The service has accepted at `now` to delete an instance.
    package mutating func deletionAccepted(_ id: String, at now: Duration) -> [CloudOrder] {
        deletedCount += 1
        return deletionAnswered(id, isDoubtful: false, at: now)
    }

    /// The service said at `now` that an instance to delete is not there.
    package mutating func deletionNotThere(_ id: String, at now: Duration) -> [CloudOrder] {
        deletionAnswered(id, isDoubtful: true, at: now)
    }

    /// These objects are deleted.
    package mutating func objectsDeleted(_ objects: [TaskObject]) {
        objectDeletions.subtract(objects)
        refusedObjects.subtract(objects)
    }

    /// The service will not delete this object, as far as can be seen now; one whose deletion was called off meanwhile stays
    /// wanted.
    package mutating func objectRefused(_ object: TaskObject) {
        if objectDeletions.remove(object) != nil { refusedObjects.insert(object) }
    }

    private func isBeingDeleted(_ object: TaskObject) -> Bool {
        objectDeletions.contains(object) || refusedObjects.contains(object)
    }

    private mutating func deletionAnswered(_ id: String, isDoubtful: Bool, at now: Duration) -> [CloudOrder] {
        guard let task = taskOfInstance[id] else { return [] }
        if !isDoubtful { usage.ended(id, at: now) }
        update(task, at: now) { ledger, record in
            guard let index = record.instances.firstIndex(where: { $0.id == id }) else { return }
            record.instances[index].deletion = .accepted(since: now, isDoubtful: isDoubtful)
            // Its result can be deleted, or its slot used, when a listing shows that it is gone.
            if record.mayHaveUnwantedResult || isDoubtful { ledger.lastChange = now }
            if !record.instances[index].isCounted { ledger.tellDeletion(of: id, of: task, record) }
            ledger.deleteResultWithoutWaiting(of: task, &record)
        }
        return takeOrders()
    }

    private mutating func tellDeletion(of id: String, of task: TaskKey, _ record: CloudRecord) {
        if record.inHand != nil { orders.append(.tell(task, .deletionAccepted(id))) }
    }

    // MARK: - Instances

    /// One listing of instances, as the records are compared with it.
    private struct Look {
        let begun: Duration
        let now: Duration
        let shown: Set<String>
        /// Without those that are only a record of what was.
        let living: Set<String>
        let mayMissSome: Bool
    }

    /// What a listing shows that deletions had led to believe is gone.
    private struct Contradictions {
        var isAnyRefuted = false
        var isAnyStuck = false
    }

    private mutating func note(_ instance: ListedInstance, begun: Duration, at now: Duration) {
        guard let task = taskOfInstance[instance.id] else {
            if !instance.phase.isLeaving, deletedLately[instance.id] == nil { discovered(instance, at: now) }
            return
        }
        guard let record = records[task],
            let index = record.instances.firstIndex(where: { $0.id == instance.id })
        else { return }
        let isNews = record.isNews(instance)
        let isKnownSo =
            record.instances[index].isListed && record.instances[index].seen.shows(sameAs: instance)
        guard isNews || record.inHand == nil || !isKnownSo else { return }
        update(task, at: now) { ledger, record in
            record.instances[index].seen = instance
            record.instances[index].isListed = true
            guard isNews else { return }
            record.inHand?.told = instance
            ledger.orders.append(.tell(task, .instanceListed(instance, begun: begun)))
        }
    }

    /// An instance of ours that was not known is there.
    private mutating func discovered(_ instance: ListedInstance, at now: Duration) {
        update(instance.task, at: now) { ledger, record in
            let isExpected = record.unlistedUntil != nil
            ledger.add(instance, to: &record, at: now)
            record.instances[record.instances.count - 1].isListed = true
            // Nobody will find its result, and it holds a slot.
            if !instance.isAdoptable {
                return ledger.delete(record.instances.count - 1, of: &record, because: .otherKey)
            }
            switch record.claim {
            case .orphaned: break
            case .queued: ledger.admitWithOwnSlot(instance.task, record)
            // Before a create is answered, what is listed may be what it is making.
            case .inHand(let inHand) where inHand.instanceID == nil: break
            case .answered where isExpected:
                ledger.delete(record.instances.count - 1, of: &record, because: .answered)
            case .inHand, .answered: return ledger.deleteSecond(record.instances.count - 1, of: &record)
            case .kept: ledger.delete(record.instances.count - 1, of: &record, because: .unwanted)
            case .unwanted:
                record.mayHaveUnwantedResult = true
                let reason: DeletionReason = record.abandonedCreates.isEmpty ? .unwanted : .abandonedCreate
                ledger.delete(record.instances.count - 1, of: &record, because: reason)
            }
            // One call makes one instance, and this is it.
            if record.inHand == nil, !record.abandonedCreates.isEmpty {
                record.abandonedCreates.removeFirst()
            }
        }
    }

    /// Deletes an instance of a task that has another, which is a surprise unless a create was abandoned.
    mutating func deleteSecond(_ index: Int, of record: inout CloudRecord) {
        let isAbandoned = !record.abandonedCreates.isEmpty
        if isAbandoned { record.abandonedCreates.removeFirst() }
        delete(index, of: &record, because: isAbandoned ? .abandonedCreate : .second)
    }

    /// Learns what a listing does not show of a task.
    private mutating func compare(
        _ task: TaskKey,
        _ record: inout CloudRecord,
        with look: Look,
        _ contradicted: inout Contradictions
    ) {
        for id in record.instances.map(\.id) {
            guard let index = record.instances.firstIndex(where: { $0.id == id }) else { continue }
            record.instances[index].missedSince =
                look.shown.contains(id) ? nil : record.instances[index].missedSince ?? look.begun
            switch record.instances[index].deletion {
            case .accepted(let since, let isDoubtful) where since < look.begun:
                // What is being deleted for certain moves on in one direction.
                if isDoubtful, !isCertain(record.instances[index], look) { continue }
                if !look.living.contains(id) {
                    if isDoubtful {
                        tellDeletion(of: id, of: task, record)
                    } else {
                        deletedLately[id] = look.begun
                    }
                    remove(index, of: &record, at: look.now)
                    orders.append(.roomFreed)
                } else if isDoubtful {
                    contradicted.isAnyRefuted = true
                    delete(index, of: &record, because: .doubtful)
                } else if since + periods.deletion <= look.now {
                    contradicted.isAnyStuck = true
                    delete(index, of: &record, because: .stuck)
                }
            case .accepted, .ordered: break
            case .none: compareKept(id, at: index, task, &record, with: look)
            }
        }
        // What they made by then is in the listing, and counts by itself.
        record.abandonedCreates.removeAll { $0 < look.begun }
        if let until = record.unlistedUntil, until < look.begun { record.unlistedUntil = nil }
        if record.claim == .unwanted, record.mayHaveUnwantedResult, !record.mayHaveContainer {
            deleteResult(of: task, &record)
        }
        deleteFinishedInstances(of: &record)
        expire(task, &record, at: look.now)
    }

    /// The same for an instance that is not to be deleted.
    private mutating func compareKept(
        _ id: String,
        at index: Int,
        _ task: TaskKey,
        _ record: inout CloudRecord,
        with look: Look
    ) {
        if let inHand = record.inHand, inHand.instanceID == id {
            if inHand.isWatched, !look.shown.contains(id) {
                record.inHand?.told = nil
                orders.append(.tell(task, .instanceMissed(begun: look.begun)))
            }
        } else if case .answered = record.claim {
            // It has ended and stays as evidence; a listing that misses it may lag.
        } else if record.instances[index].seen.phase.isLeaving
            || (!look.shown.contains(id) && record.instances[index].knownSince < look.begun
                && isCertain(record.instances[index], look))
        {
            remove(index, of: &record, at: look.now)
        }
    }

    /// Whether a listing shows an instance, or has missed it for certain.
    private func isCertain(_ instance: CloudRecord.Instance, _ look: Look) -> Bool {
        guard let missedSince = instance.missedSince else { return true }
        if !instance.isListed { return instance.knownSince + periods.listingLag <= look.begun }
        return !look.mayMissSome || missedSince + periods.listingLag <= look.begun
    }

    private mutating func remove(_ index: Int, of record: inout CloudRecord, at now: Duration) {
        usage.ended(record.instances[index].id, at: now)
        taskOfInstance[record.instances[index].id] = nil
        record.instances.remove(at: index)
    }

    /// Deletes an orphan's instances if its result is stored: that is all that its task needs, and they only hold slots.
    ///
    /// A queued task has its slot by its instance, which its run deletes.
    private mutating func deleteFinishedInstances(of record: inout CloudRecord) {
        if record.claim == .orphaned, record.hasResult { deleteInstances(of: &record, because: .hasResult) }
    }

    /// Gives up an orphan that nobody asked for within the grace time.
    private mutating func expire(_ task: TaskKey, _ record: inout CloudRecord, at now: Duration) {
        guard record.claim == .orphaned, !record.isEmpty, let answeringSince,
            max(record.since, answeringSince) + periods.grace <= now
        else { return }
        orders.append(.report(.orphanExpired(task)))
        makeUnwanted(task, &record, because: .unclaimed)
    }

    // MARK: - Objects

    private mutating func noteResult(of task: TaskKey, _ record: inout CloudRecord, at now: Duration) {
        switch record.claim {
        case .orphaned, .queued:
            let isKnown = record.hasResult || record.nextGeneration > 0
            if !isKnown { record.unlistedUntil = now + periods.listingLag }
            record.hasResult = true
        case .inHand(let inHand):
            // What was stored before the run has an instance is looked for when it has one.
            guard inHand.isWatched, inHand.instanceID != nil, !record.hasResult else { return }
            record.hasResult = true
            lastChange = now
            orders.append(.tell(task, .resultListed))
        case .answered: break
        case .kept: record.hasResult = true
        case .unwanted:
            awaitInstance(ofResultIn: &record)
            (record.hasResult, record.mayHaveUnwantedResult) = (true, true)
            if !record.mayHaveContainer { deleteResult(of: task, &record) }
        }
    }

    /// Has a sweep that finds a result wait for the listing that may show its instance, which an earlier process made.
    private func awaitInstance(ofResultIn record: inout CloudRecord) {
        guard isSweeping, !record.hasResult, record.nextGeneration == 0,
            let listed = newestListing[.objects], !isListed(.instances, since: listed)
        else { return }
        record.unlistedUntil = listed
    }

    private mutating func noteInputs(_ names: [String], of task: TaskKey, _ record: inout CloudRecord) {
        let found = names.filter { !isBeingDeleted(.input(task, name: $0)) }
        switch record.claim {
        case .orphaned, .queued: record.inputs = Set(found)
        case .inHand: break
        case .answered, .kept, .unwanted:
            record.inputs.formUnion(found)
            deleteInputs(of: task, &record)
        }
    }
}
