// SPDX-License-Identifier: Apache-2.0

import SchedulerPeer
import TestSupport

@testable import SchedulerMessages

/// A message as its one proper receiver decodes it.
struct DecodedMessage {
    /// The body, or nil if the receiver has no use for it.
    let body: (any MessageBody & Described)?

    /// Decodes a message of the real library for whoever would receive it.
    init(_ vector: Vector) throws {
        switch vector.entry["fields"]["_"].text {
        case "WorkerManagerHeartbeatEcho", "WorkerManagerCommand":
            body = try SchedulerMessage.decode(vector.bytes, receiver: .manager).body
        case "Task", "TaskCancel", "WorkerHeartbeatEcho", "ClientDisconnect", "DisconnectResponse":
            body = try SchedulerMessage.decode(vector.bytes, receiver: .worker).body
        case "ObjectInstruction" where vector.name.contains("delete"):
            body = try SchedulerMessage.decode(vector.bytes, receiver: .worker).body
        default:
            body = try SchedulerBoundMessage.decode(vector.bytes).body
        }
    }
}

extension SchedulerMessage {
    /// The body of any message that is not of the last case.
    var body: (any MessageBody & Described)? {
        switch self {
        case .task(let body): body
        case .taskCancel(let body): body
        case .objectInstruction(let body): body
        case .workerHeartbeatEcho(let body): body
        case .clientDisconnect(let body): body
        case .disconnectResponse(let body): body
        case .workerManagerHeartbeatEcho(let body): body
        case .workerManagerCommand(let body): body
        case .workerShutdown, .workerManagerShutdown, .other: nil
        }
    }
}

extension SchedulerBoundMessage {
    /// The body of any message that is not of the last case.
    var body: (any MessageBody & Described)? {
        switch self {
        case .workerManagerHeartbeat(let body): body
        case .workerHeartbeat(let body): body
        case .taskResult(let body): body
        case .taskCancelConfirm(let body): body
        case .taskLog(let body): body
        case .objectInstruction(let body): body
        case .workerDisconnect(let body): body
        case .other: nil
        }
    }
}
