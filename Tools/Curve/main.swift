// SPDX-License-Identifier: Apache-2.0
//
// What a task costs the daemon's own bookkeeping, however many others there are: `Curve COUNT` prints CPU microseconds.

internal import EventLoop
internal import Glibc
internal import SchedulerLink
internal import SchedulerMessages
internal import TaskEngine
internal import Tasks

/// A worker of which only the tasks count.
private final class Worker: TaskOrigin {
    nonisolated init() {}
    func reply(_ result: TaskResult, announcing object: ObjectInstruction) -> Latch { Latch() }
    func sendOutput(_ messages: [[UInt8]]) {}
}

/// So many tasks that all wait at once, beside a tenth as many that an earlier process left: one in ten is cancelled, the
/// others run one after the other and are confirmed late; ten listings show all that there is.
@LoopActor
private final class Curve {
    let count: Int
    private var ledger = CloudLedger(
        slotLimit: 1 << 30,
        periods: CloudLedger.Periods(grace: .seconds(1 << 30))
    )
    private let queue = TicketQueue<Void>()
    private let tally = RunTally()
    private let worker = Worker()
    private var now = Duration.seconds(1)
    private var living: [ListedInstance] = []

    init(_ count: Int) { self.count = count }

    func run() {
        living = (0..<count / 10).map { instance(TaskKey("orphan\($0)")) }
        list()
        let ids = (0..<count).map { number in
            TaskID([number, number >> 8, number >> 16].map { UInt8($0 & 255) })
        }
        let tickets = ids.map { id in
            tally.set(.queued, of: id, for: worker)
            perform(ledger.queued(TaskKey(id.hexadecimal), at: now))
            return queue.enter()
        }
        for (number, id) in ids.enumerated() {
            now += .milliseconds(1)
            if number % 10 == 9 { cancel(id, tickets[number]) } else { answer(id) }
            if number >= count / 10 { confirm(ids[number - count / 10]) }
            if number % (count / 10) == 0 { list() }
            // A heartbeat.
            _ = tally.counts(of: worker)
        }
    }

    private func cancel(_ id: TaskID, _ ticket: TicketQueue<Void>.Ticket) {
        queue.leave(ticket)
        let key = TaskKey(id.hexadecimal)
        perform(ledger.discarded(key, at: now))
        perform(ledger.unqueued(key, at: now))
        tally.set(nil, of: id, for: worker)
    }

    private func answer(_ id: TaskID) {
        let key = TaskKey(id.hexadecimal)
        precondition(queue.grantNext(()))
        ledger.slotGranted()
        perform(ledger.claimed(key, at: now).1)
        tally.set(.working, of: id, for: worker)
        perform(ledger.createAnswered(instance(key), at: now) ?? [])
        ledger.outcomeKnown(key, at: now)
        perform(ledger.released(key, isAnswered: true, at: now))
        tally.set(.over, of: id, for: worker)
    }

    private func confirm(_ id: TaskID) {
        let key = TaskKey(id.hexadecimal)
        perform(ledger.answerConfirmed(key, at: now))
        perform(ledger.deletionAccepted("i\(key)", at: now))
        tally.set(nil, of: id, for: worker)
    }

    private func list() {
        now += .milliseconds(1)
        perform(ledger.instancesListed(living, begun: now, at: now))
        perform(ledger.objectsListed(results: [], inputs: [:], begun: now, at: now))
    }

    /// What the daemon looks at after each event.
    private func perform(_ orders: [CloudOrder]) {
        _ = ledger.freeSlotCount
        _ = ledger.nextListing(.instances, at: now)
        _ = ledger.nextListing(.objects, at: now)
        _ = ledger.nextMoment
    }

    private func instance(_ key: TaskKey) -> ListedInstance {
        ListedInstance(id: "i\(key)", task: key, phase: .stopped, state: "INACTIVE", createdAt: now)
    }
}

private let counts = CommandLine.arguments.dropFirst().compactMap { Int($0) }
EventLoop.run {
    for count in counts {
        let curve = Curve(count)
        let start = clock()
        curve.run()
        let seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
        print("\(count) tasks at once: \((seconds / Double(count) * 1e8).rounded() / 100) us a task")
    }
}
