// SPDX-License-Identifier: Apache-2.0

import SchedulerMessages
import SchedulerPeer

/// Reads the input as a message to each receiver, and stops the process when what was read does not survive being
/// written and read again.
///
/// Traps, reads out of bounds and memory without bound stop the process by themselves.
enum SchedulerMessagesFuzz {
    static func feed(_ input: [UInt8]) {
        for receiver in SchedulerMessage.Receiver.allCases {
            guard let message = try? SchedulerMessage.decode(input, receiver: receiver) else { continue }
            for encoded in encodings(of: message) {
                let again = try? SchedulerMessage.decode(encoded, receiver: receiver)
                insist(again == message, "\(message) became \(String(describing: again))")
            }
        }
        if let message = try? SchedulerBoundMessage.decode(input) {
            for encoded in encodings(of: message) {
                let again = try? SchedulerBoundMessage.decode(encoded)
                insist(again == message, "\(message) became \(String(describing: again))")
            }
        }
        if let response = try? ObjectStorageResponse.decode(input) {
            insist((try? ObjectStorageResponse.decode(response.encoded())) == response, "\(response)")
        }
    }
}

private func encodings(of message: SchedulerMessage) -> [[UInt8]] {
    switch message {
    case .task(let body): encodings(of: body)
    case .taskCancel(let body): encodings(of: body)
    case .objectInstruction(let body): encodings(of: body)
    case .workerHeartbeatEcho(let body): encodings(of: body)
    case .clientDisconnect(let body): encodings(of: body)
    case .disconnectResponse(let body): encodings(of: body)
    case .workerManagerHeartbeatEcho(let body): encodings(of: body)
    case .workerManagerCommand(let body): encodings(of: body)
    case .workerShutdown, .workerManagerShutdown, .other: []
    }
}

private func encodings(of message: SchedulerBoundMessage) -> [[UInt8]] {
    switch message {
    case .workerManagerHeartbeat(let body): encodings(of: body)
    case .workerHeartbeat(let body): encodings(of: body)
    case .taskResult(let body): encodings(of: body)
    case .taskCancelConfirm(let body): encodings(of: body)
    case .taskLog(let body): encodings(of: body)
    case .objectInstruction(let body): encodings(of: body)
    case .workerDisconnect(let body): encodings(of: body)
    case .other: []
    }
}

private func encodings(of body: some MessageBody) -> [[UInt8]] {
    WireGeneration.allCases.map { body.encoded(for: $0) }
}
