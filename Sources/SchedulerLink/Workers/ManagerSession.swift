// SPDX-License-Identifier: Apache-2.0
//
// The worker manager as the scheduler sees it.
//
// Rule: the tag of the manager's heartbeat moved between Scaler 2.6 and 2.7, and ZMQ tells nothing of the
// peer's release. The wrong tag does no harm; it is logged there and not answered. But a heartbeat whose
// manager id is still held by another identity is not answered either.
// Consequence: while no echo comes, the two tags take turns; the one that was answered is kept.

internal import EventLoop
internal import Logging
internal import SchedulerMessages

/// Sends the manager's heartbeats and turns commands into a number of desired workers.
@LoopActor
final class ManagerSession {
    /// How many unanswered heartbeats make a guess at the generation doubtful.
    private static let guessCount = 2
    /// How many unanswered heartbeats are no silence yet.
    private static let toleratedCount = 3
    /// More workers than any policy has a use for, as they share the slots; each costs a connection, so a command for four
    /// thousand million is not obeyed.
    private static let workerCountMax = 64

    private let profile: WorkerProfile
    private let concurrency: Int
    private let channel: SchedulerChannel
    private let log: Logger
    /// Rings when the desired number of workers may have changed.
    private let commandArrived: Wakeup
    private var unanswered = 0
    private var lastEcho = Deadline.now
    private var hasEcho: Bool { answered != nil }
    /// Rings when a heartbeat is due before its time.
    private let due = Wakeup()
    /// How many workers the scheduler wants; nil without a command that holds.
    private(set) var desiredWorkerCount: Int?
    /// Whether all workers are to finish what they have and to leave; that holds until the session ends.
    private(set) var isDraining = false
    private var hasReportedDrained = false
    var isRegistered: Bool { hasEcho && !isSilent }
    /// How long ago it last answered a heartbeat; nil where it never has.
    var silence: Duration? { hasEcho ? Deadline.now.duration(since: lastEcho) : nil }
    var isConnected: Bool { channel.isConnected }
    private var isSilent: Bool { unanswered > Self.toleratedCount }
    /// The generation that heartbeats are encoded for.
    private var guess = WireGeneration.second
    /// The generation that was answered last: in a silence guesses change, the scheduler as a rule does not.
    private var answered: WireGeneration?

    /// The generation of the scheduler, as far as is known.
    var generation: WireGeneration { channel.generation ?? profile.assumedGeneration ?? answered ?? guess }

    init(
        profile: WorkerProfile,
        concurrency: Int,
        channel: SchedulerChannel,
        commandArrived: Wakeup,
        log: Logger
    ) {
        self.profile = profile
        self.concurrency = concurrency
        self.channel = channel
        self.commandArrived = commandArrived
        self.log = log
    }

    /// Serves until the scheduler is gone, or was silent for the death timeout: its connection may be dead without a sign.
    func run() async -> SchedulerChannel.End {
        lastEcho = .now
        let heartbeats = spawn { await self.sendHeartbeats() }
        let end = await channel.run(timeout: profile.deathTimeout, handler: handle)
        heartbeats.cancel()
        await leave()
        forgetCommand()
        return end
    }

    /// Ends the session; managers have no disconnect request, the scheduler forgets them after ten seconds.
    func leave() async { await channel.leave(disconnectRequest: nil) }

    func forgetCommand() { desiredWorkerCount = nil }

    /// Tells once that no worker is left, after it was told to drain.
    func reportDrained() {
        if hasReportedDrained { return }
        hasReportedDrained = channel.sendOnce(WorkerManagerDisconnect().encoded())
        if hasReportedDrained { log.notice("the workers are gone; none starts on this connection any more") }
    }

    private func sendHeartbeats() async {
        while true {
            chooseGeneration()
            let heartbeat = WorkerManagerHeartbeat(
                maxTaskConcurrency: UInt32(clamping: concurrency),
                capabilities: profile.capabilities,
                workerManagerID: Array(profile.managerID.utf8)
            )
            channel.sendOnce(heartbeat.encoded(for: guess))
            unanswered += 1
            if hasEcho, unanswered == Self.toleratedCount + 1 {
                log.warning("the scheduler is silent; what runs goes on, and answers are kept for it")
            }
            try? await due.wait(until: .after(profile.heartbeatInterval))
            if isCancelled { return }
            if (lastEcho + profile.deathTimeout).isPast { return await leave() }
        }
    }

    private func chooseGeneration() {
        if let known = channel.generation ?? profile.assumedGeneration {
            guess = known
        } else if unanswered >= Self.guessCount, unanswered.isMultiple(of: Self.guessCount) {
            guess = guess == .first ? .second : .first
        }
        if unanswered == 10, !hasEcho, channel.isConnected {
            log.warning(
                "the scheduler does not answer heartbeats; is another manager of this id alive?",
                metadata: ["worker_manager_id": "\(profile.managerID)"]
            )
        }
    }

    private func handle(_ event: SchedulerChannel.Event) throws(SchedulerChannel.Refusal) {
        switch event {
        case .connected: due.ring()
        case .reconnected: break
        case .message(let bytes):
            do throws(SchedulerMessageError) { try handle(bytes) } catch { throw .malformed(error) }
        }
    }

    private func handle(_ message: [UInt8]) throws(SchedulerMessageError) {
        let known = channel.generation ?? profile.assumedGeneration
        switch try SchedulerMessage.decode(message, receiver: .manager, generation: known) {
        case .workerManagerHeartbeatEcho: handleEcho(SchedulerMessage.generation(ofManagerEcho: message))
        case .workerManagerCommand(let command):
            // One comes with each heartbeat, and says what the one before said.
            channel.noteMeaningless()
            obey(command)
        case .workerManagerShutdown:
            channel.noteMeaningless()
            drain()
        case .other(let tag): channel.noteUnknown(tag, log)
        default: channel.noteMeaningless()
        }
    }

    private func handleEcho(_ generation: WireGeneration?) {
        if unanswered == 0 { channel.noteMeaningless() }
        // One that was long on its way may answer an earlier guess.
        guess = generation ?? guess
        if !hasEcho {
            log.info("registered with the scheduler", metadata: ["generation": "\(self.generation)"])
        }
        if hasEcho, isSilent { log.notice("the scheduler answers again") }
        answered = guess
        unanswered = 0
        lastEcho = .now
    }

    private func drain() {
        if isDraining { return }
        isDraining = true
        log.notice("told to shut down; no worker starts, and those that run finish their tasks")
        commandArrived.ring()
    }

    private func obey(_ command: WorkerManagerCommand) {
        let offered = profile.capabilities
        let requests = command.requests.map { $0.withoutSizes(profile.sizeNames, offered: offered) }
        let desired = desiredConcurrency(requests, capabilities: offered)
        let units = desiredUnits(forConcurrency: desired, baseConcurrency: concurrency)
        let workerCount = min(units, Self.workerCountMax)
        if workerCount != desiredWorkerCount {
            log.info("the scheduler desires workers", metadata: ["desired": "\(workerCount)"])
        }
        desiredWorkerCount = workerCount
        commandArrived.ring()
    }
}
