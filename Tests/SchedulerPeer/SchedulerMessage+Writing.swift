// SPDX-License-Identifier: Apache-2.0

package import CapnProto
import Encodings

@testable package import SchedulerMessages

// How a scheduler writes what it sends: the product only reads these.

extension TaskMessage: CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 0, dataWords: 0, pointers: 6) }

    package func write(to body: StructBuilder) {
        body.write(data: taskID.bytes, at: 0)
        body.write(data: source.bytes, at: 1)
        body.write(data: metadata, at: 2)
        body.write(data: functionObjectID?.bytes ?? [], at: 3)
        body.write(arguments, at: 4)
        body.write(capabilities, at: 5)
    }
}

extension TaskFlags {
    /// Returns the flags as they travel.
    package func encoded() -> [UInt8] {
        [profiling ? 1 : 0] + bigEndianBytes(priority) + [streamOutput ? 1 : 0]
    }
}

extension TaskArgument: WritableStruct {
    package static let size = StructSize(dataWords: 1, pointers: 1)

    package func write(to builder: StructBuilder) {
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

extension TaskCancel: CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 1, dataWords: 0, pointers: 2) }

    private static let flagsSize = StructSize(dataWords: 1, pointers: 0)

    package func write(to body: StructBuilder) {
        body.write(data: taskID.bytes, at: 0)
        body.startStructure(Self.flagsSize, at: 1).write(force, atBit: 0)
    }
}

extension WorkerHeartbeatEcho: CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 10, dataWords: 0, pointers: 1) }

    package func write(to body: StructBuilder) { body.write(objectStorageAddress, at: 0) }
}

extension ObjectStorageAddress: WritableStruct {
    package static let size = StructSize(dataWords: 1, pointers: 2)

    package func write(to builder: StructBuilder) {
        builder.write(text: host, at: 0)
        builder.write(port, at: 0)
        builder.write(text: scheme, at: 1)
    }
}

extension DisconnectResponse: CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 12, dataWords: 0, pointers: 1) }

    package func write(to body: StructBuilder) { body.write(data: worker, at: 0) }
}

extension ClientDisconnect: MessageBody {
    package static var layout: MessageLayout { .init(firstTag: 20, secondTag: 18, dataWords: 1, pointers: 0) }

    package func write(to body: StructBuilder) { body.write(kind.rawValue, at: 0) }
}

extension WorkerManagerHeartbeatEcho: MessageBody {
    package static var layout: MessageLayout { .init(firstTag: 26, secondTag: 24, dataWords: 0, pointers: 0) }

    package func write(to body: StructBuilder) {}
}

extension WorkerManagerCommand: MessageBody {
    package static var layout: MessageLayout { .init(firstTag: 27, secondTag: 25, dataWords: 0, pointers: 1) }

    package func write(to body: StructBuilder) { body.write(requests, at: 0) }
}

extension DesiredTaskConcurrencyRequest: WritableStruct {
    package static let size = StructSize(dataWords: 1, pointers: 1)

    package func write(to builder: StructBuilder) {
        builder.write(taskConcurrency, at: 0)
        builder.write(capabilities, at: 0)
    }
}
