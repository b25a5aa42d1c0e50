// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// What happens to a connection under a link that mends it by itself.
package enum ConnectionEvent: Sendable, Equatable {
    /// The connection ended; what was sent lately may be lost.
    case disconnected
    /// Peer and link understand each other, at first or again.
    case connected
}

/// An ordered, two-way flow of whole messages to one peer, over ZMQ or YMQ.
@LoopActor
package protocol MessageLink: AnyObject {
    /// The peer's YMQ version; nil under ZMQ, where nothing on the wire tells the peer's release.
    var version: YMQVersion? { get }

    /// Queues messages to go out in order with no other message between them; never waits.
    func send(_ messages: [[UInt8]]) throws(MessagingError)

    /// Takes the next message, suspending while there is none; one caller at a time.
    ///
    /// A deadline or a cancellation loses nothing: the message comes with the next call.
    func receive(until deadline: Deadline) async throws(MessagingError) -> [UInt8]

    /// Suspends until something happens to a connection that the link mends by itself; one caller at a time.
    ///
    /// Under YMQ nothing ever does, for there a lost connection ends the link; so cancel it with the link.
    func nextConnectionEvent() async throws(MessagingError) -> ConnectionEvent

    /// Suspends until all that was queued has been handed to the kernel (YMQ) or to libzmq (ZMQ).
    func flush(until deadline: Deadline) async throws(MessagingError)

    /// Delivers what is queued, for `lingering` at most, then ends the link in the peer's good manners.
    ///
    /// Waits in `receive` and `flush` end with `MessagingError.closed`. More than once is harmless.
    func close(lingering: Duration) async
}

extension MessageLink {
    package func nextConnectionEvent() async throws(MessagingError) -> ConnectionEvent {
        while true {
            do throws(WaitError) { try await sleep(until: .never) } catch { throw MessagingError(error) }
        }
    }

    /// Queues one message; never waits.
    package func send(_ message: [UInt8]) throws(MessagingError) {
        try send([message])
    }

    /// Takes the next message, suspending while there is none, for ever if need be.
    package func receive() async throws(MessagingError) -> [UInt8] {
        try await receive(until: .never)
    }
}
