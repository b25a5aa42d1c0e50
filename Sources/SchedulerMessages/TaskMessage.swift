// SPDX-License-Identifier: Apache-2.0

package import CapnProto

/// An argument of a task: where its value is to be found.
package enum TaskArgument: NestedStruct, Equatable, Sendable {
    /// The value of another task; a scheduler replaces these before it sends the task on, so a worker never
    /// sees one.
    case task(TaskID)
    /// An object in Scaler's object storage.
    case object(ObjectID)
    /// Anything else: an unknown type, or an object id that is not 32 bytes long; a task with one of these
    /// cannot run.
    case unreadable(type: UInt16, data: [UInt8])

    static let size = StructSize(dataWords: 1, pointers: 1)

    init(from reader: StructReader) throws(SchedulerMessageError) {
        let type = reader.uint16(at: 0)
        if type == 1, let objectID = try reader.objectIDIfValid(at: 0) {
            self = .object(objectID)
            return
        }
        let data = try reader.bytes(at: 0)
        self = type == 0 ? .task(TaskID(data)) : .unreadable(type: type, data: data)
    }

    func write(to builder: StructBuilder) {
        let (type, data): (UInt16, [UInt8]) =
            switch self {
            case .task(let taskID): (0, taskID.bytes)
            case .object(let objectID): (1, objectID.bytes)
            case .unreadable(let type, let data): (type, data)
            }
        builder.write(type, at: 0)
        builder.write(data: data, at: 0)
    }
}

/// A task that a scheduler gives to a worker (`Task`).
package struct TaskMessage: CommonMessageBody {
    package static var layout: MessageLayout { .init(tag: 0, dataWords: 0, pointers: 6) }

    /// The task's name.
    package let taskID: TaskID
    /// The client that asked for it, which is to own the result.
    package let source: ClientID
    /// Six bytes of `TaskFlags`, or none.
    package let metadata: [UInt8]
    /// The object that holds the function; nil if the field is not an object id, and then the task cannot
    /// run.
    package let functionObjectID: ObjectID?
    /// The arguments, by position; clients have bound keywords to positions.
    package let arguments: [TaskArgument]
    /// What the worker must be able to do.
    package let capabilities: [Capability]

    /// Creates a task.
    package init(
        taskID: TaskID,
        source: ClientID,
        metadata: [UInt8] = [],
        functionObjectID: ObjectID?,
        arguments: [TaskArgument] = [],
        capabilities: [Capability] = []
    ) {
        self.taskID = taskID
        self.source = source
        self.metadata = metadata
        self.functionObjectID = functionObjectID
        self.arguments = arguments
        self.capabilities = capabilities
    }

    package init(from body: StructReader) throws(SchedulerMessageError) {
        taskID = try body.taskID(at: 0)
        source = ClientID(try body.bytes(at: 1))
        metadata = try body.bytes(at: 2)
        functionObjectID = try body.objectIDIfValid(at: 3)
        arguments = try body.nestedList(at: 4)
        capabilities = try body.nestedList(at: 5)
    }

    package func write(to body: StructBuilder) {
        body.write(data: taskID.bytes, at: 0)
        body.write(data: source.bytes, at: 1)
        body.write(data: metadata, at: 2)
        body.write(data: functionObjectID?.bytes ?? [], at: 3)
        body.write(arguments, at: 4)
        body.write(capabilities, at: 5)
    }
}

/// A scheduler's order that a task stop (`TaskCancel`); it waits for a `TaskCancelConfirm`, whatever the
/// worker knows.
package struct TaskCancel: CommonMessageBody {
    package static var layout: MessageLayout { .init(tag: 1, dataWords: 0, pointers: 2) }

    private static let flagsSize = StructSize(dataWords: 1, pointers: 0)

    /// The task's name.
    package let taskID: TaskID
    /// Whether a task that already runs is to be stopped too.
    package let force: Bool
}

extension TaskCancel {
    package init(from body: StructReader) throws(SchedulerMessageError) {
        taskID = try body.taskID(at: 0)
        force = try body.field(at: 1).bool(atBit: 0)
    }

    package func write(to body: StructBuilder) {
        body.write(data: taskID.bytes, at: 0)
        body.startStructure(Self.flagsSize, at: 1).write(force, atBit: 0)
    }
}
