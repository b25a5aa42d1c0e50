// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// The budget of a process for the objects of its tasks, and those who wait for a part of it.
@LoopActor
package final class ResourceBudget {
    private let origin = Deadline.now
    private var budget: Budget
    private var waiting: [Budget.Holder: Holding] = [:]
    private var lastHolder: Budget.Holder = 0
    private var alarm: LoopTimer?

    /// A budget of so much in all.
    package init(limit: Resources) { budget = Budget(limit: limit) }

    /// What is held in all.
    package var used: Resources { budget.used }

    /// What may be held in all.
    package var limit: Resources { budget.limit }

    /// How many steps of tasks wait.
    package var waitingCount: Int { budget.waitingCount }

    /// For how long in all somebody waited for room, the time of turns not counted.
    package var shortTime: Duration {
        budget.timePassed(to: now)
        return budget.shortTime
    }

    /// Begins a step of a task, which holds nothing yet.
    package func begin() -> Holding {
        lastHolder += 1
        return Holding(self, number: lastHolder)
    }

    /// Queues a step that met a shortage, and that has let go of what it had; its next attempt, to be waited for.
    package func retry(_ failed: Holding, after error: TransportError) -> Holding {
        failed.isEnded = true
        budget.timePassed(to: now)
        let next = begin()
        waiting[next.number] = next
        budget.refused(
            failed.number,
            need: failed.need,
            isRefusedByHost: error != .budgetSpent,
            waitingAs: next.number,
            at: now
        )
        waiting[failed.number] = nil
        grantTurn()
        return next
    }

    /// A step has what it needs, or is over.
    package func settle(_ holding: Holding) {
        budget.timePassed(to: now)
        budget.settled(holding.number)
        waiting[holding.number] = nil
        grantTurn()
    }

    fileprivate func take(_ amount: Resources, for holding: Holding) -> Bool {
        budget.take(amount, for: holding.number)
    }

    fileprivate func giveBack(_ amount: Resources, of number: Budget.Holder) {
        budget.giveBack(amount, of: number)
        if budget.waitingCount > 0 { grantTurn() }
    }

    private var now: Duration { Deadline.now.duration(since: origin) }

    private func grantTurn() {
        alarm?.stop()
        alarm = nil
        budget.timePassed(to: now)
        if let holder = budget.nextTurn(at: now) { waiting[holder]?.turn.open() }
        guard let moment = budget.nextMoment(after: now) else { return }
        alarm = LoopTimer(origin + moment) { [weak self] in self?.grantTurn() }
    }
}

/// The budgets of a process.
///
/// Results have one of their own, for they come first: inputs are held for as long as the cloud does not take their tasks, and meanwhile
/// others end.
@LoopActor
package struct HostBudgets: Sendable {
    /// One part in so many is for results.
    private static let partCount = 4

    /// What inputs on their way to the cloud may take.
    package let inputs: ResourceBudget
    /// What results on their way from the cloud may take.
    package let results: ResourceBudget

    /// Divides so much.
    package init(limit: Resources) {
        let part = Resources(
            memoryBytes: limit.memoryBytes / Self.partCount,
            diskBytes: limit.diskBytes / Self.partCount,
            fileCount: max(1, limit.fileCount / Self.partCount)
        )
        results = ResourceBudget(limit: part)
        inputs = ResourceBudget(limit: limit - part)
    }

    /// Divides what a process has with this limit on memory and on disk: of the descriptors half, for connections need the
    /// others.
    package init(memoryBytesMax: Int, diskBytesMax: Int) {
        self.init(
            limit: Resources(
                memoryBytes: memoryBytesMax,
                diskBytes: diskBytesMax,
                fileCount: max(2, DescriptorLimit.current / 2)
            )
        )
    }

    /// These two.
    package init(inputs: ResourceBudget, results: ResourceBudget) {
        (self.inputs, self.results) = (inputs, results)
    }
}

/// What one step of a task holds, such as the loading of its inputs, in one attempt.
@LoopActor
package final class Holding {
    fileprivate let budget: ResourceBudget
    fileprivate let number: Budget.Holder
    fileprivate let turn = Latch()
    /// The most that it has held or asked for.
    fileprivate var need = Resources()
    private var held = Resources()
    /// Whether the attempt is over in vain: nothing more is given to it.
    fileprivate var isEnded = false

    fileprivate init(_ budget: ResourceBudget, number: Budget.Holder) {
        self.budget = budget
        self.number = number
    }

    /// Suspends until a step that met a shortage may try again.
    package func waitForTurn(until deadline: Deadline) async throws(WaitError) {
        try await turn.wait(until: deadline)
    }

    fileprivate func take(_ amount: Resources) throws(TransportError) {
        need = need.union(held + amount)
        guard !isEnded, budget.take(amount, for: self) else { throw .budgetSpent }
        held = held + amount
    }

    fileprivate func giveBack(_ amount: Resources) {
        held = held - amount
        budget.giveBack(amount, of: number)
    }
}

/// What the bytes of one blob take; given back with their last holder.
@LoopActor
final class Charge {
    private let holding: Holding
    private nonisolated(unsafe) var amount = Resources()

    /// A charge of nothing so far.
    init(_ holding: Holding) { self.holding = holding }

    /// Takes what is missing for so many bytes, in memory or in a file; throws `budgetSpent`.
    func cover(_ byteCount: Int, inFile: Bool) throws(TransportError) {
        let wanted =
            inFile ? Resources(diskBytes: byteCount, fileCount: 1) : Resources(memoryBytes: byteCount)
        let missing = wanted.union(amount) - amount
        guard missing != Resources() else { return }
        try holding.take(missing)
        amount = amount + missing
    }

    /// Gives back what bytes took that have moved from memory to a file.
    func leaveMemory() {
        let memory = Resources(memoryBytes: amount.memoryBytes)
        amount = amount - memory
        holding.giveBack(memory)
    }

    deinit {
        // Blobs are held on the loop alone, so their end is there, too.
        let (holding, amount) = (holding, amount)
        LoopActor.assumeIsolated { holding.giveBack(amount) }
    }
}
