// SPDX-License-Identifier: Apache-2.0

/// What workers and worker managers send to a scheduler: the other half of the conversation, for schedulers
/// made for tests.
package enum SchedulerBoundMessage: Equatable, Sendable {
    /// From a manager: it is alive and this is how much it may run.
    case workerManagerHeartbeat(WorkerManagerHeartbeat)
    /// From a worker: it is alive, and how busy it is.
    case workerHeartbeat(WorkerHeartbeat)
    /// From a worker: what became of a task.
    case taskResult(TaskResult)
    /// From a worker: what became of a cancel.
    case taskCancelConfirm(TaskCancelConfirm)
    /// From a worker: a piece of a task's output.
    case taskLog(TaskLog)
    /// From a worker: an object that it has stored.
    case objectInstruction(ObjectInstruction)
    /// From a worker: it leaves.
    case workerDisconnect(WorkerDisconnect)
    /// Anything else.
    case other(tag: UInt16)

    /// Reads a message of any generation; throws like `SchedulerMessage.decode`.
    package static func decode(_ bytes: [UInt8]) throws(SchedulerMessageError) -> SchedulerBoundMessage {
        let envelope = try Envelope(bytes)
        return switch envelope.tag {
        case 2: .taskCancelConfirm(try envelope.body(as: TaskCancelConfirm.self))
        case 3: .taskResult(try envelope.body(as: TaskResult.self))
        case 4: .taskLog(try envelope.body(as: TaskLog.self))
        case 6: .objectInstruction(try envelope.body(as: ObjectInstruction.self))
        case 9: .workerHeartbeat(try envelope.body(as: WorkerHeartbeat.self))
        case 11, 26: .workerDisconnect(try envelope.body(as: WorkerDisconnect.self))
        case 23, 25: .workerManagerHeartbeat(try envelope.body(as: WorkerManagerHeartbeat.self))
        default: .other(tag: envelope.tag)
        }
    }
}
