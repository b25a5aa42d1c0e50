// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// Where a peer listens.
package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// A TCP port; `host` is a name or a numeric address, IPv6 without brackets.
    case tcp(host: String, port: UInt16)
    /// A UNIX domain socket at a path of this machine; ZMQ only.
    case ipc(path: String)

    /// The form libzmq takes, and people read.
    package var description: String {
        switch self {
        case .tcp(let host, let port): isIPv6 ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
        case .ipc(let path): "ipc://\(path)"
        }
    }

    /// Whether the host is a numeric IPv6 address; no name holds a colon.
    var isIPv6: Bool {
        guard case .tcp(let host, _) = self else { return false }
        return host.utf8.contains(UInt8(ascii: ":"))
    }
}

/// What happens to a connection under a link that reconnects by itself.
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

    /// Whether the link connects, and connects again, by itself, and tells by `nextConnectionEvent`, as ZMQ's do.
    ///
    /// What it is given without a connection it keeps for the next one, without limit: nothing but what must arrive however
    /// late may be sent then.
    var connectsByItself: Bool { get }

    /// Queues messages to go out in order with no other message between them; never waits.
    func send(_ messages: [[UInt8]]) throws(MessagingError)

    /// Takes the next message, suspending while there is none; one caller at a time.
    ///
    /// A deadline or a cancellation loses nothing: the message comes with the next call.
    func receive(until deadline: Deadline) async throws(MessagingError) -> [UInt8]

    /// Suspends until a link that reconnects by itself has lost its connection or has one; one caller at a time.
    ///
    /// Under YMQ nothing ever does, for there a lost connection ends the link; so cancel it with the link.
    func nextConnectionEvent() async throws(MessagingError) -> ConnectionEvent

    /// Suspends until all that was queued has been handed to the kernel (YMQ) or to libzmq (ZMQ).
    func flush(until deadline: Deadline) async throws(MessagingError)

    /// Delivers what is queued, for `lingering` at most, then ends the link in order, so that the peer sees no failure.
    ///
    /// Waits in `receive` and `flush` end with `MessagingError.closed`. More than once is harmless.
    func close(lingering: Duration) async
}

extension MessageLink {
    package var connectsByItself: Bool { false }

    package func nextConnectionEvent() async throws(MessagingError) -> ConnectionEvent {
        while true {
            do throws(WaitError) { try await sleep(until: .never) } catch { throw MessagingError(error) }
        }
    }

    /// Queues one message; never waits.
    package func send(_ message: [UInt8]) throws(MessagingError) { try send([message]) }

    /// Takes the next message, suspending while there is none, for ever if need be.
    package func receive() async throws(MessagingError) -> [UInt8] { try await receive(until: .never) }
}

/// Throws unless `identity` can be carried by both wires and understood by every scheduler.
///
/// ZMTP carries 1 to 255 bytes (ZMTP 3.1, "Identity"). Scaler decodes them as UTF-8: 2.7.0 and later log an
/// error for each message from anything else, up to 2.6.0 the scheduler dies.
func requireValid(_ identity: [UInt8]) throws(MessagingError) {
    guard (1...255).contains(identity.count), String(validating: identity, as: UTF8.self) != nil else {
        throw .invalidIdentity
    }
}

/// How many messages a receiver may take before it lets others have the loop; an async function that need not wait
/// does not suspend, so without this a flood would stop every timer.
@LoopActor
final class YieldBudget {
    /// As many messages as a turn of the loop may deliver; the cost of a turn is small beside theirs.
    private static let messageCountMax = 64

    private var left = messageCountMax

    /// Counts a message that is about to be taken, and now and then lets others run first.
    func spend() async throws(MessagingError) {
        if left == 0 {
            left = Self.messageCountMax
            await yieldToOthers()
            if isCancelled { throw .cancelled }
        }
        left -= 1
    }
}
