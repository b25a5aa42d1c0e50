// SPDX-License-Identifier: Apache-2.0

/// What a scheduler sends to a worker or to a worker manager.
package enum SchedulerMessage: Equatable, Sendable {
    /// To a worker: run this.
    case task(TaskMessage)
    /// To a worker: stop this; always to be answered by a `TaskCancelConfirm`.
    case taskCancel(TaskCancel)
    /// To a worker: objects that are gone.
    case objectInstruction(ObjectInstruction)
    /// To a worker: its heartbeat was received, and this is where the objects are.
    case workerHeartbeatEcho(WorkerHeartbeatEcho)
    /// To a worker: a client has told the whole cluster to stop.
    case clientDisconnect(ClientDisconnect)
    /// To a worker, first generation only: its `WorkerDisconnect` was received.
    case disconnectResponse(DisconnectResponse)
    /// To a manager: its heartbeat was accepted.
    case workerManagerHeartbeatEcho(WorkerManagerHeartbeatEcho)
    /// To a manager: how many workers are wanted.
    case workerManagerCommand(WorkerManagerCommand)
    /// To a worker, after 2.9.0: take no more tasks, finish what runs, then leave. It has no fields.
    case workerShutdown
    /// To a manager, after 2.9.0: the same for all of its workers, and say when they are gone. It has no fields.
    case workerManagerShutdown
    /// A message that this receiver has no use for; to be ignored, since later versions may add some.
    case other(tag: UInt16)

    /// Who has received the message: some numbers mean different things to the two.
    package enum Receiver: Equatable, Sendable, CaseIterable {
        case manager
        case worker
    }

    /// The generation of whoever wrote an echo to a manager, which its number tells; nil for any other message.
    package static func generation(ofManagerEcho bytes: [UInt8]) -> WireGeneration? {
        switch (try? Envelope(bytes))?.tag {
        case 24: .second
        case 26: .first
        default: nil
        }
    }

    /// Reads a message of any generation, or of the one that the scheduler is known to speak.
    ///
    /// Throws if the bytes are no message or a field cannot be what its type says; an unknown tag is no error. Later
    /// releases add their messages behind the last of the second generation, where the first had others (26 and 27).
    package static func decode(
        _ bytes: [UInt8],
        receiver: Receiver,
        generation: WireGeneration? = nil
    ) throws(SchedulerMessageError) -> SchedulerMessage {
        let envelope = try Envelope(bytes)
        return switch (receiver, envelope.tag) {
        case (.manager, 28) where generation != .first: .workerManagerShutdown
        case (.manager, 26...) where generation == .second: .other(tag: envelope.tag)
        case (.manager, 24), (.manager, 26):
            .workerManagerHeartbeatEcho(try envelope.body(as: WorkerManagerHeartbeatEcho.self))
        case (.manager, 25), (.manager, 27):
            .workerManagerCommand(try envelope.body(as: WorkerManagerCommand.self))
        case (.worker, 0): .task(try envelope.body(as: TaskMessage.self))
        case (.worker, 1): .taskCancel(try envelope.body(as: TaskCancel.self))
        case (.worker, 6): .objectInstruction(try envelope.body(as: ObjectInstruction.self))
        case (.worker, 10): .workerHeartbeatEcho(try envelope.body(as: WorkerHeartbeatEcho.self))
        case (.worker, 12): .disconnectResponse(try envelope.body(as: DisconnectResponse.self))
        case (.worker, 18), (.worker, 20): .clientDisconnect(try envelope.body(as: ClientDisconnect.self))
        case (.worker, 27): .workerShutdown
        default: .other(tag: envelope.tag)
        }
    }
}
