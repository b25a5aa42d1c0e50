// SPDX-License-Identifier: Apache-2.0

package import CapnProto

@testable package import SchedulerMessages

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

// How a scheduler reads each: the product only writes them.

extension WorkerManagerHeartbeat: ReadableStruct {
    package init(from body: StructReader) throws(SchedulerMessageError) {
        self.init(
            maxTaskConcurrency: body.uint32(at: 0),
            capabilities: try body.nestedList(at: 0),
            workerManagerID: try body.bytes(at: 1)
        )
    }
}

extension WorkerHeartbeat: ReadableStruct {
    package init(from body: StructReader) throws(SchedulerMessageError) {
        self.init()
        agent = try body.nested(at: 0)
        freeBytes = body.uint64(at: 0)
        queueSize = body.uint32(at: 8)
        queuedTasks = body.uint32(at: 12)
        latencyMicroseconds = body.uint32(at: 16)
        taskLock = body.bool(atBit: 160)
        isDraining = body.bool(atBit: 161)
        processors = try body.nestedList(at: 1)
        capabilities = try body.nestedList(at: 2)
        workerManagerID = try body.bytes(at: 3)
        memoryLimitBytes = body.uint64(at: 24)
        networkSentBytes = body.uint64(at: 32)
        networkReceivedBytes = body.uint64(at: 40)
        hostname = try body.string(at: 4)
    }
}

extension ResourceUse: ReadableStruct {
    package init(from reader: StructReader) throws(SchedulerMessageError) {
        self.init(cpuTenthsOfPercent: reader.uint16(at: 0), residentBytes: reader.uint64(at: 8))
    }
}

extension ProcessorStatus: ReadableStruct {
    package init(from reader: StructReader) throws(SchedulerMessageError) {
        self.init(
            processID: reader.uint32(at: 0),
            isInitialized: reader.bool(atBit: 32),
            hasTask: reader.bool(atBit: 33),
            isSuspended: reader.bool(atBit: 34),
            resource: try reader.nested(at: 0),
            currentTaskID: try reader.taskID(at: 1),
            taskAgeSeconds: reader.uint32(at: 8)
        )
    }
}

extension TaskResult: ReadableStruct {
    package init(from body: StructReader) throws(SchedulerMessageError) {
        let outcome: Outcome = try body.enumerant(at: 0, .resultType)
        self.init(
            taskID: try body.taskID(at: 0),
            outcome: outcome,
            metadata: try body.bytes(at: 1),
            results: try body.objectIDs(at: 2)
        )
    }
}

extension TaskCancelConfirm: ReadableStruct {
    package init(from body: StructReader) throws(SchedulerMessageError) {
        let outcome: Outcome = try body.enumerant(at: 0, .cancelConfirmType)
        self.init(taskID: try body.taskID(at: 0), outcome: outcome)
    }
}

extension TaskLog: ReadableStruct {
    package init(from body: StructReader) throws(SchedulerMessageError) {
        let stream: Stream = try body.enumerant(at: 0, .logType)
        self.init(taskID: try body.taskID(at: 0), stream: stream, content: try body.string(at: 1))
    }
}

extension WorkerDisconnect: ReadableStruct {
    /// Reads the body; the identity is empty in the second generation.
    package init(from body: StructReader) throws(SchedulerMessageError) {
        self.init(worker: try body.bytes(at: 0))
    }
}
