// SPDX-License-Identifier: Apache-2.0

import TestSupport

@testable import SchedulerMessages

/// A message whose fields can be told in the words of the real library, to be compared with what the library
/// says.
protocol Described {
    var fields: JSONValue { get }
}

/// Makes an object as the vectors have them: the type under `_`, then the fields.
private func described(_ type: String, _ fields: [String: JSONValue]) -> JSONValue {
    .object(fields.merging(["_": .string(type)]) { field, _ in field })
}

private func data(_ bytes: [UInt8]) -> JSONValue {
    .object(["b": .string(bytes.hexadecimal)])
}

private func number(_ value: some BinaryInteger) -> JSONValue {
    .integer(Int128(value))
}

private func list(_ elements: [some Described]) -> JSONValue {
    .array(elements.map(\.fields))
}

extension JSONValue {
    /// Removes the fields that are not in the other value: those that a version did not have.
    func restricted(to other: JSONValue) -> JSONValue {
        switch (self, other) {
        case (.object(let ours), .object(let theirs)):
            .object(
                ours.filter { theirs[$0.key] != nil }
                    .reduce(into: [:]) { $0[$1.key] = $1.value.restricted(to: other[$1.key]) }
            )
        case (.array(let ours), .array(let theirs)) where ours.count == theirs.count:
            .array(zip(ours, theirs).map { $0.restricted(to: $1) })
        default: self
        }
    }
}

extension Capability: Described {
    var fields: JSONValue {
        described("TaskCapability", ["name": .string(name), "value": number(value)])
    }
}

extension TaskArgument: Described {
    var fields: JSONValue {
        switch self {
        case .task(let taskID): described("Argument", ["type": "task=0", "data": data(taskID.bytes)])
        case .object(let objectID):
            described("Argument", ["type": "objectID=1", "data": data(objectID.bytes)])
        case .unreadable(let type, let bytes):
            described("Argument", ["type": number(type), "data": data(bytes)])
        }
    }
}

extension TaskMessage: Described {
    var fields: JSONValue {
        described(
            "Task",
            [
                "taskId": data(taskID.bytes), "source": data(source.bytes), "metadata": data(metadata),
                "funcObjectId": data(functionObjectID?.bytes ?? []), "functionArgs": list(arguments),
                "capabilities": list(capabilities),
            ]
        )
    }
}

extension TaskCancel: Described {
    var fields: JSONValue {
        let flags = described("TaskCancelFlags", ["force": .bool(force)])
        return described("TaskCancel", ["taskId": data(taskID.bytes), "flags": flags])
    }
}

extension TaskCancelConfirm: Described {
    var fields: JSONValue {
        described(
            "TaskCancelConfirm",
            ["taskId": data(taskID.bytes), "cancelConfirmType": .string("\(outcome)=\(outcome.rawValue)")]
        )
    }
}

extension TaskResult: Described {
    var fields: JSONValue {
        described(
            "TaskResult",
            [
                "taskId": data(taskID.bytes), "resultType": .string("\(outcome)=\(outcome.rawValue)"),
                "metadata": data(metadata), "results": .array(results.map { data($0.bytes) }),
            ]
        )
    }
}

extension TaskLog: Described {
    var fields: JSONValue {
        let type = stream == .standardOutput ? "stdout=0" : "stderr=1"
        return described(
            "TaskLog",
            ["taskId": data(taskID.bytes), "logType": .string(type), "content": .string(content)]
        )
    }
}

extension ObjectInstruction {
    /// A scheduler's revocation.
    init(deleted objectIDs: [ObjectID]) {
        self.init(
            kind: .delete,
            user: ClientID([]),
            objectIDs: objectIDs,
            contentTypes: [],
            names: [],
            sizesInBytes: []
        )
    }
}

extension ObjectInstruction: Described {
    var fields: JSONValue {
        let type: JSONValue =
            switch kind {
            case .create: "create=0"
            case .delete: "delete=1"
            case .clear: "clear=2"
            default: number(kind.rawValue)
            }
        let metadata = described(
            "ObjectMetadata",
            [
                "objectIds": .array(objectIDs.map { data($0.bytes) }),
                "objectTypes": .array(contentTypes.map { .string("\($0)=\($0.rawValue)") }),
                "objectNames": .array(names.map { data($0) }),
                "objectSizes": .array(sizesInBytes.map { number($0) }),
            ]
        )
        return described(
            "ObjectInstruction",
            ["instructionType": type, "objectUser": data(user.bytes), "objectMetadata": metadata]
        )
    }
}

extension ResourceUse: Described {
    var fields: JSONValue {
        described("Resource", ["cpu": number(cpuTenthsOfPercent), "rss": number(residentBytes)])
    }
}

extension ProcessorStatus: Described {
    var fields: JSONValue {
        described(
            "ProcessorStatus",
            [
                "pid": number(processID), "initialized": .bool(isInitialized), "hasTask": .bool(hasTask),
                "suspended": .bool(isSuspended), "resource": resource.fields,
                "currentTaskId": data(currentTaskID.bytes), "taskAgeSeconds": number(taskAgeSeconds),
            ]
        )
    }
}

extension WorkerHeartbeat: Described {
    var fields: JSONValue {
        described(
            "WorkerHeartbeat",
            [
                "agent": agent.fields, "rssFree": number(freeBytes), "queueSize": number(queueSize),
                "queuedTasks": number(queuedTasks), "taskLock": .bool(taskLock),
                // The same field: 2.9.0 gave it a longer name.
                "latencyUS": number(latencyMicroseconds), "latencyMicroseconds": number(latencyMicroseconds),
                "processors": list(processors), "capabilities": list(capabilities),
                "workerManagerID": data(workerManagerID), "memLimit": number(memoryLimitBytes),
                "netSentBytes": number(networkSentBytes), "netRecvBytes": number(networkReceivedBytes),
                "hostname": .string(hostname),
            ]
        )
    }
}

extension WorkerHeartbeatEcho: Described {
    var fields: JSONValue {
        let address = described(
            "ObjectStorageAddress",
            [
                "host": .string(objectStorageAddress.host), "port": number(objectStorageAddress.port),
                "scheme": .string(objectStorageAddress.scheme),
            ]
        )
        return described("WorkerHeartbeatEcho", ["objectStorageAddress": address])
    }
}

extension WorkerManagerHeartbeat: Described {
    var fields: JSONValue {
        described(
            "WorkerManagerHeartbeat",
            [
                "maxTaskConcurrency": number(maxTaskConcurrency), "capabilities": list(capabilities),
                "workerManagerID": data(workerManagerID),
            ]
        )
    }
}

extension WorkerManagerHeartbeatEcho: Described {
    var fields: JSONValue {
        described("WorkerManagerHeartbeatEcho", [:])
    }
}

extension DesiredTaskConcurrencyRequest: Described {
    var fields: JSONValue {
        described(
            "DesiredTaskConcurrencyRequest",
            ["taskConcurrency": number(taskConcurrency), "capabilities": list(capabilities)]
        )
    }
}

extension WorkerManagerCommand: Described {
    var fields: JSONValue {
        described("WorkerManagerCommand", ["setDesiredTaskConcurrencyRequests": list(requests)])
    }
}

extension WorkerDisconnect: Described {
    var fields: JSONValue {
        worker.isEmpty
            ? described("WorkerDisconnectNotification", [:])
            : described("DisconnectRequest", ["worker": data(worker)])
    }
}

extension DisconnectResponse: Described {
    var fields: JSONValue {
        described("DisconnectResponse", ["worker": data(worker)])
    }
}

extension ClientDisconnect: Described {
    var fields: JSONValue {
        let type: JSONValue =
            switch kind {
            case .disconnect: "disconnect=0"
            case .shutdown: "shutdown=1"
            default: number(kind.rawValue)
            }
        return described("ClientDisconnect", ["disconnectType": type])
    }
}
