// SPDX-License-Identifier: Apache-2.0
//
// One identity's conversation with the scheduler.
//
// Rule (YMQ): the end of the stream is a goodbye. What the scheduler then sends to the identity is dropped for
// ever, although heartbeats under it would still keep it "alive"; so after an orderly end the identity is
// spent. A reset is no goodbye: the scheduler holds back what it has for the identity until it returns, and
// what was on the wire is lost without notice.
// Consequence: an orderly end ends the channel; after a reset the same identity returns at once, and what is not
// confirmed is sent again. Under ZMQ libzmq reconnects by itself, and what is not confirmed is sent again all the same.
// What the scheduler had sent may be lost, too, and it will never know: whoever cares is told of every mended line.

internal import EventLoop
internal import Logging
internal import Messaging
internal import Reporting
internal import SchedulerMessages
internal import TaskEngine

/// Sends and receives whole messages under one identity, across resets.
@LoopActor
final class SchedulerChannel {
    /// Why a channel ended.
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

    let identity: String
    private let endpoint: Endpoint
    private let connector: SchedulerConnector
    private let log: Logger
    /// Told while there is no link; nil where somebody else tells it already.
    private let trouble: ThrottledWarning?
    private var link: (any MessageLink)?
    private var lineWatch: Spawned<Void>?
    private var hasLeft = false
    private let outbox = Outbox()
    /// Whether the link has lost its connection and not mended it yet.
    private(set) var isLineBroken = false

    /// Called whenever messages can be sent that could not be before: a heartbeat is due.
    var onConnected: @LoopActor () -> Void = {}

    /// Called when a connection was lost and there is another under the same identity, after what is not confirmed was
    /// sent again.
    var onMended: @LoopActor () -> Void = {}

    /// The wire generation as far as the transport tells; ZMQ's does not.
    private(set) var generation: WireGeneration?

    init(
        identity: String,
        endpoint: Endpoint,
        connector: SchedulerConnector,
        log: Logger,
        trouble: ThrottledWarning? = nil
    ) {
        self.identity = identity
        self.endpoint = endpoint
        self.connector = connector
        self.log = log
        self.trouble = trouble
    }

    /// Whether there is a link at present.
    var isConnected: Bool { link != nil }

    /// Sends a message that must arrive: again on every new connection, until it is confirmed and the latch opens.
    @discardableResult
    func send(_ message: [UInt8]) -> Latch {
        let confirmed = outbox.add(message)
        // A link that fails here also fails in `receive`, and the message goes out on the next one.
        if let link { try? link.send(message) }
        return confirmed
    }

    /// Sends a message that is stale by the time a lost link is back; false without a link.
    @discardableResult
    func sendIfConnected(_ message: [UInt8]) -> Bool {
        guard let link else { return false }
        return (try? link.send(message)) != nil
    }

    /// Sends a heartbeat, whose echo confirms all that was sent before; false without a link.
    func sendHeartbeat(_ message: [UInt8]) -> Bool {
        guard sendIfConnected(message) else { return false }
        if isLineBroken { outbox.heartbeatSentOnBrokenLine() } else { outbox.heartbeatSent() }
        return true
    }

    /// Waits until everything sent so far is confirmed; false if `deadline` passes first.
    func settle(until deadline: Deadline) async -> Bool {
        await outbox.settle(until: deadline)
    }

    /// Notes the echo of a heartbeat.
    func echoReceived() {
        outbox.echoReceived()
    }

    /// Receives until the channel ends; gives up after `patience` without a link, and at once when `onMessage` throws.
    ///
    /// After the latter the link still stands, for a goodbye.
    func run(
        patience: Duration,
        onMessage: @LoopActor ([UInt8]) throws(SchedulerMessageError) -> Void
    ) async -> End {
        var backoff = Backoff(initial: .milliseconds(50), limit: .seconds(5))
        var deadline = Deadline.after(patience)
        var wasInterrupted = false
        while !hasLeft, !isCancelled {
            do throws(MessagingError) {
                let link = try await connector.connect(to: endpoint, identity: identity)
                if hasLeft {
                    await link.close(lingering: .zero)
                    return .left
                }
                try resume(on: link)
                backoff.reset()
                if wasInterrupted { onMended() }
                while true {
                    let message = try await link.receive()
                    do throws(SchedulerMessageError) { try onMessage(message) } catch {
                        return .malformed(error)
                    }
                }
            } catch {
                let wasConnected = drop()
                if hasLeft || isCancelled { return .left }
                if case .closedByPeer = error, wasConnected { return .closedByScheduler }
                if wasConnected { deadline = .after(patience) }
                wasInterrupted = wasInterrupted || wasConnected
                if deadline.isPast { return .unreachable("\(error)") }
                log.debug("no link to the scheduler; trying again", metadata: ["error": "\(error)"])
                if !wasConnected { trouble?.occurred(["address": "\(endpoint)", "error": "\(error)"]) }
            }
            guard (try? await sleep(for: backoff.next { .random(in: 0..<1) })) != nil else { return .left }
        }
        return .left
    }

    /// Says `goodbye` after everything that was sent before it and closes the link in order.
    func leave(goodbye: [UInt8]?) async {
        if hasLeft { return }
        hasLeft = true
        guard let link else { return }
        self.link = nil
        lineWatch?.cancel()
        if let goodbye { try? link.send(goodbye) }
        await link.close(lingering: .seconds(2))
    }

    private func resume(on link: any MessageLink) throws(MessagingError) {
        self.link = link
        isLineBroken = false
        trouble?.ended()
        if let version = link.version { generation = WireGeneration(rawValue: version.rawValue) }
        outbox.lineBroke(mayStillEcho: false)
        for message in outbox.messages { try link.send(message) }
        lineWatch = spawn { await self.watchLine(of: link) }
        onConnected()
    }

    /// Sends again what a connection under the link may have taken with it.
    private func watchLine(of link: any MessageLink) async {
        while let event = try? await link.nextLineEvent(), self.link === link {
            switch event {
            case .broken:
                log.debug("the connection to the scheduler broke")
                isLineBroken = true
                outbox.lineBroke(mayStillEcho: true)
            case .whole where isLineBroken:
                isLineBroken = false
                // A link that fails here also fails in `receive`.
                for message in outbox.messages { try? link.send(message) }
                onMended()
            case .whole: break
            }
        }
    }

    /// Forgets the link; whether there was one.
    private func drop() -> Bool {
        guard let link else { return false }
        self.link = nil
        lineWatch?.cancel()
        spawn { await link.close(lingering: .zero) }
        return true
    }
}
