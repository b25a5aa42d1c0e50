// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import Messaging
internal import SchedulerMessages
internal import TaskEngine

/// What a worker tells the scheduler about itself; the same for all workers of a manager.
struct WorkerProfile {
    let managerID: String
    let hostname: String
    let capabilities: [SchedulerMessages.Capability]
    let taskQueueSize: Int
    let heartbeatInterval: Duration
    let deathTimeout: Duration
    /// The scheduler's generation as the operator knows it; the transport has precedence where it tells.
    var assumedGeneration: WireGeneration?
}

/// One worker as the scheduler sees it: registers by heartbeat, takes tasks and cancels, gives answers.
@LoopActor
final class WorkerSession {
    /// Names of instances and objects are made of task IDs, so they cannot be of any length; Scaler's have 16 bytes.
    private static let taskIDByteCounts = 1...64

    private let profile: WorkerProfile
    private let channel: SchedulerChannel
    private let dispatcher: Dispatcher
    private let storage: ScalerStorage
    private var log: Logger
    private var usage = ProcessUsageSampler()
    private var lastEcho = Deadline.now
    private var heartbeats: Spawned<Void>?
    /// Whether a client shut the scheduler down.
    private(set) var wasShutDown = false
    /// Rings when a heartbeat is due before its time.
    private let due = Wakeup()
    /// Measured between the last heartbeat and its echo.
    private var latency: Duration = .zero
    private var heartbeatSent: Deadline?

    init(
        identity: String,
        profile: WorkerProfile,
        channel: SchedulerChannel,
        dispatcher: Dispatcher,
        storage: ScalerStorage,
        log: Logger
    ) {
        self.profile = profile
        self.channel = channel
        self.dispatcher = dispatcher
        self.storage = storage
        self.log = log
        self.log[metadataKey: "worker"] = "\(identity)"
    }

    /// What the scheduler calls this worker.
    var identity: String { channel.identity }

    /// The generation of the scheduler's messages, as far as the transport tells.
    var generation: WireGeneration? { channel.generation }

    /// How many tasks of this worker are unanswered.
    var taskCount: Int {
        dispatcher.taskCount(of: self)
    }

    /// Has `action` done whenever the connection was lost and mended under the same identity.
    func onMended(_ action: @escaping @LoopActor () -> Void) {
        channel.onMended = action
    }

    /// Waits until the scheduler has surely read every answer given so far, for a few heartbeats at most.
    func settle() async {
        _ = await channel.settle(until: .after(profile.heartbeatInterval * 4))
    }

    /// Serves until the scheduler is gone or `leave` is called.
    func run() async -> SchedulerChannel.End {
        log.info("worker started")
        lastEcho = .now
        channel.onConnected = { [due] in due.ring() }
        heartbeats = spawn { await self.sendHeartbeats() }
        let end = await channel.run(patience: profile.deathTimeout) { bytes throws(SchedulerMessageError) in
            try self.received(bytes)
        }
        if case .malformed(let error) = end {
            log.error(
                "the scheduler sent bytes that make no sense; leaving it",
                metadata: ["error": "\(error)"]
            )
            await leave(generation: storage.generation)
        }
        heartbeats?.cancel()
        dispatcher.disown(self)
        log.info("worker ended", metadata: ["reason": "\(end)"])
        return end
    }

    /// Stops heartbeats, answers nothing more, says goodbye: the scheduler places our tasks elsewhere.
    ///
    /// Any heartbeat after the goodbye would register the worker again.
    func leave(generation: WireGeneration?) async {
        heartbeats?.cancel()
        dispatcher.disown(self)
        let known = channel.generation ?? profile.assumedGeneration ?? generation ?? .second
        let goodbye = WorkerDisconnect(worker: Array(channel.identity.utf8))
        await channel.leave(goodbye: goodbye.encoded(for: known))
    }

    /// Sends pieces of a task's output; they are lost with the link, for they must not come after the result.
    ///
    /// Nor must they wait for a link to mend: whoever is at its other end then may not know the task.
    func show(_ printed: [[UInt8]]) {
        if channel.isLineBroken { return }
        for message in printed { channel.sendIfConnected(message) }
    }

    /// Announces a stored object, then answers the task with it; the latch opens when the scheduler has read both.
    func reply(_ result: TaskResult, announcing object: ObjectInstruction) -> Latch {
        channel.send(object.encoded())
        return channel.send(result.encoded())
    }

    private func sendHeartbeats() async {
        while true {
            if channel.sendHeartbeat(heartbeat().encoded()) { heartbeatSent = .now }
            do throws(WaitError) {
                try await due.wait(until: .after(profile.heartbeatInterval))
            } catch .deadlinePassed {} catch {
                return
            }
            if (lastEcho + profile.deathTimeout).isPast {
                log.error("the scheduler has not answered a heartbeat for the death timeout")
                return await channel.leave(goodbye: nil)
            }
        }
    }

    private func heartbeat() -> WorkerHeartbeat {
        let sample = usage.sample()
        var heartbeat = WorkerHeartbeat()
        heartbeat.agent = ResourceUse(
            cpuTenthsOfPercent: sample.cpuTenthsOfPercent,
            residentBytes: sample.residentBytes
        )
        heartbeat.freeBytes = sample.availableBytes
        heartbeat.queueSize = UInt32(clamping: profile.taskQueueSize)
        heartbeat.queuedTasks = UInt32(clamping: dispatcher.queuedCount(of: self))
        heartbeat.latencyMicroseconds = UInt32(clamping: latency.microseconds)
        heartbeat.taskLock = dispatcher.isFull
        heartbeat.capabilities = profile.capabilities
        heartbeat.workerManagerID = Array(profile.managerID.utf8)
        heartbeat.hostname = profile.hostname
        return heartbeat
    }

    private func received(_ bytes: [UInt8]) throws(SchedulerMessageError) {
        switch try SchedulerMessage.decode(bytes, receiver: .worker) {
        case .task(let task):
            guard Self.taskIDByteCounts.contains(task.taskID.bytes.count) else {
                throw .wrongLength(field: .taskID, byteCount: task.taskID.bytes.count)
            }
            dispatcher.accept(task, from: self)
        case .taskCancel(let cancel): confirm(cancel)
        case .objectInstruction(let instruction): dispatcher.forget(objects: instruction.objectIDs)
        case .workerHeartbeatEcho(let echo): heard(echo)
        case .clientDisconnect(let disconnect): heard(disconnect)
        case .disconnectResponse, .workerManagerHeartbeatEcho, .workerManagerCommand: break
        case .other(let tag):
            log.debug("a message of no meaning to a worker", metadata: ["tag": "\(tag)"])
        }
    }

    private func heard(_ echo: WorkerHeartbeatEcho) {
        lastEcho = .now
        channel.echoReceived()
        if let heartbeatSent { latency = Deadline.now.duration(since: heartbeatSent) }
        heartbeatSent = nil
        storage.learn(.tcp(host: echo.objectStorageAddress.host, port: echo.objectStorageAddress.port))
    }

    private func heard(_ disconnect: ClientDisconnect) {
        guard disconnect.kind == .shutdown else { return }
        log.notice("a client shuts the scheduler down; dropping its tasks")
        wasShutDown = true
        dispatcher.drop(allOf: self)
        spawn { await self.channel.leave(goodbye: nil) }
    }

    private func confirm(_ cancel: TaskCancel) {
        let answer = dispatcher.cancel(cancel.taskID, isForced: cancel.force, from: self)
        let outcome: TaskCancelConfirm.Outcome =
            switch answer {
            case .canceled: .canceled
            case .refused: .cancelFailed
            case .unknown: .cancelNotFound
            }
        channel.send(TaskCancelConfirm(taskID: cancel.taskID, outcome: outcome).encoded())
    }
}

extension Duration {
    /// Whole microseconds, rounded down.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
