// SPDX-License-Identifier: Apache-2.0

package import CapnProto

/// A worker's last message; the scheduler gives its tasks to others at once.
///
/// It is a `DisconnectRequest` in the first generation, which is answered, and a
/// `WorkerDisconnectNotification` in the second, which is not. The wrong one is ignored and leaves the worker
/// registered until its timeout. A heartbeat after it registers the worker again.
package struct WorkerDisconnect: MessageBody {
    package static var layout: MessageLayout { .init(firstTag: 11, secondTag: 26, dataWords: 0, pointers: 1) }

    /// The worker that leaves.
    ///
    /// Only the first generation's schedulers read it; the second's know the sender.
    package let worker: [UInt8]

    /// Creates the message of the worker with an identity.
    package init(worker identity: [UInt8]) { worker = identity }

    /// Writes the identity too in the second generation: readers that know no such field ignore it.
    package func write(to body: StructBuilder) { body.write(data: worker, at: 0) }
}

/// A manager's last message after `workerManagerShutdown` (`WorkerManagerDisconnectNotification`): its workers are gone.
package struct WorkerManagerDisconnect: CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 29, dataWords: 0, pointers: 0) }

    /// Creates the message; the reader knows the sender.
    package init() {}

    package func write(to body: StructBuilder) {}
}

/// A first-generation scheduler's answer to `WorkerDisconnect` (`DisconnectResponse`).
package struct DisconnectResponse: ReadableStruct, Equatable, Sendable {
    /// The worker that may go.
    package let worker: [UInt8]
}

extension DisconnectResponse {
    init(from body: StructReader) throws(SchedulerMessageError) { worker = try body.bytes(at: 0) }
}

/// A client's request to leave or to end the cluster (`ClientDisconnect`); workers see only the latter.
package struct ClientDisconnect: ReadableStruct, Equatable, Sendable {
    /// What a client asks for; any other number is something a later version has invented.
    package struct Kind: RawRepresentable, Equatable, Sendable {
        /// The client alone leaves.
        package static let disconnect = Kind(rawValue: 0)
        /// The cluster ends: the scheduler exits next.
        package static let shutdown = Kind(rawValue: 1)

        /// The number on the wire.
        package let rawValue: UInt16

        /// The meaning of a number on the wire.
        package init(rawValue: UInt16) { self.rawValue = rawValue }
    }

    /// What the client asks for.
    package let kind: Kind
}

extension ClientDisconnect {
    init(from body: StructReader) throws(SchedulerMessageError) {
        kind = Kind(rawValue: body.uint16(at: 0))
    }
}
