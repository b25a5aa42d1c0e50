// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import SchedulerLink
package import SchedulerMessages
internal import TaskEngine

/// Which tasks each worker must answer, and how many of them are how far: kept current with every change, so that the counts
/// of a heartbeat cost the same however many tasks there are.
@LoopActor
package final class RunTally {
    /// How far a task is, as far as its worker's load is concerned.
    package enum Standing: Sendable {
        /// It waits for a slot, and is not answered.
        case queued
        /// It is at work, and is not answered.
        case working
        /// It is answered, or given up.
        case over
    }

    private struct Share {
        /// Keeps the worker, so that its address names no other.
        let worker: any TaskOrigin
        var tasks: [TaskID: Standing] = [:]
        var unansweredCount = 0
        var queuedCount = 0

        mutating func set(_ standing: Standing?, of task: TaskID) {
            count(tasks[task], -1)
            tasks[task] = standing
            count(standing, 1)
        }

        private mutating func count(_ standing: Standing?, _ change: Int) {
            if standing == .queued || standing == .working { unansweredCount += change }
            if standing == .queued { queuedCount += change }
        }
    }

    private var shares: [ObjectIdentifier: Share] = [:]

    /// A tally without tasks.
    package init() {}

    /// A worker must answer a task that is so far; nil when it must not any more.
    package func set(_ standing: Standing?, of task: TaskID, for worker: any TaskOrigin) {
        let address = ObjectIdentifier(worker)
        shares[address, default: Share(worker: worker)].set(standing, of: task)
        if shares[address]?.tasks.isEmpty == true { shares[address] = nil }
    }

    /// How many of a worker's tasks are not answered, and how many of these wait for a slot.
    package func counts(of worker: any TaskOrigin) -> (unanswered: Int, queued: Int) {
        let share = shares[ObjectIdentifier(worker)]
        return (share?.unansweredCount ?? 0, share?.queuedCount ?? 0)
    }

    /// A worker's tasks, in no order.
    package func tasks(of worker: any TaskOrigin) -> [TaskID] {
        shares[ObjectIdentifier(worker)].map { Array($0.tasks.keys) } ?? []
    }
}

extension TaskState {
    /// What a task in this state is to its worker.
    var standing: RunTally.Standing {
        switch self {
        case .queued: .queued
        case .loading, .storing, .creating, .running, .diagnosing, .fetching, .replying: .working
        case .cleaning, .gone: .over
        }
    }
}
