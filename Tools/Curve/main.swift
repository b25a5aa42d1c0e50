// SPDX-License-Identifier: Apache-2.0
//
// What a task costs the daemon's own bookkeeping, however many others there are: `Curve COUNT...` prints CPU
// microseconds as a table, and `Curve --short` fails where 100,000 cost much more each than 100.

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

/// So many tasks that all wait at once, beside what an earlier process left (orphans): one task in ten is cancelled, one in ten
/// adopts its orphan, the others run one after the other, and all are confirmed late; ten listings show all that there is.
@LoopActor
private final class Curve {
    private static let orphanCountMax = 10_000
    private static let listingCount = 10

    private let ids: [TaskID]
    private var orphans: [ListedInstance] = []
    private var ledger = CloudLedger(
        slotLimit: 1 << 30,
        periods: CloudLedger.Periods(grace: .seconds(1 << 30))
    )
    private let queue = TicketQueue<Void>()
    private let tally = RunTally()
    private let worker = Worker()
    private var now = Duration.seconds(1)
    private var pausedSeconds = 0.0
    private var listingSeconds = 0.0
    private var knownCount = 0

    init(_ count: Int) {
        ids = (0..<count).map { number in
            TaskID([number, number >> 8, number >> 16].map { UInt8($0 & 255) })
        }
    }

    var orphanCount: Int { min(ids.count, Self.orphanCountMax) }

    /// CPU microseconds a task without the listings, and those of a listing for each instance that is known.
    func run() -> (task: Double, known: Double) {
        // The orphan of every tenth task, and others.
        orphans = (0..<orphanCount).map { number in
            let isAskedFor = number * 10 < ids.count
            return instance(isAskedFor ? key(ids[number * 10]) : TaskKey("orphan\(number)"))
        }
        list(begun: 0, confirmed: 0)
        (pausedSeconds, listingSeconds, knownCount) = (0, 0, 0)
        let start = Self.seconds
        let tickets = ids.map { id in
            tally.set(.queued, of: id, for: worker)
            perform(ledger.queued(key(id), at: now))
            return queue.enter()
        }
        for (number, id) in ids.enumerated() {
            now += .milliseconds(1)
            if number % 10 == 9 { cancel(id, tickets[number]) } else { answer(id) }
            let confirmed = number - ids.count / 10
            if confirmed >= 0 { confirm(ids[confirmed]) }
            if number % (ids.count / Self.listingCount) == 0 {
                list(begun: number + 1, confirmed: max(0, confirmed + 1))
            }
            // A heartbeat.
            _ = tally.counts(of: worker)
        }
        let seconds = Self.seconds - start - pausedSeconds
        return (seconds * 1e6 / Double(ids.count), listingSeconds * 1e6 / Double(knownCount))
    }

    private func cancel(_ id: TaskID, _ ticket: TicketQueue<Void>.Ticket) {
        queue.leave(ticket)
        perform(ledger.discarded(key(id), at: now))
        perform(ledger.unqueued(key(id), at: now))
        tally.set(nil, of: id, for: worker)
    }

    private func answer(_ id: TaskID) {
        let key = key(id)
        precondition(queue.grantNext(()))
        ledger.slotGranted()
        let (adoption, orders) = ledger.claimed(key, at: now)
        perform(orders)
        tally.set(.working, of: id, for: worker)
        if adoption == nil { perform(ledger.createAnswered(instance(key), at: now) ?? []) }
        ledger.outcomeKnown(key, at: now)
        perform(ledger.released(key, isAnswered: true, at: now))
        tally.set(.over, of: id, for: worker)
    }

    private func confirm(_ id: TaskID) {
        let key = key(id)
        perform(ledger.answerConfirmed(key, at: now))
        perform(ledger.deletionAccepted("i\(key)", at: now))
        tally.set(nil, of: id, for: worker)
    }

    /// Shows what the first tasks have, but for those whose answers are confirmed, and the orphans that nobody has asked for.
    private func list(begun: Int, confirmed: Int) {
        let start = Self.seconds
        let own = (confirmed..<begun).filter { $0 % 10 != 9 && $0 % 10 != 0 }.map { instance(key(ids[$0])) }
        let shown = own + orphans.dropFirst((confirmed + 9) / 10)
        // Those that are gone since the last listing are looked at, too.
        knownCount += max(shown.count, ledger.taskOfInstance.count)
        let listingStart = Self.seconds
        now += .milliseconds(1)
        perform(ledger.instancesListed(shown, begun: now, at: now))
        perform(ledger.objectsListed(results: [], inputs: [:], begun: now, at: now))
        listingSeconds += Self.seconds - listingStart
        pausedSeconds += Self.seconds - start
    }

    /// What the daemon looks at after each event.
    private func perform(_ orders: [CloudOrder]) {
        _ = ledger.freeSlotCount
        _ = ledger.nextListing(.instances, at: now)
        _ = ledger.nextListing(.objects, at: now)
        _ = ledger.nextMoment
    }

    private func key(_ id: TaskID) -> TaskKey { TaskKey(id.hexadecimal) }

    private func instance(_ key: TaskKey) -> ListedInstance {
        ListedInstance(id: "i\(key)", task: key, phase: .stopped, state: "INACTIVE", createdAt: now)
    }

    private static var seconds: Double { Double(clock()) / Double(CLOCKS_PER_SEC) }
}

/// The least cost of several runs, in CPU microseconds.
@LoopActor
private func cost(of count: Int, runs: Int) -> (task: Double, known: Double) {
    let costs = (0..<runs).map { _ in Curve(count).run() }
    return (costs.map(\.task).min() ?? 0, costs.map(\.known).min() ?? 0)
}

private func rounded(_ figure: Double) -> String { "\((figure * 10).rounded() / 10)" }

/// How many times as much it may cost where there are a thousand times as many; what grows with the square costs hundreds of times
/// as much.
private let growthMax = 5.0
private let isShort = CommandLine.arguments.contains("--short")
private let counts = isShort ? [100, 100_000] : CommandLine.arguments.dropFirst().compactMap { Int($0) }
EventLoop.run {
    print("| tasks at once | orphans | us a task | us a known instance in a listing |\n|---:|---:|---:|---:|")
    let costs = counts.map { count in
        let (task, known) = cost(of: count, runs: isShort ? 3 : 1)
        print("| \(count) | \(Curve(count).orphanCount) | \(rounded(task)) | \(rounded(known)) |")
        return [task, known]
    }
    guard isShort, let few = costs.first, let many = costs.last else { return }
    let growths = zip(many, few).map { $0 / $1 }
    print("\(growths.count) costs grew \(growths.map(rounded).joined(separator: " and ")) times")
    if growths.contains(where: { !($0 <= growthMax) }) { exit(1) }
}
