// SPDX-License-Identifier: Apache-2.0
//
// One identity's conversation with the scheduler.
//
// Rule (YMQ): to the peer, the orderly end of a stream says that the identity is gone. What the scheduler then sends
// to the identity is dropped for ever, although heartbeats under it would still keep it "alive"; so after an orderly
// end an identity cannot be used again. A reset says no such thing: the scheduler holds back what it has for the
// identity until it returns, and what was on the wire is lost without notice.
// Consequence: an orderly end ends the channel; after a reset the same identity returns at once, and what is not
// confirmed is sent again. A ZMTP connection has no end that would say so, and always returns.
// What the scheduler had sent may be lost, too, and it will never know: the owner is told of every reconnection.
//
// Rule: anybody can greet. That a scheduler is there only its first message tells.
// Consequence: pauses between attempts grow until a connection has brought a message.
//
// Rule (ZMTP): a ROUTER that still has a connection of the identity, because it does not know of its end or has not read
// it to the end, never hears the next one, even when the first is gone; it hears one that is made afterwards.
// Consequence: a connection that brings no message for a while is given up for another one; over YMQ, too, where the same
// identity is heard again as long as it was never answered.

internal import EventLoop
internal import Logging
internal import Messaging
internal import Reporting
internal import SchedulerMessages
internal import TaskEngine

/// Sends and receives whole messages under one identity, across resets.
@LoopActor
final class SchedulerChannel {
    enum Event: Equatable {
        /// There is a connection, at first or again: a heartbeat is due.
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
        /// The peer sent what is not borne: whoever it is, it is not trusted with anything more.
        case refused(Refusal)
        /// `leave` was called or the work was cancelled.
        case left
    }

    /// Why a message ends the channel.
    enum Refusal: Error, Equatable {
        /// It is bytes that are no message.
        case malformed(SchedulerMessageError)
        /// It is one more task for a worker that has far more of them than the queue that it announced.
        case overfilled(taskCount: Int)
    }

    /// Takes the events in order; an error it throws for a message ends the channel.
    typealias EventHandler = @LoopActor (Event) throws(Refusal) -> Void

    /// How fast messages are taken that mean nothing to us; a scheduler sends hardly any.
    ///
    /// Tasks and cancels are bounded by the queue that a worker announces. Whatever else a peer sends as fast as it can would
    /// have a whole processor; the rest waits where the peer has it.
    nonisolated static let meaninglessPace = BurstPace(burst: 1000, interval: .milliseconds(4))
    /// How fast names are taken of objects that are gone, of which every worker is told.
    nonisolated static let deletionPace = BurstPace(burst: 10_000, interval: .microseconds(500))

    let identity: String
    private let endpoint: Endpoint
    private let links: any LinkOpener
    private let log: Logger
    /// Logged while there is no link; nil where another channel's warning says it already.
    private let unreachableWarning: ThrottledWarning?
    /// Draws the part of each pause between two attempts to connect, from 0 to 1.
    private let random: @LoopActor () -> Double
    private let breachWarning: ThrottledWarning
    private let counts: LinkCounts?
    private var link: (any MessageLink)?
    private var hasLeft = false
    /// What a connection that was under way then carries: without it the scheduler would wait for the tasks of a
    /// worker that has said nothing but its name.
    private var disconnectMessages: [[UInt8]] = []
    private let unconfirmed = RetransmitBuffer()
    /// Whether the present connection has brought a message.
    private var hasHeard = false
    private let started = Deadline.now
    private var unknownTags = UnknownTags()
    private var meaningless = SchedulerChannel.meaninglessPace
    private var deletions = SchedulerChannel.deletionPace
    /// How long to wait before the next message is taken.
    private var pause: Duration = .zero
    /// Since when there is no connection that has brought one.
    private var aloneSince = Deadline.now
    /// So long a connection may bring no message: a scheduler that is well echoes the first heartbeat at once.
    private let silenceTimeMax: Duration

    /// The wire generation as far as the transport tells; ZMQ's does not.
    private(set) var generation: WireGeneration?

    init(
        identity: String,
        endpoint: Endpoint,
        links: any LinkOpener,
        log: Logger,
        unreachableWarning: ThrottledWarning? = nil,
        silenceTimeMax: Duration = .seconds(30),
        counts: LinkCounts? = nil,
        random: @escaping @LoopActor () -> Double = { LoopRandom.number(in: 0..<1) }
    ) {
        self.identity = identity
        self.endpoint = endpoint
        self.links = links
        self.log = log
        self.unreachableWarning = unreachableWarning
        self.silenceTimeMax = silenceTimeMax
        self.counts = counts
        self.random = random
        breachWarning = ThrottledWarning(
            "the scheduler broke the rules of the connection; connecting again",
            recovery: "the scheduler keeps the rules",
            log: log
        )
    }

    /// Whether what is sent now goes out now.
    var isConnected: Bool { link != nil }

    /// Sends a message that must arrive: again on every new connection, until it is confirmed and the latch opens.
    @discardableResult
    func sendUntilConfirmed(_ message: [UInt8], answeringCancelOf task: TaskID? = nil) -> Latch {
        let confirmed = unconfirmed.add(message, answeringCancelOf: task)
        // A link that fails here also fails in `receive`, and the message goes out on the next connection.
        try? link?.send(message)
        return confirmed
    }

    /// The scheduler has sent a task, and so has read what it was told of an earlier cancel.
    func withdrawCancelAnswer(of task: TaskID) { unconfirmed.withdrawCancelAnswer(of: task) }

    /// Sends a message that would be out of date by the time a lost connection is back; false without one.
    @discardableResult
    func sendOnce(_ message: [UInt8]) -> Bool {
        guard let link else { return false }
        return (try? link.send(message)) != nil
    }

    /// Sends a heartbeat, whose echo confirms all that was sent before; false without a connection.
    func sendHeartbeat(_ message: [UInt8]) -> Bool {
        guard sendOnce(message) else { return false }
        unconfirmed.heartbeatSent()
        return true
    }

    func waitUntilConfirmed(until deadline: Deadline) async -> Bool {
        await unconfirmed.waitUntilConfirmed(until: deadline)
    }

    /// Whether the scheduler has surely read every answer given so far.
    var isConfirmed: Bool { unconfirmed.messages.isEmpty }

    func echoReceived() { unconfirmed.echoReceived() }

    /// The message that is being handled means nothing here.
    func noteMeaningless() { pause = wait(for: &meaningless) }

    /// The message that is being handled is of a kind that nobody here knows; `log` is told once of each.
    func noteUnknown(_ tag: UInt16, _ log: Logger) {
        noteMeaningless()
        unknownTags.note(tag, log)
    }

    /// The message that is being handled tells of objects that are gone.
    func noteDeletion() { pause = wait(for: &deletions) }

    private func wait(for pace: inout BurstPace) -> Duration {
        let now = Deadline.now.duration(since: started)
        return pace.next(at: now) - now
    }

    /// Hands events to `handler` until the channel ends: after `timeout` without a link, or when a message is refused.
    ///
    /// In the latter case the link still stands, for a disconnect request.
    func run(timeout: Duration, handler: @escaping EventHandler) async -> End {
        var backoff = Backoff(initial: .milliseconds(50), limit: .seconds(5))
        aloneSince = .now
        var wasInterrupted = false
        while !hasLeft, !isCancelled {
            do throws(MessagingError) {
                let link = try await links.connect(to: endpoint, identity: identity)
                if hasLeft {
                    for message in disconnectMessages { try? link.send(message) }
                    await spawn { await link.close(lingering: .seconds(2)) }.value
                    return .left
                }
                adopt(link)
                resume(on: link, isAgain: wasInterrupted, handler)
                return .refused(try await receive(from: link, handler))
            } catch {
                let wasConnected = drop()
                let wasHeard = wasConnected && hasHeard
                if hasLeft || isCancelled { return .left }
                if case .closedByPeer = error, wasConnected { return .closedByScheduler }
                if wasHeard {
                    aloneSince = .now
                    backoff.reset()
                }
                wasInterrupted = wasInterrupted || wasConnected
                if (aloneSince + timeout).isPast { return .unreachable("\(error)") }
                report(error, wasHeard: wasHeard)
            }
            guard (try? await sleep(for: backoff.next { random() })) != nil else {
                return .left
            }
        }
        return .left
    }

    private func report(_ error: MessagingError, wasHeard: Bool) {
        log.debug("no link to the scheduler; trying again", metadata: ["error": "\(error)"])
        let facts: Logger.Metadata = ["address": "\(endpoint)", "error": "\(error)"]
        if error.isBreach { breachWarning.occurred(facts) }
        if !wasHeard { unreachableWarning?.occurred(facts) }
    }

    /// Sends `disconnectRequest` after everything sent before it and closes the link in order, even when cancelled;
    /// without a link, `run` does on the one that it waits for.
    func leave(disconnectRequest: [UInt8]?) async {
        if hasLeft { return }
        hasLeft = true
        guard let link else {
            disconnectMessages = unconfirmed.messages + [disconnectRequest].compactMap(\.self)
            return
        }
        self.link = nil
        if let disconnectRequest { try? link.send(disconnectRequest) }
        await spawn { await link.close(lingering: .seconds(2)) }.value
    }

    private func adopt(_ link: any MessageLink) {
        self.link = link
        hasHeard = false
        if let version = link.version { generation = WireGeneration(rawValue: version.rawValue) }
        unconfirmed.connectionLost()
    }

    /// There is a connection: what is not confirmed goes out again, then a heartbeat.
    private func resume(on link: any MessageLink, isAgain: Bool, _ handler: EventHandler) {
        // A link that fails here also fails in `receive`.
        for message in unconfirmed.messages { try? link.send(message) }
        if isAgain { counts?.retransmissions += unconfirmed.messages.count }
        // Only messages can be refused.
        try? handler(.connected)
        if isAgain { try? handler(.reconnected) }
    }

    /// Hands on messages until one is refused; returns why.
    private func receive(
        from link: any MessageLink,
        _ handler: EventHandler
    ) async throws(MessagingError) -> Refusal {
        let silenceEnd = Deadline.after(silenceTimeMax)
        while true {
            let message: [UInt8]
            do throws(MessagingError) {
                message = try await link.receive(until: hasHeard ? .never : silenceEnd)
            } catch .deadlinePassed {
                throw .peerSilent(endpoint)
            }
            do throws(Refusal) { try handler(.message(message)) } catch { return error }
            hasHeard = true
            unreachableWarning?.ended()
            if pause > .zero {
                do throws(WaitError) { try await sleep(for: pause) } catch { throw .cancelled }
                pause = .zero
            }
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

/// Numbers of messages that nobody here knows: of a later release of Scaler's, or of a peer that is none.
private struct UnknownTags {
    /// So many have a line of their own.
    private static let countMax = 8
    private var seen: Set<UInt16> = []

    /// Tells of a message that is ignored, once for each number.
    mutating func note(_ tag: UInt16, _ log: Logger) {
        guard seen.count < Self.countMax, seen.insert(tag).inserted else { return }
        log.notice(
            "a message of a kind that this release does not know is ignored",
            metadata: ["tag": "\(tag)"]
        )
    }
}
