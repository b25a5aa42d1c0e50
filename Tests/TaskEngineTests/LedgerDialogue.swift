// SPDX-License-Identifier: Apache-2.0

import TaskEngine

let a = TaskKey("a")
let b = TaskKey("b")
let c = TaskKey("c")

/// An instance as a listing shows it; `createdAt` in seconds.
func instance(
    _ id: String,
    of task: TaskKey = a,
    _ phase: InstancePhase = .running,
    createdAt: Int = 0,
    generation: Int = 0,
    isAdoptable: Bool = true
) -> ListedInstance {
    ListedInstance(
        id: id,
        task: task,
        phase: phase,
        state: "\(phase)",
        createdAt: .seconds(createdAt),
        generation: generation,
        isAdoptable: isAdoptable
    )
}

/// The ledger spoken to in whole seconds; a listing that does not say when it began did so a second before its end.
extension CloudLedger {
    /// A ledger that has seen nothing; its grace time is a minute.
    static func new(slots: Int = 2) -> CloudLedger {
        CloudLedger(slotLimit: slots, periods: Periods(grace: .seconds(60)))
    }

    /// A ledger whose first listings, at 1, showed this; the scheduler answers since 0.
    static func stocked(
        slots: Int = 2,
        _ instances: [ListedInstance] = [],
        results: [TaskKey] = [],
        inputs: [TaskKey: [String]] = [:]
    ) -> CloudLedger {
        var ledger = new(slots: slots)
        ledger.schedulerAnswers(true, at: .zero)
        _ = ledger.list(instances, begun: 0, at: 1)
        _ = ledger.store(results, inputs: inputs, begun: 0, at: 1)
        return ledger
    }

    /// A ledger with one task in hand since 2, whose create was answered with `made` at 3.
    static func running(slots: Int = 2, _ made: ListedInstance = instance("i")) -> CloudLedger {
        var ledger = stocked(slots: slots)
        _ = ledger.begin(made.task, at: 2)
        _ = ledger.createAnswered(made, at: .seconds(3))
        return ledger
    }

    var knownInstances: Set<String> { Set(taskOfInstance.keys) }

    /// A listing of instances; without the word that no deletion is stuck.
    mutating func list(_ instances: [ListedInstance], begun: Int? = nil, at now: Int) -> [CloudOrder] {
        instancesListed(instances, begun: .seconds(begun ?? now - 1), at: .seconds(now))
            .filter { $0 != .report(.noDeletionStuck) }
    }

    /// A listing of objects; of results only where `inputs` is nil.
    mutating func store(
        _ results: [TaskKey],
        inputs: [TaskKey: [String]]? = nil,
        begun: Int? = nil,
        at now: Int
    ) -> [CloudOrder] {
        objectsListed(results: results, inputs: inputs, begun: .seconds(begun ?? now - 1), at: .seconds(now))
    }

    /// The scheduler sends a task, which is given a slot and claimed at once.
    mutating func begin(_ task: TaskKey, at now: Int) -> (Adoption?, [CloudOrder]) {
        let queueing = queued(task, at: .seconds(now))
        slotGranted()
        let (adoption, orders) = claimed(task, at: .seconds(now))
        return (adoption, queueing + orders)
    }

    /// The deletion of an instance is accepted.
    mutating func accept(_ id: String, at now: Int) -> [CloudOrder] {
        deletionAccepted(id, at: .seconds(now))
    }

    /// The deletion of an instance is accepted, and a later listing shows that it is gone.
    mutating func finish(_ id: String, at now: Int) -> [CloudOrder] {
        accept(id, at: now) + list([], begun: now + 1, at: now + 2)
    }
}

extension [CloudOrder] {
    /// Whether this instance is ordered deleted, whatever the reason.
    func deletes(_ id: String) -> Bool {
        contains { if case .deleteInstance(id, _) = $0 { true } else { false } }
    }
}
