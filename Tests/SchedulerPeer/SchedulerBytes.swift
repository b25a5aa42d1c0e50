// SPDX-License-Identifier: Apache-2.0

@testable package import SchedulerMessages

/// What a scheduler sends, ready for a frame.
package enum SchedulerBytes {
    /// A task for a worker; `flags` is its metadata, and every argument is an object.
    package static func task(
        _ id: TaskID,
        source: ClientID,
        flags: TaskFlags,
        function: ObjectID,
        arguments: [ObjectID]
    ) -> [UInt8] {
        TaskMessage(
            taskID: id,
            source: source,
            metadata: flags.encoded(),
            functionObjectID: function,
            arguments: arguments.map { .object($0) },
            capabilities: []
        ).encoded()
    }

    /// An order that a worker stop a task; `force` also if it runs already.
    package static func cancel(_ id: TaskID, force: Bool) -> [UInt8] {
        TaskCancel(taskID: id, force: force).encoded()
    }

    /// An answer to a worker's heartbeat, with the address of the object storage over TCP.
    package static func workerEcho(storageHost host: String, port: UInt16) -> [UInt8] {
        let address = ObjectStorageAddress(host: host, port: port, scheme: "tcp")
        return WorkerHeartbeatEcho(objectStorageAddress: address).encoded()
    }

    /// Word to a worker that objects are gone.
    package static func delete(_ objects: [ObjectID]) -> [UInt8] {
        ObjectInstruction(
            kind: .delete,
            user: ClientID([]),
            objectIDs: objects,
            contentTypes: [],
            names: [],
            sizesInBytes: []
        ).encoded()
    }

    /// An answer to a worker's goodbye; in the first generation only.
    package static func disconnectResponse(to worker: [UInt8]) -> [UInt8] {
        DisconnectResponse(worker: worker).encoded()
    }

    /// An answer to a manager's heartbeat.
    package static func managerEcho(_ generation: WireGeneration) -> [UInt8] {
        WorkerManagerHeartbeatEcho().encoded(for: generation)
    }

    /// An order for a number of workers, whatever they can do.
    package static func command(workers: UInt32, _ generation: WireGeneration) -> [UInt8] {
        let request = DesiredTaskConcurrencyRequest(taskConcurrency: workers, capabilities: [])
        return WorkerManagerCommand(requests: [request]).encoded(for: generation)
    }

    /// Word to a worker that it shut down.
    package static let workerShutdown = empty(tag: 27)

    /// Word to a manager that it shut down.
    package static let workerManagerShutdown = empty(tag: 28)

    private static func empty(tag: UInt8) -> [UInt8] {
        var bytes = WorkerManagerDisconnect().encoded()
        bytes[16] = tag
        return bytes
    }
}

extension SchedulerBoundMessage {
    /// The union tag of a message, which tells the generation of some; nil if it is no message.
    package static func tag(of bytes: [UInt8]) -> UInt16? { (try? Envelope(bytes))?.tag }
}

extension SchedulerBytes {
    /// Word to a worker that a client ends the whole cluster.
    package static func shutdown(_ generation: WireGeneration) -> [UInt8] {
        ClientDisconnect(kind: .shutdown).encoded(for: generation)
    }

    /// The header of an object storage's answer; a payload of `byteCount` bytes follows unless that is 0.
    package static func storageAnswer(
        _ kind: ObjectStorageResponseKind,
        _ object: ObjectID,
        requestID: UInt64,
        byteCount: Int
    ) -> [UInt8] {
        ObjectStorageResponse(
            kind: kind,
            requestID: requestID,
            objectID: object,
            payloadByteCount: UInt64(byteCount)
        ).encoded()
    }
}
