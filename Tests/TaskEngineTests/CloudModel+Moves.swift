// SPDX-License-Identifier: Apache-2.0

import TaskEngine

/// What the scheduler, the runs of tasks and time do.
extension CloudModel {
    /// One random event.
    func step() {
        switch below(20) {
        case 0, 1: pass(below(4) == 0 ? 40 : 1 + below(5))
        case 2, 3, 4: listInstances()
        case 5, 6: listObjects()
        case 7: if !instances.isEmpty { live(below(instances.count)) }
        case 8: if !creates.isEmpty { materialize(below(creates.count)) }
        case 9, 10: if !pendingDeletions.isEmpty { tryDeletion(below(pendingDeletions.count)) }
        case 11: deleteObjects()
        case 12: speak()
        case 13: if chance(6) { restart() }
        case 14, 15: send(anyTask())
        case 16: if chance(3) { cancel(anyTask()) }
        default: move(anyTask())
        }
    }

    func pass(_ seconds: Int) {
        now += seconds
        for index in creates.indices.reversed() {
            if let latest = creates[index].latest, latest < now { creates.remove(at: index) }
        }
        note("time passes")
        perform(ledger.timePassed(at: moment))
    }

    /// The process is killed and started anew: the cloud is all that it knows.
    func restart() {
        note("the process is killed")
        ledger = Self.newLedger(slotLimit)
        runs = [Run](repeating: Run(), count: runs.count)
        (unconfirmed, mayDeleteResult) = ([], [])
        (pendingDeletions, pendingObjects) = ([], [])
        (instanceListing, objectListing) = (nil, nil)
        for index in creates.indices.reversed() {
            creates[index].isExempt = true
            if creates[index].madeID != nil {
                creates.remove(at: index)
            } else if creates[index].latest == nil {
                creates[index].latest = now + 120
            }
        }
    }

    /// The scheduler says something that is not about one task, or confirms an answer.
    func speak() {
        switch below(3) {
        case 0:
            let isAnswering = !chance(3)
            note("the scheduler answers: \(isAnswering)")
            ledger.schedulerAnswers(isAnswering, at: moment)
        default: if let task = unconfirmed.min() { confirm(task) }
        }
    }

    func confirm(_ task: Int) {
        note("the answer to \(task) is confirmed")
        unconfirmed.remove(task)
        mayDeleteResult.insert(task)
        perform(ledger.answerConfirmed(Self.tasks[task], at: moment))
    }

    func send(_ task: Int) {
        guard runs[task].stage == .idle else { return }
        note("the scheduler sends \(task)")
        unconfirmed.remove(task)
        mayDeleteResult.remove(task)
        runs[task].stage = .queued
        perform(ledger.queued(Self.tasks[task], at: moment))
    }

    func cancel(_ task: Int) {
        let key = Self.tasks[task]
        switch runs[task].stage {
        case .queued, .granted:
            note("\(task) is cancelled before it begins")
            if runs[task].stage == .granted { ledger.slotReturned() }
            runs[task] = Run()
            mayDeleteResult.insert(task)
            perform(ledger.discarded(key, at: moment))
            perform(ledger.unqueued(key, at: moment))
        case .starting, .creating, .waiting, .running:
            if runs[task].stage == .creating { abandonCreate(of: task) }
            release(task, isAnswered: false)
        case .knowing: if !runs[task].isReplied { release(task, isAnswered: false) }
        case .idle, .released: break
        }
    }

    func release(_ task: Int, isAnswered: Bool) {
        note("the run of \(task) releases it; answered: \(isAnswered)")
        if !isAnswered || !runs[task].hasResult { mayDeleteResult.insert(task) }
        runs[task].stage = .released
        perform(ledger.released(Self.tasks[task], isAnswered: isAnswered, at: moment))
    }

    private func abandonCreate(of task: Int) {
        note("the create of \(task) is abandoned")
        if let index = creates.firstIndex(where: { $0.task == task && $0.latest == nil }) {
            if creates[index].madeID == nil {
                creates[index].latest = now + 120
            } else {
                creates.remove(at: index)
            }
        }
        perform(ledger.createAbandoned(Self.tasks[task], at: moment))
    }

    // MARK: - Runs

    /// The next thing that a run does.
    func move(_ task: Int) {
        switch runs[task].stage {
        case .idle, .waiting, .released: break
        case .queued:
            guard chance(4) else { break }
            note("the worker of \(task) is lost")
            runs[task] = Run()
            perform(ledger.unqueued(Self.tasks[task], at: moment))
        case .granted: claim(task)
        case .starting: begin(task)
        case .creating: answerCreate(task)
        case .running: proceed(task)
        case .knowing: reply(task)
        }
    }

    private func claim(_ task: Int) {
        note("\(task) is claimed")
        let (adoption, orders) = ledger.claimed(Self.tasks[task], at: moment)
        runs[task].stage = adoption == nil ? .starting : .running
        runs[task].instanceID = adoption?.instance?.id
        runs[task].hasResult = adoption?.hasResult ?? false
        perform(orders)
    }

    private func begin(_ task: Int) {
        let key = Self.tasks[task]
        let storesInput = chance(2)
        note("\(task) is about to store; a payload: \(storesInput)")
        pendingObjects.removeAll { $0 == .result(key) || storesInput && $0 == .input(key, name: "in") }
        ledger.willStore(input: storesInput ? "in" : nil, of: key, at: moment)
        if storesInput { inputs.insert(task) }
        if let found = ledger.candidate(of: Self.tasks[task]) {
            note("\(task) takes what a listing has shown")
            runs[task].stage = .running
            runs[task].instanceID = found.id
            return perform(ledger.createAnswered(found, at: moment) ?? [])
        }
        creates.append(Create(task: task, generation: ledger.nextGeneration(of: Self.tasks[task])))
        runs[task].stage = .creating
        note("\(task) makes an instance")
    }

    private func answerCreate(_ task: Int) {
        guard let index = creates.firstIndex(where: { $0.task == task && $0.latest == nil }) else {
            return violate("a create is missing")
        }
        if chance(3) {
            abandonCreate(of: task)
            return learn(task)
        }
        if creates[index].madeID == nil {
            if chance(4) {
                creates.remove(at: index)
                note("the create of \(task) is refused")
                return learn(task)
            }
            materialize(index)
        }
        let create = creates.remove(at: index)
        guard let made = create.madeID.flatMap({ self.index(of: $0) }), instances[made].phase != .deleting
        else {
            note("the create of \(task) is answered with what is gone")
            runs[task].stage = .starting
            return ledger.generationSpent(create.generation, of: Self.tasks[task], at: moment)
        }
        note("the create of \(task) is answered")
        runs[task].stage = .running
        runs[task].instanceID = instances[made].id
        perform(ledger.createAnswered(listed(instances[made], instances[made].phase), at: moment) ?? [])
    }

    private func proceed(_ task: Int) {
        if runs[task].hasResult {
            if results.contains(task), !chance(8) { return learn(task) }
            note("the result of \(task) is not there")
            runs[task].hasResult = false
            ledger.resultVanished(Self.tasks[task], at: moment)
            if runs[task].instanceID == nil { runs[task].stage = .starting }
        } else if chance(2) {
            learn(task)
        } else if chance(2) {
            note("\(task) gives up its instance")
            givenUp[task] = runs[task].instanceID
            runs[task].instanceID = nil
            let (mustWait, orders) = ledger.instanceGivenUp(Self.tasks[task], at: moment)
            runs[task].stage = mustWait ? .waiting : .starting
            perform(orders)
        }
    }

    /// The run knows what to answer.
    private func learn(_ task: Int) {
        runs[task].stage = .knowing
        note("\(task) knows its answer; with result: \(runs[task].hasResult)")
        ledger.outcomeKnown(Self.tasks[task], at: moment)
    }

    private func reply(_ task: Int) {
        if !runs[task].isReplied {
            runs[task].isReplied = true
            unconfirmed.insert(task)
            note("\(task) is answered")
        }
        if chance(2) { release(task, isAnswered: true) }
    }

    // MARK: - The end

    /// Everybody does what is expected of them, for as long as it takes; then there must be nothing left.
    func comeToRest() {
        note("everybody behaves from now on")
        ledger.schedulerAnswers(true, at: moment)
        if instanceListing != nil { listInstances() }
        if objectListing != nil { listObjects() }
        for _ in 0..<20 {
            pass(31)
            for task in runs.indices { finish(task) }
            while let task = unconfirmed.min() { confirm(task) }
            while !pendingDeletions.isEmpty { tryDeletion(0, isFriendly: true) }
            while !pendingObjects.isEmpty { deleteObjects() }
            instances.removeAll { $0.phase == .deleting }
            pass(1)
            for _ in 0..<2 { listInstances() }
            for _ in 0..<2 { listObjects() }
            if !ledger.knownInstances.isEmpty,
                ledger.nextListing(.instances, at: moment) > .seconds(now + 30)
            {
                violate("nobody looks for \(ledger.knownInstances)")
            }
            if isQuiet { return }
        }
        violate("does not come to rest: \(instances), \(results), \(inputs), \(runs), \(ledger.isEmpty)")
    }

    private var isQuiet: Bool {
        ledger.isEmpty && instances.isEmpty && results.isEmpty && inputs.isEmpty && creates.isEmpty
            && ledger.occupiedSlotCount == 0 && runs.allSatisfy { $0.stage == .idle }
    }

    private func finish(_ task: Int) {
        if runs[task].stage == .knowing {
            runs[task].isReplied = true
            unconfirmed.insert(task)
            release(task, isAnswered: true)
        } else {
            cancel(task)
        }
    }
}
