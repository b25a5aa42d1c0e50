// SPDX-License-Identifier: Apache-2.0

/// What the clients of a run submit.
package struct Workload: Sendable {
    /// When tasks come.
    package enum Arrivals: Sendable {
        /// So many a minute on average, each independent of the others.
        case steady(perMinute: Double)
        /// A number of tasks at once, then a pause of so many seconds, each drawn evenly.
        case bursts(size: ClosedRange<Int>, pauseSeconds: ClosedRange<Double>)
    }

    /// How many tasks are submitted in all; those that are submitted again after a restart come on top.
    package var taskCount: Int
    /// When they come.
    package var arrivals: Arrivals
    /// How long a task's container runs, in milliseconds; short times are more frequent.
    package var milliseconds: ClosedRange<UInt64>
    /// Bytes of filling of an argument; small ones are more frequent.
    package var fillingByteCount: ClosedRange<Int>
    /// Share of tasks with more than a mebibyte of filling, 0 to 1: the daemon keeps those in files.
    package var largeShare = 0.0
    /// Tasks of one client, which then takes its replies and leaves.
    package var tasksPerClient = 200
    /// How long after its submission a task is cancelled at most, in milliseconds beyond its run time; whether it is
    /// cancelled is the fault `clientCancels`.
    package var cancelSpreadMilliseconds: UInt64 = 60_000
    /// Share of tasks whose client wants their output, 0 to 1.
    package var streamedShare = 0.0
    /// Highest priority that a task may have; the lowest is 0.
    package var priorityMax: Int32 = 0

    /// A workload by its number of tasks, their arrival, run time and size.
    package init(
        taskCount: Int,
        arrivals: Arrivals,
        milliseconds: ClosedRange<UInt64>,
        fillingByteCount: ClosedRange<Int>
    ) {
        self.taskCount = taskCount
        self.arrivals = arrivals
        self.milliseconds = milliseconds
        self.fillingByteCount = fillingByteCount
    }
}
