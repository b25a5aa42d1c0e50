// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import HTTPClient
internal import Logging
internal import OCIServices
internal import SchedulerLink
internal import SchedulerMessages
internal import TaskEngine
internal import TaskPayload
internal import Transport

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

    /// What was sent to the scheduler, to be sent again should it ask again.
    private struct SentReply {
        let result: TaskResult
        let created: ObjectInstruction
    }

    /// So many times a listed result may turn out not to be there.
    private static let vanishedCountMax = 3
    /// How long a failed task's instance is kept for the scheduler to confirm the answer.
    private static let evidencePatience: Duration = .seconds(30)

    let task: TaskMessage
    let flags: TaskFlags
    let hexadecimalID: String
    let services: RunServices
    private let log: Logger
    private(set) var state = TaskState.queued
    /// The worker that must answer; nil while the scheduler has lost it.
    private(set) var session: (any TaskOrigin)?
    /// Since when there is none.
    private(set) var orphanedSince: Deadline?

    /// Where the client asked to see what the task prints.
    private let output: LiveOutput?
    private var mayShow = true
    private let slot = Latch()
    /// Whether it has taken over what an earlier life of the task left.
    private(set) var hasClaimed = false
    let news = Wakeup()
    private var work: Spawned<Void>?
    /// Open when no trace is left.
    let isFinished = Latch()

    // What exists in the cloud; `TaskRun+Listings` adds what listings show.
    private(set) var instanceID: String?
    private var inputObjects: [String] = []
    var hasResult = false

    // What is known of the instance.
    var watch: InstanceWatch?
    var lastSummary: InstanceSummary?
    private var launched: Launcher.Launched?
    /// The generation of the next instance.
    private var generation = 0
    private var vanishedCount = 0

    private var sentReply: SentReply?
    /// Open when the scheduler has surely read the answer.
    private let confirmed = Latch()
    private var isHurried = false

    init(task: TaskMessage, flags: TaskFlags, session: any TaskOrigin, services: RunServices) {
        self.task = task
        self.flags = flags
        self.session = session
        self.services = services
        output = flags.streamOutput ? LiveOutput(taskID: task.taskID, services: services) : nil
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

    /// Drops the task and waits for nothing but deletions: the process is about to end.
    func hurry() {
        isHurried = true
        cancel()
        news.ring()
    }

    /// Moves the duty to answer to another worker, or to none.
    func belong(to session: (any TaskOrigin)?) {
        self.session = session
        orphanedSince = session == nil ? .now : nil
        mayShow = true
        news.ring()
    }

    /// Shows the client no more of what the task prints, until the scheduler names the task again.
    func hush() {
        mayShow = false
    }

    /// Sends pieces of what the task prints, where the scheduler is known to know the task.
    func show(_ printed: [[UInt8]]) {
        if mayShow { session?.sendOutput(printed) }
    }

    /// Answers again, through the worker that the task was sent to anew; false if there is no answer any more.
    func answerAgain(through session: any TaskOrigin) -> Bool {
        guard sentReply != nil, !confirmed.isOpen else { return false }
        belong(to: session)
        sendReply()
        return true
    }

    // MARK: - The line

    private func live() async {
        do throws(Interruption) {
            try await obtainSlot()
            try await reply(try await outcome())
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

    private func outcome() async throws(Interruption) -> TaskAnswer {
        do throws(Interruption) {
            return try await compute()
        } catch .failed(let failure) {
            try checkCancelled()
            log.warning("task failed", metadata: ["reason": "\(failure.text)"])
            advance(.failed)
            return failure.answer
        }
    }

    private func compute() async throws(Interruption) -> TaskAnswer {
        services.inventory.watch(self)
        hasClaimed = true
        if let leftover = services.inventory.claim(task.taskID) { adopt(leftover) }
        while true {
            try checkCancelled()
            switch state {
            case .loading: try await launch()
            case .running: try await awaitEnd()
            case .diagnosing: try await diagnose()
            case .fetching:
                guard let answer = try await fetchResult() else { continue }
                advance(.outcomeKnown)
                return answer
            case .queued, .storing, .creating, .replying, .cleaning, .gone:
                preconditionFailure("no step ends in state \(state)")
            }
        }
    }

    private func adopt(_ leftover: Leftover) {
        inputObjects = leftover.inputs
        hasResult = leftover.hasResult
        if let instance = leftover.best {
            take(instance, activeSince: services.moment(ofActivation: instance))
        }
        for other in leftover.instances where other.id != instanceID {
            services.reaper.delete(instance: other.id)
        }
        if hasResult {
            watch?.resultListed()
            advance(.resultSeen)
        } else if instanceID != nil {
            advance(.instanceAdopted)
        }
    }

    private func take(_ instance: InstanceSummary, activeSince: Duration?) {
        instanceID = instance.id
        lastSummary = instance
        watch = InstanceWatch(
            createTimeout: services.settings.createTimeout,
            jobTimeout: services.settings.jobTimeout,
            createdAt: services.moment(of: instance.timeCreated),
            activeSince: activeSince
        )
        generation = max(generation, services.owner.generation(ofTags: instance.freeformTags) + 1)
    }

    private func launch() async throws(Interruption) {
        let size = InstanceSize(services.settings, asked: task.capabilities)
        if let misfit = await services.shapeLimits.misfit(of: size) { throw .failed(.misfitSize(misfit)) }
        try checkCancelled()
        let inputs = try await loadInputs()
        try checkCancelled()
        advance(.inputsLoaded)
        let environment = try await storePayload(inputs)
        try checkCancelled()
        advance(.payloadStored)
        let launched = try await create(environment, size)
        self.launched = launched
        take(launched.instance, activeSince: nil)
        try checkCancelled()
        log.info("instance created", metadata: ["instance": "\(launched.instance.id)"])
        advance(.instanceCreated)
    }

    private func create(
        _ environment: RunnerEnvironment,
        _ size: InstanceSize
    ) async throws(Interruption) -> Launcher.Launched {
        do throws(Launcher.Failure) {
            return try await services.launcher.launch(task.taskID, environment, size, generation: generation)
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .alwaysDeleted(let count): throw .failed(.deletedLaunch(count))
            case .refused(let error): throw .failed(.refusedLaunch(error))
            case .unanswered(let error): throw .failed(.unansweredLaunch(error))
            }
        }
    }

    private func loadInputs() async throws(Interruption) -> TaskInputs {
        do throws(InputLoader.Failure) {
            return try await services.loader.load(task)
        } catch .missing(let what, let id) {
            throw .failed(.missingInput(what: what, objectID: id.hexadecimal))
        } catch .unreadable(let reason) {
            throw .failed(.unreadableTask(reason))
        } catch .unkept(let error) {
            throw .failed(.noRoomForObject(error))
        } catch {
            throw .cancelled
        }
    }

    private func storePayload(_ inputs: TaskInputs) async throws(Interruption) -> RunnerEnvironment {
        let payload = try await pack(inputs)
        try checkCancelled()
        var environment = services.environment(of: task.taskID)
        let name = RunnerEnvironment.inputObjectName(
            prefix: services.owner.objectPrefix,
            taskID: task.taskID.bytes,
            isCompressed: payload.isCompressed
        )
        // An earlier run of the task may still be on its way out.
        await services.reaper.spare([name, services.owner.resultName(of: task.taskID)])
        if let bytes = payload.inlineBytes {
            environment.payload = .inline(bytes, isCompressed: payload.isCompressed)
            return environment
        }
        inputObjects = [name]
        try await put(payload.body, as: name)
        environment.payload = .object(isCompressed: payload.isCompressed)
        return environment
    }

    /// Waits until listings show a result, or the end of the instance without one.
    private func awaitEnd() async throws(Interruption) {
        let following = spawn { await self.output?.follow(self) }
        defer { following.cancel() }
        while true {
            try checkCancelled()
            guard let verdict = watch?.verdict(at: services.now) else {
                preconditionFailure("a running task has an instance")
            }
            switch verdict {
            case .resultListed: return advance(.resultSeen)
            case .endedWithoutResult: return advance(.instanceStopped)
            case .vanished: if try await isGoneByName() { return advance(.instanceStopped) }
            case .outOfTime(.creating):
                throw .failed(.createTimeout(services.settings.createTimeout, instanceID, lastSummary))
            case .outOfTime(.running):
                throw .failed(.jobTimeout(services.settings.jobTimeout, instanceID))
            case .open(let time):
                let deadline = time.map { services.origin + $0 } ?? .never
                do throws(WaitError) { try await news.wait(until: deadline) } catch .deadlinePassed {} catch {
                    throw .cancelled
                }
            }
        }
    }

    /// Asks for an instance that listings miss; while there is no answer, nothing is decided.
    private func isGoneByName() async throws(Interruption) -> Bool {
        guard let instanceID else { return true }
        do throws(OCIError) {
            let instance = try await services.instances.get(instanceID, deadline: .after(.seconds(60)))
            guard let instance, instance.lifecycleState != .deleted else { return true }
            watch?.foundByName()
            return false
        } catch .cancelled {
            throw .cancelled
        } catch {
            // It may not be asked for, by its name or at all: then the listings' word must do.
            return !error.isRetryable
        }
    }

    private func diagnose() async throws(Interruption) {
        let finding = await services.diagnosis.explain(
            instanceID,
            lastSummary,
            workRequestID: launched?.workRequestID,
            wasActive: watch?.wasActive ?? true,
            isVanished: watch?.isMissed ?? true
        )
        try checkCancelled()
        // The answer took a while, and results are still listed meanwhile.
        if watch?.isResultListed == true { return advance(.resultSeen) }
        switch finding {
        case .noRoom(let fullness, let text): try await startOver(fullness, text)
        case .failure where vanishedCount > 0:
            throw .failed(.vanishedResult(services.owner.resultName(of: task.taskID)))
        case .failure(let failure): throw .failed(failure)
        }
    }

    /// Gives up an instance that the cloud had no room for, and goes back to making one.
    private func startOver(_ fullness: Placements.Fullness, _ text: String) async throws(Interruption) {
        log.info("the cloud had no room for the instance after all", metadata: ["reason": "\(text)"])
        if let placement = launched?.placement {
            services.launcher.queue.turnedOutFull(placement, fullness, refusal: ["error": "\(text)"])
        }
        if let instanceID {
            // It counts until its deletion is accepted, and the next one would be one too many.
            let accepted = services.reaper.delete(instance: instanceID)
            guard (try? await accepted.wait()) != nil else { throw .cancelled }
        }
        (instanceID, launched, watch, lastSummary) = (nil, nil, nil, nil)
        advance(.startedOver)
    }

    /// The answer in the result object; nil if there is no such object, against what the listing said.
    private func fetchResult() async throws(Interruption) -> TaskAnswer? {
        let name = services.owner.resultName(of: task.taskID)
        var pauses = Backoff(initial: .milliseconds(200), limit: .seconds(2))
        for _ in 0..<4 {
            if let stored = try await readResult(name) {
                try checkCancelled()
                return await TaskAnswer.reading(stored, limit: services.resultBytesMax)
            }
            guard (try? await sleep(for: pauses.next { .random(in: 0.5..<1) })) != nil else {
                throw .cancelled
            }
        }
        vanishedCount += 1
        hasResult = false
        watch?.resultVanished()
        guard vanishedCount < Self.vanishedCountMax else { throw .failed(.vanishedResult(name)) }
        advance(instanceID == nil ? .startedOver : .resultVanished)
        return nil
    }

    private func readResult(_ name: String) async throws(Interruption) -> Blob? {
        do throws(OCIError) {
            let body = try await services.objects.get(
                name,
                spoolAbove: Blob.memoryBytesMax,
                limit: services.resultBytesMax,
                // It is there, so it is fetched however long the cloud does not give it.
                deadline: .never
            )
            return body.map { Blob($0) }
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .failed(.unfetchedResult(error))
        }
    }

    private func reply(_ answer: TaskAnswer) async throws(Interruption) {
        services.inventory.unwatch(self)
        let objectID = services.owner.scalerResult(of: task)
        do throws(ObjectStoreError) {
            try await services.storage.set(objectID, to: answer.object)
        } catch .file(let error) {
            return try await reply(TaskFailure.noRoomForObject(error).answer)
        } catch {
            throw .cancelled
        }
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
            sizeInBytes: UInt64(answer.object.byteCount)
        )
        sentReply = SentReply(result: result, created: created)
        show(output?.messages(in: answer.output) ?? [])
        sendReply()
        advance(.replied)
        log.info(
            "task answered",
            metadata: ["success": "\(answer.isSuccess)", "bytes": "\(answer.object.byteCount)"]
        )
    }

    private func sendReply() {
        guard let session, let sentReply else { return }
        let isRead = session.reply(sentReply.result, announcing: sentReply.created)
        spawn {
            // An answer that is lost with its connection is never confirmed.
            guard (try? await isRead.wait(until: .after(.seconds(120)))) != nil else { return }
            self.confirmed.open()
            self.news.ring()
        }
    }

    // MARK: - Leaving no trace

    /// Deletes what is no evidence any more; what the next process would answer from stays until that is not needed.
    private func clean() async {
        services.inventory.unwatch(self)
        let isAnswered = sentReply != nil
        let resultName = services.owner.resultName(of: task.taskID)
        services.reaper.delete(objects: inputObjects)
        if let instanceID {
            // Without a result, the instance is what tells the next process that the task has had its run.
            if isAnswered, !hasResult { await awaitConfirmation() }
            let accepted = services.reaper.delete(
                instance: instanceID,
                thenObjects: isAnswered && hasResult ? [] : [resultName]
            )
            _ = try? await accepted.wait()
        } else if hasResult, !isAnswered {
            services.reaper.delete(objects: [resultName])
        }
        if isAnswered, hasResult { services.inventory.keepResult(of: task.taskID, until: confirmed) }
        advance(.cleaned)
    }

    private func awaitConfirmation() async {
        let deadline = Deadline.after(Self.evidencePatience)
        while !confirmed.isOpen, !isHurried {
            guard (try? await news.wait(until: deadline)) != nil else { return }
        }
    }

    private func checkCancelled() throws(Interruption) {
        if state == .cleaning || state == .gone || isCancelled { throw .cancelled }
    }

    private func advance(_ event: TaskEvent) {
        guard let next = state.next(after: event) else {
            precondition(state == .cleaning || state == .gone, "\(event) has no place in state \(state)")
            return
        }
        state = next
    }
}
