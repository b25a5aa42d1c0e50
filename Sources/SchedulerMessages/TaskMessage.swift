// SPDX-License-Identifier: Apache-2.0

import CapnProto

/// An argument of a task: where its value is to be found.
package enum TaskArgument: ReadableStruct, Equatable, Sendable {
    /// The value of another task; a scheduler replaces these before it sends the task on, so a worker never sees one.
    case task(TaskID)
    /// An object in Scaler's object storage.
    case object(ObjectID)
    /// Anything else: an unknown type, or an object id that is not 32 bytes long; a task with one of these cannot run.
    case unreadable(type: UInt16, data: [UInt8])

    init(from reader: StructReader) throws(SchedulerMessageError) {
        let type = reader.uint16(at: 0)
        if type == 1, let objectID = try reader.objectIDIfValid(at: 0) {
            self = .object(objectID)
            return
        }
        let data = try reader.bytes(at: 0)
        self = type == 0 ? .task(TaskID(data)) : .unreadable(type: type, data: data)
    }
}

/// A task that a scheduler gives to a worker (`Task`).
package struct TaskMessage: ReadableStruct, Equatable, Sendable {
    /// The task's name.
    package let taskID: TaskID
    /// The client that asked for it, which is to own the result.
    package let source: ClientID
    /// Six bytes of `TaskFlags`, or none.
    package var metadata: [UInt8] = []
    /// The object that holds the function; nil if the field is not an object id, and then the task cannot run.
    package let functionObjectID: ObjectID?
    /// The arguments, by position; clients have bound keywords to positions.
    package var arguments: [TaskArgument] = []
    /// What the worker must be able to do.
    package var capabilities: [Capability] = []
}

extension TaskMessage {
    init(from body: StructReader) throws(SchedulerMessageError) {
        taskID = try body.taskID(at: 0)
        source = ClientID(try body.bytes(at: 1))
        metadata = try body.bytes(at: 2)
        functionObjectID = try body.objectIDIfValid(at: 3)
        arguments = try body.nestedList(at: 4)
        capabilities = try body.nestedList(at: 5)
    }
}

/// A scheduler's order that a task stop (`TaskCancel`); it waits for a `TaskCancelConfirm`, whatever the worker knows.
package struct TaskCancel: ReadableStruct, Equatable, Sendable {
    /// The task's name.
    package let taskID: TaskID
    /// Whether a task that already runs is to be stopped too.
    package let force: Bool
}

extension TaskCancel {
    init(from body: StructReader) throws(SchedulerMessageError) {
        taskID = try body.taskID(at: 0)
        force = try body.field(at: 1).bool(atBit: 0)
    }
}
