// SPDX-License-Identifier: Apache-2.0
//
// All that this module knows of tasks: two protocols, one for each direction.

package import EventLoop
package import SchedulerMessages
package import TaskEngine

/// What the scheduler tells a worker to do.
package enum TaskCommand: Sendable {
    /// Run a task, or go on with one that runs already.
    case run(TaskMessage)
    /// Stop a task; one that has begun stops only if the cancel is forced.
    case cancel(TaskID, isForced: Bool)
    /// Drop what is cached of objects that the scheduler deleted.
    case forgetObjects([ObjectID])
}

/// What becomes of a worker, as far as its tasks are concerned.
package enum WorkerEvent: Sendable {
    /// The connection or the worker is lost: queued tasks are dropped, running ones go on and wait to be sent again.
    case lost
    /// The scheduler gives up all of the worker's tasks and will not ask for them again.
    case dismissed
    /// The scheduler that knew the tasks may be another now: their output is not sent until it names them again.
    case unfamiliar
}

/// How busy a worker is: how many of its tasks are not answered yet, how many of these wait for a slot, and whether a
/// new task would have to wait.
package typealias WorkerLoad = (unansweredCount: Int, queuedCount: Int, isFull: Bool)

/// Whoever carries out the tasks of all workers.
@LoopActor
package protocol TaskHandler: AnyObject {
    /// Carries out a command; returns the answer to a cancel, nil for the others.
    @discardableResult
    func handle(_ command: TaskCommand, from worker: any TaskOrigin) -> CancelAnswer?

    /// Takes note of what becomes of a worker; the same event may come twice.
    func handle(_ event: WorkerEvent, of worker: any TaskOrigin)

    /// How busy a worker is, for its heartbeat.
    func load(of worker: any TaskOrigin) -> WorkerLoad

    /// The worker's tasks that run, `countMax` at most, those that run the longest first; for how long each does.
    func runningTasks(of worker: any TaskOrigin, upTo countMax: Int) -> [(task: TaskID, time: Duration)]
}

/// Where a task came from and where its answer goes: a worker's session with the scheduler.
@LoopActor
package protocol TaskOrigin: AnyObject {
    /// Announces a stored object, then answers the task with it; the latch opens when the scheduler has surely read
    /// both.
    func reply(_ result: TaskResult, announcing object: ObjectInstruction) -> Latch

    /// Sends encoded pieces of a task's output; they are dropped without a connection.
    func sendOutput(_ messages: [[UInt8]])
}
