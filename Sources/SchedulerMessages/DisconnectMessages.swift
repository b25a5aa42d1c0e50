// SPDX-License-Identifier: Apache-2.0

package import CapnProto

/// A worker's last message; the scheduler gives its tasks to others at once.
///
/// It is a `DisconnectRequest` in the first generation, which is answered, and a
/// `WorkerDisconnectNotification` in the second, which is not. The wrong one is ignored and leaves the worker
/// registered until its timeout. A heartbeat after it registers the worker again.
package struct WorkerDisconnect: MessageBody {
    /// Words of data and pointers in 2.9.0.
    package static let size = StructSize(dataWords: 0, pointers: 1)

    /// The worker that leaves.
    ///
    /// Only the first generation's schedulers read it; the second's know the sender.
    package let worker: [UInt8]

    /// Creates the goodbye of the worker with an identity.
    package init(worker identity: [UInt8]) {
        worker = identity
    }

    /// Returns 11 in the first generation and 26 in the second.
    package func tag(in generation: WireGeneration) -> UInt16 {
        switch generation {
        case .first: 11
        case .second: 26
        }
    }

    /// Reads a goodbye from the body of a message; the identity is empty in the second generation.
    package init(from body: StructReader) throws(SchedulerMessageError) {
        worker = try body.bytes(at: 0)
    }

    /// Writes the goodbye into the body of a message, the identity too: readers that know no such field
    /// ignore it.
    package func write(to body: StructBuilder) {
        body.write(data: worker, at: 0)
    }
}

/// A first-generation scheduler's answer to a goodbye (`DisconnectResponse`).
package struct DisconnectResponse: CommonMessageBody {
    /// The number that stands for it in the union of every generation.
    package static let tag: UInt16 = 12
    /// Words of data and pointers in 2.9.0.
    package static let size = StructSize(dataWords: 0, pointers: 1)

    /// The worker that may go.
    package let worker: [UInt8]

    /// Creates an answer for the worker with an identity.
    package init(worker identity: [UInt8]) {
        worker = identity
    }

    /// Reads an answer from the body of a message.
    package init(from body: StructReader) throws(SchedulerMessageError) {
        worker = try body.bytes(at: 0)
    }

    /// Writes the answer into the body of a message.
    package func write(to body: StructBuilder) {
        body.write(data: worker, at: 0)
    }
}

/// A client's wish to leave or to end the cluster (`ClientDisconnect`); workers see only the latter.
package struct ClientDisconnect: MessageBody {
    /// Words of data and pointers in 2.9.0.
    package static let size = StructSize(dataWords: 1, pointers: 0)

    /// What the client wants.
    package enum Kind: Equatable, Sendable {
        /// The client leaves.
        case disconnect
        /// The cluster ends: the scheduler exits next.
        case shutdown
        /// Something a later version has invented.
        case other(UInt16)
    }

    /// What the client wants.
    package let kind: Kind

    /// Creates a wish.
    package init(kind: Kind) {
        self.kind = kind
    }

    /// Returns 20 in the first generation and 18 in the second.
    package func tag(in generation: WireGeneration) -> UInt16 {
        switch generation {
        case .first: 20
        case .second: 18
        }
    }

    /// Reads a wish from the body of a message.
    package init(from body: StructReader) throws(SchedulerMessageError) {
        kind =
            switch body.uint16(at: 0) {
            case 0: .disconnect
            case 1: .shutdown
            case let value: .other(value)
            }
    }

    /// Writes the wish into the body of a message.
    package func write(to body: StructBuilder) {
        let value: UInt16 =
            switch kind {
            case .disconnect: 0
            case .shutdown: 1
            case .other(let value): value
            }
        body.write(value, at: 0)
    }
}
