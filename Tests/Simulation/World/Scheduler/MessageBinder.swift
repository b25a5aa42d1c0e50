// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// How a message to a peer fared, as far as its sender's side can tell.
@LoopActor
package final class Delivery {
    /// Where the message is.
    package enum State: Sendable, Equatable {
        /// It waits until the peer connects again.
        case queued
        /// It was given to the network on a connection.
        case handedOver(connection: Int, at: Deadline)
        /// It was thrown away, or its connection was reset soon after.
        case maybeLost
    }

    /// Where it is now.
    package internal(set) var state = State.queued
}

/// A connection of a peer that has said who it is.
@LoopActor
package final class PeerConnection {
    /// Counts the connections of a binder, from 1.
    package let number: Int
    /// The peer's identity, which is UTF-8.
    package let identity: String
    /// When it was opened.
    package let openedAt = Deadline.now
    /// Which life of the daemon opened it.
    package let epoch: Int
    /// Whether the peer said goodbye on it.
    package var saidGoodbye = false
    /// Whether a goodbye or the peer's end has arrived, which a slow link may deliver later.
    package var isLeaving: Bool { leavesSince != nil }
    /// When that arrived.
    package var leavesSince: Deadline?
    /// When the last heartbeat arrived.
    package var lastHeartbeat: Deadline?
    /// When the scheduler last gave an echo to it.
    package var lastEcho: Deadline?
    /// Messages on their way, which a reset may swallow.
    var recent: [Delivery] = []

    init(number: Int, identity: String, epoch: Int) {
        self.number = number
        self.identity = identity
        self.epoch = epoch
    }

    /// Takes note that a goodbye or the peer's end arrived.
    func leaves() { leavesSince = leavesSince ?? .now }

    /// Takes note of a message that goes out on this connection, now or when those before it are through.
    func sends(_ delivery: Delivery) {
        recent.append(delivery)
        if recent.count >= 256 { recent.removeAll { !$0.isRecent } }
    }

    /// Takes note that a message was handed over.
    func handedOver(_ delivery: Delivery) { delivery.state = .handedOver(connection: number, at: .now) }

    /// The connection was reset: what was handed over lately may not have arrived.
    func wasReset() {
        for delivery in recent where delivery.isRecent { delivery.state = .maybeLost }
        recent = []
    }
}

extension Delivery {
    /// Whether the peer may not have read it yet.
    fileprivate var isRecent: Bool {
        switch state {
        case .queued: true
        case .handedOver(_, let moment): Deadline.now.duration(since: moment) < .seconds(30)
        case .maybeLost: false
        }
    }
}

/// How a connection of a peer ended.
package enum PeerEnd: Sendable {
    /// The peer ended it in order (FIN).
    case finished
    /// The peer broke it (RST), or died.
    case reset
    /// The network or this side broke it.
    case brokenHere
    /// This side ended it in order.
    case closedHere
    /// Another connection with its identity took its place.
    case replaced
}

/// The server's side of all links to one address: whole messages with the identity of their peer.
@LoopActor
package protocol MessageBinder: AnyObject {
    /// Called when a peer has said who it is; what waits for it goes out after the call.
    var onConnected: (@LoopActor (PeerConnection) -> Void)? { get set }
    /// Called with each message when its last byte arrives, before `onMessage`.
    var onArrival: (@LoopActor (PeerConnection, [UInt8]) -> Void)? { get set }
    /// Called with each message, in order; later than its arrival if the link is slow.
    var onMessage: (@LoopActor (PeerConnection, [UInt8]) -> Void)? { get set }
    /// Called when a connection has ended.
    var onEnd: (@LoopActor (PeerConnection, PeerEnd) -> Void)? { get set }
    /// Which life of the daemon new connections belong to.
    var epoch: Int { get set }
    /// The connections that are open, oldest first.
    var connections: [PeerConnection] { get }

    /// Begins to take connections; `identity` is the server's own.
    func open(identity: String)
    /// Takes no more connections and ends those that are, by a reset or in order; everything queued is forgotten.
    func shutDown(byReset: Bool)
    /// Has something else take the connections until this opens again: it greets, and ends each by a reset or in order.
    func leaveToGreeter(byReset: Bool)
    /// Breaks every connection; peers may come back.
    func breakAll()
    /// Sends a message to a peer.
    @discardableResult func send(_ message: [UInt8], to identity: String) -> Delivery
    /// Whether a message to this peer would wait until it returns, as after a reset.
    func waits(for identity: String) -> Bool
}
