// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
package import SchedulerMessages

/// A task as its client submits it.
package struct Submission: Sendable {
    /// What it does.
    package let job: SimulatedJob
    /// Its name on the wire.
    package let id: TaskID
    /// Its client.
    package let source: ClientID
    /// The function object.
    package let function: ObjectID
    /// Its only argument.
    package let argument: ObjectID
    /// Its metadata.
    package let flags: TaskFlags

    /// A task by its parts.
    package init(
        job: SimulatedJob,
        id: TaskID,
        source: ClientID,
        function: ObjectID,
        argument: ObjectID,
        flags: TaskFlags
    ) {
        self.job = job
        self.id = id
        self.source = source
        self.function = function
        self.argument = argument
        self.flags = flags
    }
}

/// A cancel that waits for the worker's answer.
struct PendingCancel {
    /// Who wants it.
    enum Reason {
        /// A client; also if the task runs.
        case client
        /// The scheduler, to place the task elsewhere; not if it runs.
        case balance
    }

    let reason: Reason
    let delivery: Delivery
}

/// A task that the scheduler knows.
@LoopActor
final class KnownTask {
    let submission: Submission
    /// Who holds it; nil while it waits to be placed.
    var worker: KnownWorker? {
        didSet {
            if worker == nil, !isPlacedLately { lostSince = .now }
            if worker != nil { placedAt = .now }
        }
    }
    private var placedAt = Deadline.now
    private var lostSince = Deadline.now
    /// Whether it was placed a moment ago; maybe with a worker that is gone, whose last bytes have come late.
    private var isPlacedLately: Bool { Deadline.now.duration(since: placedAt) < .seconds(60) }
    /// How long no worker has held it for more than a moment; nil while one does.
    var waitingTime: Duration? {
        worker == nil || isPlacedLately ? Deadline.now.duration(since: lostSince) : nil
    }
    /// How its way to that worker went.
    var delivery: Delivery?
    /// The cancel that is not answered yet.
    var cancel: PendingCancel?
    /// Whether its client wants it cancelled once the present cancel is answered.
    var isCancelDue = false
    /// When somebody first noticed that a message about it may be lost.
    var lossNoticed: Deadline?

    init(_ submission: Submission) { self.submission = submission }

    var number: UInt64 { submission.job.number }
}

/// A worker that the scheduler knows.
@LoopActor
final class KnownWorker {
    let identity: String
    let managerID: [UInt8]
    /// How many unfinished tasks it takes; only the first heartbeat's counts.
    let queueSize: Int
    var lastSeen = Deadline.now
    /// The tasks it holds, oldest first.
    var tasks: [UInt64] = []
    /// Whether a connection of it was reset, after which it may say again what it had said.
    var hadReset = false

    init(_ identity: String, _ heartbeat: WorkerHeartbeat) {
        self.identity = identity
        managerID = heartbeat.workerManagerID
        queueSize = Int(heartbeat.queueSize)
    }

    func remove(_ number: UInt64) {
        if let index = tasks.firstIndex(of: number) { tasks.remove(at: index) }
    }
}

/// A manager that the scheduler knows.
@LoopActor
final class KnownManager {
    let id: [UInt8]
    let identity: String
    var lastSeen = Deadline.now

    init(id: [UInt8], identity: String) {
        self.id = id
        self.identity = identity
    }
}

/// Task numbers as names on the wire: the name of each number looks random, and tells the number.
package struct TaskNames: Sendable {
    private let key: UInt64

    /// The names of a run.
    package init(seed: UInt64) { key = mix(seed ^ 0x7A5C) }

    /// The 16 bytes of a number's name.
    package func name(of number: UInt64) -> TaskID {
        let (high, low) = (number ^ key, mix(number ^ key))
        return TaskID(
            (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - $0 % 8 * 8)) }
        )
    }

    /// The number of a name; nil if it is none of these names.
    package func number(of name: TaskID) -> UInt64? {
        guard name.bytes.count == 16 else { return nil }
        let number = name.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } ^ key
        return self.name(of: number) == name ? number : nil
    }
}
