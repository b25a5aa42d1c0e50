// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// Where a peer listens.
package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// A TCP port; `host` is a name or a numeric address, IPv6 without brackets.
    case tcp(host: String, port: UInt16)
    /// A UNIX domain socket at a path of this machine; an `@` first makes it an abstract name (unix(7)), as for libzmq.
    case ipc(path: String)
    /// The same as `tcp`, with TLS around all that is said.
    case tls(host: String, port: UInt16)
    /// A WebSocket, inside TLS if `isSecure`; `path` begins with a slash.
    case webSocket(host: String, port: UInt16, path: String, isSecure: Bool)

    /// The form people read, with the brackets that RFC 3986 (3.2.2) wants around IPv6.
    package var description: String {
        switch self {
        case .tcp(let host, let port): "tcp://\(bracketed(host)):\(port)"
        case .ipc(let path): "ipc://\(path)"
        case .tls(let host, let port): "tls://\(bracketed(host)):\(port)"
        case .webSocket(let host, let port, let path, let isSecure):
            "\(isSecure ? "wss" : "ws")://\(bracketed(host)):\(port)\(path)"
        }
    }

    /// The name or numeric address; nil for a socket of this machine.
    package var host: String? {
        switch self {
        case .tcp(let host, _), .tls(let host, _), .webSocket(let host, _, _, _): host
        case .ipc: nil
        }
    }

    /// A host as it stands before a port: in brackets if it is a numeric IPv6 address; no name holds a colon.
    private func bracketed(_ host: String) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
    }
}

/// An ordered, two-way flow of whole messages to one peer, over one connection that speaks ZMTP or YMQ.
///
/// It never reconnects: what a lost connection means, its owner knows.
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

    /// Suspends until all that was queued has been handed to the kernel.
    func flush(until deadline: Deadline) async throws(MessagingError)

    /// Delivers what is queued, for `lingering` at most, then ends the link in order, so that the peer sees no failure.
    ///
    /// Waits in `receive` and `flush` end with `MessagingError.closed`. More than once is harmless.
    func close(lingering: Duration) async
}

extension MessageLink {
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
