// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Logging
internal import OCIServices
internal import SchedulerMessages
internal import TaskEngine
internal import TaskPayload

/// One task from its arrival to the last trace of it in the cloud, as one straight line.
///
/// `TaskState` says what may follow what; this says what is done. After every wait the state may have moved on
/// by a cancel, which throws `Interruption.cancelled` at the next step.
@LoopActor
final class TaskRun {
    /// Why the straight line was left.
    enum Interruption: Error {
        /// Nobody wants the answer.
        case cancelled
        /// The task is answered with this error.
        case failed(TaskFailure)
    }

    let task: TaskMessage
    let flags: TaskFlags
    let hexadecimalID: String
    private let services: RunServices
    private let log: Logger
    private(set) var state = TaskState.queued
    /// The worker that must answer; nil while the scheduler has lost it.
    var session: WorkerSession?
    /// Since when there is none.
    private(set) var orphanedSince: Deadline?

    private let slot = Latch()
    private let news = Wakeup()
    private var work: Spawned<Void>?
    /// Open when no trace is left.
    let isFinished = Latch()

    // What exists in the cloud.
    private(set) var instanceID: String?
    private var inputObject: String?
    private var wasAnswered = false
    /// Since when the instance is known to exist, and since when it is ACTIVE.
    private var createdAt = Deadline.never
    private var activeSince: Deadline?
    private var isResultListed = false
    /// When a listing showed the stop.
    private var stopSeen: Deadline?
    private var lastSummary: InstanceSummary?
    private var missedCount = 0
    private var isStopConfirmed = false

    init(task: TaskMessage, flags: TaskFlags, session: WorkerSession, services: RunServices) {
        self.task = task
        self.flags = flags
        self.session = session
        self.services = services
        hexadecimalID = task.taskID.hexadecimal
        var log = services.log
        log[metadataKey: "task"] = "\(hexadecimalID)"
        self.log = log
    }

    /// Begins to live; waits for `grantSlot` first.
    func start() {
        work = spawn { await self.live() }
    }

    /// Gives the task a slot, which it holds until it is finished.
    func grantSlot() {
        slot.open()
    }

    /// Whether the task was given a slot.
    var hadSlot: Bool {
        slot.isOpen
    }

    /// Drops the task wherever it stands.
    func cancel() {
        advance(.cancelled)
        work?.cancel()
    }

    /// Moves the duty to answer to another worker, or to none.
    func belong(to session: WorkerSession?) {
        self.session = session
        orphanedSince = session == nil ? .now : nil
        news.ring()
    }

    // MARK: - The line

    private func live() async {
        do throws(Interruption) {
            try await obtainSlot()
            let answer: TaskAnswer
            do throws(Interruption) {
                answer = try await compute()
            } catch .failed(let failure) {
                log.warning("task failed", metadata: ["reason": "\(failure.text)"])
                advance(.failed)
                answer = failure.answer
            }
            try await reply(answer)
        } catch {
            // Cancelled: the state says so already.
        }
        // Cleaning is work of its own: the cancellation that may have led here must not cut it short.
        if state != .gone { await spawn { await self.clean() }.value }
        isFinished.open()
    }

    private func obtainSlot() async throws(Interruption) {
        guard (try? await slot.wait()) != nil, state == .queued else { throw .cancelled }
        advance(.slotGranted)
    }

    private func compute() async throws(Interruption) -> TaskAnswer {
        guard (try? await services.inventory.isComplete.wait()) != nil else { throw .cancelled }
        services.inventory.watch(self)
        if let leftover = services.inventory.claim(task.taskID) {
            adopt(leftover)
        } else {
            try await launch()
        }
        return try await finish()
    }

    private func adopt(_ leftover: Leftover) {
        isResultListed = leftover.hasResult
        lastSummary = leftover.instance
        instanceID = leftover.instance?.id
        createdAt = .now
        advance(isResultListed ? .resultSeen : .instanceAdopted)
    }

    private func launch() async throws(Interruption) {
        let inputs = try await loadInputs()
        try checkCancelled()
        advance(.inputsLoaded)
        let environment = try await storePayload(inputs)
        try checkCancelled()
        advance(.payloadStored)
        do throws(Launcher.Failure) {
            let instance = try await services.launcher.launch(task.taskID, environment)
            instanceID = instance.id
            createdAt = .now
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .alwaysDeleted(let count): throw .failed(.deletedLaunch(count))
            case .refused(let error): throw .failed(.refusedLaunch(error))
            }
        }
        try checkCancelled()
        log.info("instance created", metadata: ["instance": "\(instanceID ?? "")"])
        advance(.instanceCreated)
    }

    private func loadInputs() async throws(Interruption) -> TaskInputs {
        do throws(InputLoader.Failure) {
            return try await services.loader.load(task)
        } catch .missing(let what, let id) {
            throw .failed(.missingInput(what: what, objectID: id.hexadecimal))
        } catch .unreadable(let reason) {
            throw .failed(.unreadableTask(reason))
        } catch {
            throw .cancelled
        }
    }

    private func storePayload(_ inputs: TaskInputs) async throws(Interruption) -> RunnerEnvironment {
        let payload = await PackedPayload.pack(inputs, taskID: task.taskID.bytes)
        try checkCancelled()
        var environment = services.environment(of: task.taskID)
        if payload.isInline {
            environment.payload = .inline(payload.bytes, isCompressed: payload.isCompressed)
            return environment
        }
        let name = RunnerEnvironment.inputObjectName(
            prefix: services.owner.objectPrefix,
            taskID: task.taskID.bytes,
            isCompressed: payload.isCompressed
        )
        inputObject = name
        do throws(OCIError) {
            _ = try await services.objects.put(name, payload.bytes, deadline: .after(services.patience))
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .failed(.unstoredPayload(error))
        }
        environment.payload = .object(isCompressed: payload.isCompressed)
        return environment
    }

    /// From the moment the instance exists to the answer in memory.
    private func finish() async throws(Interruption) -> TaskAnswer {
        if state == .running { try await awaitEnd() }
        if state == .diagnosing {
            let failure = await services.diagnosis.explain(
                instanceID,
                lastSummary,
                isVanished: missedCount > 0
            )
            try checkCancelled()
            // The answer took a while, and results are still listed meanwhile.
            guard isResultListed else { throw .failed(failure) }
            advance(.resultSeen)
        }
        let answer = try await fetchResult()
        advance(.outcomeKnown)
        return answer
    }

    /// Waits until listings show a result, or the end of the instance without one.
    private func awaitEnd() async throws(Interruption) {
        while true {
            try checkCancelled()
            if isResultListed { return advance(.resultSeen) }
            if isStopConfirmed { return advance(.instanceStopped) }
            let limit = timeLimit
            if limit.deadline.isPast { throw .failed(limit.failure) }
            do throws(WaitError) {
                try await news.wait(until: limit.deadline)
            } catch .deadlinePassed {
                continue
            } catch {
                throw .cancelled
            }
        }
    }

    private var timeLimit: (deadline: Deadline, failure: TaskFailure) {
        let settings = services.settings
        guard let activeSince else {
            return (
                createdAt + settings.createTimeout,
                .createTimeout(settings.createTimeout, instanceID, lastSummary)
            )
        }
        return (activeSince + settings.jobTimeout, .jobTimeout(settings.jobTimeout, instanceID))
    }

    /// The answer in the result object.
    private func fetchResult() async throws(Interruption) -> TaskAnswer {
        let name = services.owner.resultName(of: task.taskID)
        let stored: [UInt8]?
        do throws(OCIError) {
            stored = try await services.objects.get(
                name,
                limit: services.resultBytesMax,
                deadline: .after(services.patience)
            )
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .failed(.unfetchedResult(error))
        }
        try checkCancelled()
        guard let stored else { throw .failed(.vanishedResult(name)) }
        return await TaskAnswer.reading(stored, limit: services.resultBytesMax)
    }

    private func reply(_ answer: TaskAnswer) async throws(Interruption) {
        services.inventory.unwatch(self)
        let objectID = services.owner.scalerResult(of: task)
        guard (try? await services.storage.set(objectID, to: answer.object)) != nil else { throw .cancelled }
        while session == nil {
            guard (try? await news.wait()) != nil else { throw .cancelled }
        }
        try checkCancelled()
        let result = TaskResult(
            taskID: task.taskID,
            outcome: answer.isSuccess ? .success : .failed,
            result: objectID,
            profile: answer.profile
        )
        let created = ObjectInstruction(
            created: objectID,
            user: task.source,
            name: "<res \(hexadecimalID.prefix(6))>",
            sizeInBytes: UInt64(answer.object.count)
        )
        let acknowledged = session?.reply(result, announcing: created)
        advance(.replied)
        log.info(
            "task answered",
            metadata: ["success": "\(answer.isSuccess)", "bytes": "\(answer.object.count)"]
        )
        if let acknowledged { forgetResult(once: acknowledged) }
    }

    // MARK: - Leaving no trace

    private func clean() async {
        services.inventory.unwatch(self)
        if let inputObject { services.reaper.delete(objects: [inputObject]) }
        if let instanceID {
            let accepted = services.reaper.delete(instance: instanceID)
            _ = try? await accepted.wait()
        }
        if !wasAnswered { services.reaper.delete(objects: [services.owner.resultName(of: task.taskID)]) }
        advance(.cleaned)
    }

    /// The result object outlives the reply until the scheduler is known to have it: should both the reply and
    /// this process be lost, the next process answers from the object instead of running the task again.
    private func forgetResult(once acknowledged: Latch) {
        wasAnswered = true
        let name = services.owner.resultName(of: task.taskID)
        let reaper = services.reaper
        spawn {
            guard (try? await acknowledged.wait(until: .after(.seconds(60)))) != nil else { return }
            reaper.delete(objects: [name])
        }
    }

    private func checkCancelled() throws(Interruption) {
        if state == .cleaning || state == .gone || isCancelled { throw .cancelled }
    }

    private func advance(_ event: TaskEvent) {
        guard let next = state.next(after: event) else { return }
        state = next
    }
}

// MARK: - What listings show

extension TaskRun {
    /// A listing showed the result object; whether that is news.
    func resultListed() -> Bool {
        if isResultListed { return false }
        isResultListed = true
        news.ring()
        return true
    }

    /// A listing of all results that began at `started` is through.
    func resultsListed(since started: Deadline) {
        guard let stopSeen, stopSeen < started, !isResultListed, !isStopConfirmed else { return }
        isStopConfirmed = true
        news.ring()
    }

    /// A listing begun at `started` showed an instance of the task; whether it has stopped.
    func instanceListed(_ instance: InstanceSummary, at started: Deadline) -> Bool {
        guard instance.id == instanceID else { return false }
        lastSummary = instance
        missedCount = 0
        if activeSince == nil, instance.lifecycleState != .creating {
            activeSince = .now
            news.ring()
        }
        guard instance.lifecycleState.isStopped else { return false }
        return noteStop()
    }

    /// A listing begun at `started` did not show the task's instance; whether it counts as vanished.
    func instanceMissed(by started: Deadline) -> Bool {
        guard instanceID != nil, createdAt < started else { return false }
        missedCount += 1
        // A listing may lag behind a create; three in a row do not.
        guard missedCount >= 3 else { return false }
        return noteStop()
    }

    private func noteStop() -> Bool {
        guard stopSeen == nil else { return false }
        stopSeen = .now
        return true
    }
}
