// SPDX-License-Identifier: Apache-2.0
//
// One identity's conversation with the scheduler.
//
// Rule (YMQ): the end of the stream is a goodbye. What the scheduler then sends to the identity is dropped for
// ever, although heartbeats under it would still keep it "alive"; so after an orderly end the identity is
// spent. A reset is no goodbye: the scheduler holds back what it has for the identity until it returns, and
// what was on the wire is lost without notice.
// Consequence: an orderly end ends the channel; after a reset the same identity returns at once, and the
// latest replies are sent again, which schedulers tolerate. Under ZMQ libzmq reconnects by itself.

internal import EventLoop
internal import Logging
internal import Messaging
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
        /// `leave` was called or the work was cancelled.
        case left
    }

    /// Replies younger than this are repeated after a reset.
    private static let replayWindow: Duration = .seconds(60)
    /// Beyond this many, the oldest replies are not kept for repeating.
    private static let replayCountMax = 1000

    let identity: String
    private let endpoint: Endpoint
    private let connector: SchedulerConnector
    private let log: Logger
    private var link: (any MessageLink)?
    private var hasLeft = false
    /// A message that must arrive, and when a link took it; nil while none has.
    private struct Reply {
        let message: [UInt8]
        var sentAt: Deadline?
    }

    /// Replies in order: what no link took yet, and what a reset may have lost.
    private var replies: [Reply] = []

    /// How many links there were; a heartbeat and its echo belong to one.
    private(set) var linkCount = 0

    /// The wire generation as far as the transport tells; ZMQ's does not.
    private(set) var generation: WireGeneration?

    init(identity: String, endpoint: Endpoint, connector: SchedulerConnector, log: Logger) {
        self.identity = identity
        self.endpoint = endpoint
        self.connector = connector
        self.log = log
    }

    /// Sends a message that must arrive: kept while there is no link and repeated after a reset.
    func send(_ message: [UInt8]) {
        while replies.count >= Self.replayCountMax, replies.first?.sentAt != nil { replies.removeFirst() }
        // A link that fails here also fails in `receive`, and the message goes out on the next one.
        let isSent = link.map { (try? $0.send(message)) != nil } ?? false
        replies.append(Reply(message: message, sentAt: isSent ? .now : nil))
    }

    /// Sends a message that is stale by the time a lost link is back, such as a heartbeat; false without a link.
    @discardableResult
    func sendIfConnected(_ message: [UInt8]) -> Bool {
        guard let link else { return false }
        return (try? link.send(message)) != nil
    }

    /// Receives until the channel ends; gives up after `patience` without a link.
    func run(patience: Duration, onMessage: @LoopActor ([UInt8]) async -> Void) async -> End {
        var backoff = Backoff(initial: .milliseconds(50), limit: .seconds(5))
        var deadline = Deadline.after(patience)
        while !hasLeft, !isCancelled {
            do throws(MessagingError) {
                let link = try await connector.connect(to: endpoint, identity: identity)
                if hasLeft {
                    await link.close(lingering: .zero)
                    return .left
                }
                try resume(on: link)
                backoff.reset()
                while true { await onMessage(try await link.receive()) }
            } catch {
                let wasConnected = drop()
                if hasLeft || isCancelled { return .left }
                if case .closedByPeer = error, wasConnected { return .closedByScheduler }
                if wasConnected { deadline = .after(patience) }
                if deadline.isPast { return .unreachable("\(error)") }
                log.debug("no link to the scheduler; trying again", metadata: ["error": "\(error)"])
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
        if let goodbye { try? link.send(goodbye) }
        await link.close(lingering: .seconds(2))
    }

    private func resume(on link: any MessageLink) throws(MessagingError) {
        self.link = link
        linkCount += 1
        if let version = link.version { generation = WireGeneration(rawValue: version.rawValue) }
        let horizon = Deadline.now + (.zero - Self.replayWindow)
        replies.removeAll { reply in reply.sentAt.map { $0 < horizon } ?? false }
        for index in replies.indices {
            try link.send(replies[index].message)
            if replies[index].sentAt == nil { replies[index].sentAt = .now }
        }
    }

    /// Forgets the link; whether there was one.
    private func drop() -> Bool {
        guard let link else { return false }
        self.link = nil
        spawn { await link.close(lingering: .zero) }
        return true
    }
}
