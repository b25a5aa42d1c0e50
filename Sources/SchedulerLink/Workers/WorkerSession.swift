// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import Messaging
internal import SchedulerMessages
internal import TaskEngine
internal import Transport

/// One worker as the scheduler sees it: registers by heartbeat, takes tasks and cancels, gives answers.
@LoopActor
final class WorkerSession {
    /// Names of instances and objects are made of task IDs, so they cannot be of any length; Scaler's have 16 bytes.
    private static let taskIDByteCounts = 1...64
    /// So many tasks it may have beyond twice the queue that it announced.
    static let excessTaskCountMax = 64
    /// So many cancels and repeated tasks beyond that it answers before a heartbeat is echoed; each answer is kept until then.
    static let excessAnswerCountMax = 1_000

    /// So many running tasks a heartbeat tells of; each takes some eighty bytes of it, and of what monitors are sent.
    static let processorCountMax = 500

    /// So many unanswered tasks it takes: a scheduler that took it for dead for a while begins to count its queue anew.
    private var taskCountMax: Int { 2 * profile.taskQueueSize + Self.excessTaskCountMax }

    private let profile: WorkerProfile
    private let channel: SchedulerChannel
    private let tasks: any TaskHandler
    private let objectStore: ObjectStoreClient
    private var log: Logger
    private let sampleUsage: @LoopActor () -> ProcessUsage
    private var lastEcho = Deadline.now
    private var heartbeats: Spawned<Void>?
    private(set) var isSchedulerGone = false
    /// Whether a client has told the scheduler to end.
    private(set) var isShutDown = false
    /// Whether it finishes what it has and then leaves; that is never taken back.
    private(set) var isDraining = false
    /// Rings when the connection was lost and there is another under the same identity.
    let reconnected = Wakeup()
    /// Rings when a heartbeat is due before its time.
    private let due = Wakeup()
    /// Half the time between the last heartbeat and its echo.
    private var latency: Duration = .zero
    private var heartbeatSent: Deadline?
    /// Cancels, and tasks that it has already, that came since an echo confirmed the answers to those before.
    private var answerCount = 0

    init(
        profile: WorkerProfile,
        channel: SchedulerChannel,
        tasks: any TaskHandler,
        objectStore: ObjectStoreClient,
        sampleUsage: @escaping @LoopActor () -> ProcessUsage,
        log: Logger
    ) {
        self.sampleUsage = sampleUsage
        self.profile = profile
        self.channel = channel
        self.tasks = tasks
        self.objectStore = objectStore
        self.log = log
        self.log[metadataKey: "worker"] = "\(channel.identity)"
    }

    var identity: String { channel.identity }

    var isConnected: Bool { channel.isConnected }

    /// The generation of the scheduler's messages, as far as its transport, the operator or the object storage tell.
    var generation: WireGeneration? {
        channel.generation ?? profile.assumedGeneration ?? objectStore.generation
    }

    var unansweredCount: Int { tasks.load(of: self).unansweredCount }

    /// Waits until the scheduler has surely read every answer given so far, for four heartbeats at most.
    func waitUntilConfirmed() async {
        _ = await channel.waitUntilConfirmed(until: .after(profile.heartbeatInterval * 4))
    }

    /// Serves until the scheduler is gone or `leave` is called.
    func run() async -> SchedulerChannel.End {
        log.info("worker started")
        lastEcho = .now
        heartbeats = spawn { await self.sendHeartbeats() }
        let end = await channel.run(timeout: profile.deathTimeout, handler: handle)
        if case .refused(let refusal) = end {
            report(refusal)
            await leave(generation: nil)
        }
        if (lastEcho + profile.deathTimeout).isPast { isSchedulerGone = true }
        heartbeats?.cancel()
        tasks.handle(.lost, of: self)
        log.info("worker ended", metadata: ["reason": "\(end)"])
        return end
    }

    /// Stops heartbeats, answers nothing more, asks to be disconnected: the scheduler places our tasks elsewhere.
    ///
    /// `generation` is the scheduler's if nothing surer tells it. Any heartbeat after the request would register the
    /// worker again.
    func leave(generation: WireGeneration?) async {
        heartbeats?.cancel()
        tasks.handle(.lost, of: self)
        let request = WorkerDisconnect(worker: Array(channel.identity.utf8))
        await channel.leave(disconnectRequest: request.encoded(for: self.generation ?? generation ?? .second))
    }

    /// Finishes what it has and then leaves, as Scaler's own workers do; the heartbeats until then say so.
    ///
    /// A scheduler that reads that sends no more tasks and takes those back that wait. One that is sent until it has read it
    /// is run: to drop it would need an answer that says so, and there is none.
    func drain() {
        if isDraining { return }
        isDraining = true
        log.notice("told to shut down; finishing its tasks first", metadata: ["tasks": "\(unansweredCount)"])
        due.ring()
    }

    /// Whether nothing is left to do before it leaves.
    private var isDrained: Bool { isDraining && unansweredCount == 0 && channel.isConfirmed }

    private func report(_ refusal: SchedulerChannel.Refusal) {
        switch refusal {
        case .malformed(let error):
            log.error("the scheduler sent malformed bytes; leaving it", metadata: ["error": "\(error)"])
        case .overfilled(let taskCount):
            log.error(
                "the scheduler sent far more tasks or cancels than it may; leaving it, so that it places the tasks anew",
                metadata: ["tasks": "\(taskCount)", "queue_size": "\(profile.taskQueueSize)"]
            )
        }
    }

    private func handle(_ event: SchedulerChannel.Event) throws(SchedulerChannel.Refusal) {
        switch event {
        case .connected: due.ring()
        case .reconnected: reconnected.ring()
        case .message(let bytes):
            let message: SchedulerMessage
            do throws(SchedulerMessageError) {
                message = try SchedulerMessage.decode(bytes, receiver: .worker)
            } catch {
                throw .malformed(error)
            }
            try handle(message)
        }
    }

    private func handle(_ message: SchedulerMessage) throws(SchedulerChannel.Refusal) {
        switch message {
        case .task(let task):
            guard Self.taskIDByteCounts.contains(task.taskID.bytes.count) else {
                throw .malformed(.wrongLength(field: .taskID, byteCount: task.taskID.bytes.count))
            }
            let taskCount = unansweredCount
            guard taskCount < taskCountMax else { throw .overfilled(taskCount: taskCount) }
            channel.withdrawCancelAnswer(of: task.taskID)
            tasks.handle(.run(task), from: self)
            // One that it has already: it goes on, or is answered again.
            if unansweredCount == taskCount {
                channel.noteMeaningless()
                try countAnswer()
            }
        case .taskCancel(let cancel): try handle(cancel)
        case .objectInstruction(let instruction):
            channel.noteDeletion()
            tasks.handle(.forgetObjects(instruction.objectIDs), from: self)
        case .workerHeartbeatEcho(let echo): handle(echo)
        case .clientDisconnect(let disconnect): handle(disconnect)
        case .workerShutdown:
            channel.noteMeaningless()
            drain()
        case .disconnectResponse, .workerManagerHeartbeatEcho, .workerManagerCommand, .workerManagerShutdown:
            channel.noteMeaningless()
        case .other(let tag): channel.noteUnknown(tag, log)
        }
    }

    /// Counts what is answered at once, and what is known of already: each answer is kept until a heartbeat is echoed.
    private func countAnswer() throws(SchedulerChannel.Refusal) {
        answerCount += 1
        guard answerCount <= taskCountMax + Self.excessAnswerCountMax else {
            throw .overfilled(taskCount: answerCount - 1)
        }
    }

    private func handle(_ cancel: TaskCancel) throws(SchedulerChannel.Refusal) {
        try countAnswer()
        let outcome: TaskCancelConfirm.Outcome
        switch tasks.handle(.cancel(cancel.taskID, isForced: cancel.force), from: self) {
        case .canceled: outcome = .canceled
        case .refused: outcome = .cancelFailed
        case .unknown: outcome = .cancelNotFound
        case nil: return
        }
        let confirm = TaskCancelConfirm(taskID: cancel.taskID, outcome: outcome)
        channel.sendUntilConfirmed(confirm.encoded(), answeringCancelOf: cancel.taskID)
    }

    private func handle(_ echo: WorkerHeartbeatEcho) {
        lastEcho = .now
        channel.echoReceived()
        if let heartbeatSent {
            // One way, as Scaler's own workers have it.
            latency = Deadline.now.duration(since: heartbeatSent) / 2
            answerCount = 0
        }
        if heartbeatSent == nil { channel.noteMeaningless() }
        heartbeatSent = nil
        objectStore.learn(echo.objectStorageAddress)
    }

    private func handle(_ disconnect: ClientDisconnect) {
        guard disconnect.kind == .shutdown else { return }
        log.notice("a client shuts the scheduler down; dropping its tasks")
        isSchedulerGone = true
        isShutDown = true
        tasks.handle(.dismissed, of: self)
        spawn { await self.channel.leave(disconnectRequest: nil) }
    }
}

// MARK: - Heartbeats

extension WorkerSession {
    private func sendHeartbeats() async {
        while true {
            if channel.sendHeartbeat(heartbeat().encoded()) { heartbeatSent = .now }
            try? await due.wait(until: .after(profile.heartbeatInterval))
            if isCancelled { return }
            if isDrained { return await leave(generation: nil) }
            if (lastEcho + profile.deathTimeout).isPast {
                log.error("the scheduler has not answered a heartbeat for the death timeout")
                // With a request: a scheduler that was only slow would wait for the tasks that it sent here.
                return await leave(generation: nil)
            }
        }
    }

    /// One for each task that runs: for monitors, whose numbers of processors begin with 1.
    private var processors: [ProcessorStatus] {
        let running = tasks.runningTasks(of: self, upTo: Self.processorCountMax)
        return zip(1..., running).map { number, running in
            ProcessorStatus(
                number: number,
                task: running.task,
                ageSeconds: UInt32(clamping: running.time.components.seconds)
            )
        }
    }

    private func heartbeat() -> WorkerHeartbeat {
        let sample = sampleUsage()
        let load = tasks.load(of: self)
        var heartbeat = WorkerHeartbeat()
        heartbeat.agent = ResourceUse(
            cpuTenthsOfPercent: sample.cpuTenthsOfPercent,
            residentBytes: sample.residentBytes
        )
        heartbeat.freeBytes = sample.memory.availableBytes
        heartbeat.memoryLimitBytes = sample.memory.limitBytes
        heartbeat.networkSentBytes = sample.traffic.sentBytes
        heartbeat.networkReceivedBytes = sample.traffic.receivedBytes
        heartbeat.processors = processors
        heartbeat.queueSize = UInt32(clamping: profile.taskQueueSize)
        heartbeat.queuedTasks = UInt32(clamping: load.queuedCount)
        heartbeat.latencyMicroseconds = UInt32(clamping: latency.microseconds)
        heartbeat.taskLock = load.isFull
        heartbeat.isDraining = isDraining
        heartbeat.capabilities = profile.capabilities
        heartbeat.workerManagerID = Array(profile.managerID.utf8)
        heartbeat.hostname = profile.hostname
        return heartbeat
    }
}

// MARK: - Answers

extension WorkerSession: TaskOrigin {
    func reply(_ result: TaskResult, announcing object: ObjectInstruction) -> Latch {
        channel.sendUntilConfirmed(object.encoded())
        return channel.sendUntilConfirmed(result.encoded())
    }

    /// Sends pieces of output; without a connection they are dropped, for they must not come after the result.
    ///
    /// Nor must they wait for the next connection: the scheduler that it then reaches may not know the task.
    func sendOutput(_ messages: [[UInt8]]) {
        for message in messages { channel.sendOnce(message) }
    }
}

extension Duration {
    fileprivate var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
