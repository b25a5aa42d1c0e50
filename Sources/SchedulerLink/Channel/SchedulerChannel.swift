// SPDX-License-Identifier: Apache-2.0
//
// One identity's conversation with the scheduler.
//
// Rule (YMQ): to the peer, the orderly end of a stream says that the identity is gone. What the scheduler then sends
// to the identity is dropped for ever, although heartbeats under it would still keep it "alive"; so after an orderly
// end an identity cannot be used again. A reset says no such thing: the scheduler holds back what it has for the
// identity until it returns, and what was on the wire is lost without notice.
// Consequence: an orderly end ends the channel; after a reset the same identity returns at once, and what is not
// confirmed is sent again. Under ZMQ libzmq reconnects by itself, and what is not confirmed is sent again all the same.
// What the scheduler had sent may be lost, too, and it will never know: the owner is told of every reconnection.

internal import EventLoop
internal import Logging
internal import Messaging
internal import Reporting
internal import SchedulerMessages

/// Sends and receives whole messages under one identity, across resets.
@LoopActor
final class SchedulerChannel {
    enum Event: Equatable {
        /// There is a link, at first or again: a heartbeat is due.
        case connected
        /// A connection was lost and there is another under the same identity; what was not confirmed is sent again.
        case reconnected
        case message([UInt8])
    }

    enum End: Equatable {
        /// The scheduler closed the stream in order.
        case closedByScheduler
        /// The identity could not come back in time after a reset, or never came through.
        case unreachable(String)
        /// The peer sent bytes that are no message: whoever it is, it is not trusted with anything more.
        case malformed(SchedulerMessageError)
        /// `leave` was called or the work was cancelled.
        case left
    }

    /// Takes the events in order; an error it throws for a message ends the channel.
    typealias EventHandler = @LoopActor (Event) throws(SchedulerMessageError) -> Void

    let identity: String
    private let endpoint: Endpoint
    private let links: any LinkOpener
    private let log: Logger
    /// Logged while there is no link; nil where another channel's warning says it already.
    private let unreachableWarning: ThrottledWarning?
    private var link: (any MessageLink)?
    private var connectionWatch: Spawned<Void>?
    private var hasLeft = false
    private let unconfirmed = RetransmitBuffer()
    /// Whether the link has lost its connection and is about to reconnect by itself, as ZMQ's do.
    private(set) var isReconnecting = false

    /// The wire generation as far as the transport tells; ZMQ's does not.
    private(set) var generation: WireGeneration?

    init(
        identity: String,
        endpoint: Endpoint,
        links: any LinkOpener,
        log: Logger,
        unreachableWarning: ThrottledWarning? = nil
    ) {
        self.identity = identity
        self.endpoint = endpoint
        self.links = links
        self.log = log
        self.unreachableWarning = unreachableWarning
    }

    var hasLink: Bool { link != nil }

    /// Sends a message that must arrive: again on every new connection, until it is confirmed and the latch opens.
    @discardableResult
    func sendUntilConfirmed(_ message: [UInt8], answeringCancelOf task: TaskID? = nil) -> Latch {
        let confirmed = unconfirmed.add(message, answeringCancelOf: task)
        // A link that fails here also fails in `receive`, and the message goes out on the next one.
        if let link { try? link.send(message) }
        return confirmed
    }

    /// The scheduler has sent a task, and so has read what it was told of an earlier cancel.
    func withdrawCancelAnswer(of task: TaskID) { unconfirmed.withdrawCancelAnswer(of: task) }

    /// Sends a message that would be out of date by the time a lost link is back; false without a link.
    @discardableResult
    func sendOnce(_ message: [UInt8]) -> Bool {
        guard let link else { return false }
        return (try? link.send(message)) != nil
    }

    /// Sends a heartbeat, whose echo confirms all that was sent before; false without a link.
    func sendHeartbeat(_ message: [UInt8]) -> Bool {
        guard sendOnce(message) else { return false }
        isReconnecting ? unconfirmed.heartbeatSentWhileDisconnected() : unconfirmed.heartbeatSent()
        return true
    }

    func waitUntilConfirmed(until deadline: Deadline) async -> Bool {
        await unconfirmed.waitUntilConfirmed(until: deadline)
    }

    func echoReceived() { unconfirmed.echoReceived() }

    /// Hands events to `handler` until the channel ends: after `timeout` without a link, or when a message is malformed.
    ///
    /// In the latter case the link still stands, for a disconnect request.
    func run(timeout: Duration, handler: @escaping EventHandler) async -> End {
        var backoff = Backoff(initial: .milliseconds(50), limit: .seconds(5))
        var deadline = Deadline.after(timeout)
        var wasInterrupted = false
        while !hasLeft, !isCancelled {
            do throws(MessagingError) {
                let link = try await links.connect(to: endpoint, identity: identity)
                if hasLeft {
                    await link.close(lingering: .zero)
                    return .left
                }
                try resume(on: link)
                backoff.reset()
                watchConnection(of: link, handler)
                // Only messages can be malformed.
                try? handler(.connected)
                if wasInterrupted { try? handler(.reconnected) }
                return .malformed(try await receive(from: link, handler))
            } catch {
                let wasConnected = drop()
                if hasLeft || isCancelled { return .left }
                if case .closedByPeer = error, wasConnected { return .closedByScheduler }
                if wasConnected { deadline = .after(timeout) }
                wasInterrupted = wasInterrupted || wasConnected
                if deadline.isPast { return .unreachable("\(error)") }
                log.debug("no link to the scheduler; trying again", metadata: ["error": "\(error)"])
                if !wasConnected {
                    unreachableWarning?.occurred(["address": "\(endpoint)", "error": "\(error)"])
                }
            }
            guard (try? await sleep(for: backoff.next { LoopRandom.number(in: 0..<1) })) != nil else {
                return .left
            }
        }
        return .left
    }

    /// Sends `disconnectRequest` after everything sent before it and closes the link in order, even when cancelled.
    func leave(disconnectRequest: [UInt8]?) async {
        if hasLeft { return }
        hasLeft = true
        guard let link else { return }
        self.link = nil
        connectionWatch?.cancel()
        if let disconnectRequest { try? link.send(disconnectRequest) }
        await spawn { await link.close(lingering: .seconds(2)) }.value
    }

    private func resume(on link: any MessageLink) throws(MessagingError) {
        self.link = link
        isReconnecting = false
        unreachableWarning?.ended()
        if let version = link.version { generation = WireGeneration(rawValue: version.rawValue) }
        unconfirmed.connectionLost(mayStillEcho: false)
        for message in unconfirmed.messages { try link.send(message) }
    }

    /// Hands on messages until one is malformed; returns what is wrong with it.
    private func receive(
        from link: any MessageLink,
        _ handler: EventHandler
    ) async throws(MessagingError) -> SchedulerMessageError {
        while true {
            let message = try await link.receive()
            do throws(SchedulerMessageError) { try handler(.message(message)) } catch { return error }
        }
    }

    /// Sends again what was lost with a connection under the link.
    private func watchConnection(of link: any MessageLink, _ handler: @escaping EventHandler) {
        connectionWatch = spawn {
            while let event = try? await link.nextConnectionEvent(), self.link === link {
                switch event {
                case .disconnected:
                    self.log.debug("the connection to the scheduler is lost")
                    self.isReconnecting = true
                    self.unconfirmed.connectionLost(mayStillEcho: true)
                case .connected where self.isReconnecting:
                    self.isReconnecting = false
                    // A link that fails here also fails in `receive`.
                    for message in self.unconfirmed.messages { try? link.send(message) }
                    try? handler(.reconnected)
                case .connected: break
                }
            }
        }
    }

    /// Forgets the link; whether there was one.
    private func drop() -> Bool {
        guard let link else { return false }
        self.link = nil
        connectionWatch?.cancel()
        spawn { await link.close(lingering: .zero) }
        return true
    }
}
