// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import TaskEngine

/// How the tasks of a manager ended, and how long each of their states took, since the process began.
@LoopActor
package final class TaskStatistics {
    /// How a task ended.
    package enum Outcome: String, Sendable, CaseIterable {
        /// With a result.
        case success
        /// With an exception of its own.
        case exception
        /// Its instance or the process in it ended, or was deleted, without a result.
        case instanceEnded = "instance_ended"
        /// It was not running, or had no result, in time.
        case timeLimit = "time_limit"
        /// OCI refused to make its instance, or none can have the size that it asks for.
        case refused
        /// Otherwise: an input or result that could not be had, for example.
        case failed
        /// The scheduler or a stop of the daemon cancelled it.
        case cancelled
        /// Its worker was lost while it waited for a slot, or nobody asked for it again in time.
        case workerLost = "worker_lost"
    }

    /// How many tasks ended in each way.
    package private(set) var outcomes: [Outcome: Int] = [:]
    /// The seconds that tasks spent in each state, as often as they were in it.
    package private(set) var seconds: [TaskState: Histogram] = [:]

    /// A task that was answered with a failure which is not its own exception.
    package struct Failure: Sendable {
        /// When, in seconds since 1970.
        package let epochSeconds: Int
        /// The task, in hexadecimal digits.
        package let task: String
        /// What its client was told, or the beginning of that.
        package let text: String
        /// What to do about it; part of the text, unless that was cut.
        package let remedy: String
        /// As which it was counted.
        package let outcome: Outcome
    }

    /// So many failures are remembered, and so much of the text of each.
    private static let failureCountMax = 20
    private static let failureTextMax = 600

    /// The last of them, the oldest first.
    package private(set) var failures: [Failure] = []

    /// Nothing has ended yet.
    package init() {}

    func ended(_ outcome: Outcome) { outcomes[outcome, default: 0] += 1 }

    func failed(_ task: String, _ text: String, remedy: String = "", _ outcome: Outcome = .failed) {
        if failures.count == Self.failureCountMax { failures.removeFirst() }
        let beginning = String(text.prefix(Self.failureTextMax))
        failures.append(
            Failure(
                epochSeconds: Int(LoopClock.epochSeconds),
                task: task,
                text: beginning,
                remedy: remedy,
                outcome: outcome
            )
        )
    }

    func left(_ state: TaskState, after time: Duration) {
        seconds[state, default: Histogram()].add(time / .seconds(1))
    }
}

/// A count of values by size.
package struct Histogram: Sendable, Equatable {
    /// The largest value of each bucket but the last, which takes all others, in seconds.
    package static let bounds = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200]

    private var counts = [Int](repeating: 0, count: bounds.count + 1)
    /// The sum of all values.
    package private(set) var sum = 0.0

    /// Without values.
    package init() {}

    /// Values up to each bound, and then all.
    package var cumulative: [Int] {
        var sum = 0
        return counts.map {
            sum += $0
            return sum
        }
    }

    /// Takes a value.
    package mutating func add(_ value: Double) {
        counts[Self.bounds.firstIndex { value <= $0 } ?? Self.bounds.count] += 1
        sum += value
    }
}
