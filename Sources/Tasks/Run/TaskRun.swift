// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import EventLoop
internal import Logging
internal import SchedulerLink
internal import SchedulerMessages
internal import TaskEngine
internal import TaskPayload
internal import Transport

/// One task from its arrival until no instance of it counts any more, as one straight line.
///
/// `TaskState` says what may follow what; this says what is done. After every wait the state may have moved on by a cancel,
/// which throws `Interruption.cancelled` at the next step. What the cloud holds, and what is deleted when, the ledger
/// decides: the run tells it what happens to the task, and receives its news.
@LoopActor
final class TaskRun {
    /// What the steps of a run are done with; the same for all runs of a manager.
    struct Steps {
        let cloud: LedgerDriver
        let inputs: InputLoader
        let payloads: PayloadStore
        let launcher: Launcher
        let diagnosis: Diagnosis
        let answers: AnswerStore
        let limits: Attempt.Limits
        let log: Logger
    }

    /// What was sent to the scheduler, to be sent again should it ask again.
    private struct SentReply {
        let result: TaskResult
        let created: ObjectInstruction
    }

    /// So many times a listed result may turn out not to be there.
    private static let vanishedCountMax = 3
    /// After so long without an echo an answer was lost with its connection, and is never confirmed.
    private static let confirmationTimeout: Duration = .seconds(120)

    let task: TaskMessage
    let key: TaskKey
    private let flags: TaskFlags
    private let steps: Steps
    private let log: Logger
    private let output: LiveOutput?
    private(set) var state = TaskState.queued
    /// The worker that must answer; nil while the scheduler has lost it.
    private(set) var origin: (any TaskOrigin)?
    /// Since when there is none.
    private(set) var orphanedSince: Deadline?
    /// Open when the run is over.
    let isFinished = Latch()
    private var isOutputMuted = false
    private let originChanged = Wakeup()
    private var work: Spawned<Void>?
    private var news: Mailbox<TaskNews>?
    private var attempt: Attempt?
    private var vanishedCount = 0
    private var sentReply: SentReply?
    private var isConfirmed = false

    init(task: TaskMessage, flags: TaskFlags, origin: any TaskOrigin, steps: Steps, output: LiveOutput?) {
        self.task = task
        self.flags = flags
        self.origin = origin
        self.steps = steps
        self.output = output
        key = task.taskID.key
        var log = steps.log
        log[metadataKey: "task"] = "\(key)"
        self.log = log
    }

    /// Begins; waits for a slot first.
    func start() {
        work = spawn { await self.run() }
    }

    /// Drops the task wherever it stands.
    func cancel() {
        advance(.cancelled)
        work?.cancel()
    }

    /// Moves the duty to answer to another worker, or to none.
    func move(to origin: (any TaskOrigin)?) {
        self.origin = origin
        orphanedSince = origin == nil ? .now : nil
        isOutputMuted = false
        originChanged.ring()
    }

    /// Sends no more of what the task prints, until the scheduler names the task again.
    func muteOutput() {
        isOutputMuted = true
    }

    /// Answers again, through the worker that the task was sent to anew; false if there is no answer any more.
    func answerAgain(through origin: any TaskOrigin) -> Bool {
        guard sentReply != nil, !isConfirmed else { return false }
        move(to: origin)
        sendReply()
        return true
    }

    // MARK: - The line

    private func run() async {
        do throws(TaskInterruption) {
            try await obtainSlot()
            try await reply(try await outcome())
        } catch {
            // Cancelled: the state says so already.
        }
        // Work of its own: the cancellation that may have led here must not cut it short.
        if state != .gone { await spawn { await self.release() }.value }
        isFinished.open()
    }

    private func obtainSlot() async throws(TaskInterruption) {
        do throws(WaitError) {
            try await steps.cloud.obtainSlot(for: key, priority: flags.priority)
        } catch {
            throw .cancelled
        }
        guard state == .queued else {
            steps.cloud.returnSlot(of: key)
            throw .cancelled
        }
        advance(.slotGranted)
    }

    private func outcome() async throws(TaskInterruption) -> TaskAnswer {
        do throws(TaskInterruption) {
            return try await compute()
        } catch .failed(let failure) {
            try checkCancelled()
            log.warning("task failed", metadata: ["reason": "\(failure.text)"])
            advance(.failed)
            return failure.answer
        }
    }

    private func compute() async throws(TaskInterruption) -> TaskAnswer {
        let (adoption, news) = steps.cloud.claim(key)
        self.news = news
        if let adoption { adopt(adoption) }
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

    private func adopt(_ adoption: CloudLedger.Adoption) {
        attempt = adoption.instance.map {
            Attempt($0, activeSince: $0.activeSince, limits: steps.limits)
        }
        if adoption.hasResult {
            attempt?.resultFound()
            advance(.resultSeen)
        } else {
            advance(.instanceAdopted)
        }
    }

    private func launch() async throws(TaskInterruption) {
        let size = try await steps.launcher.size(of: task)
        try checkCancelled()
        let inputs = try await steps.inputs.inputs(of: task)
        try checkCancelled()
        advance(.inputsLoaded)
        let environment = try await steps.payloads.store(inputs, of: task)
        try checkCancelled()
        advance(.payloadStored)
        let launched = try await steps.launcher.launch(key, environment, size)
        attempt = Attempt(
            launched.instance,
            activeSince: nil,
            limits: steps.limits,
            placement: launched.placement,
            workRequestID: launched.workRequestID
        )
        try checkCancelled()
        log.info("instance created", metadata: ["instance": "\(launched.instance.id)"])
        advance(.instanceCreated)
    }

    /// Waits until listings show a result, or the end of the instance without one.
    private func awaitEnd() async throws(TaskInterruption) {
        let following = spawn { await self.followOutput() }
        defer { following.cancel() }
        while true {
            try checkCancelled()
            takeNews()
            guard let attempt else { preconditionFailure("a running task has an instance") }
            switch attempt.verdict(at: steps.cloud.clock.now) {
            case .resultListed: return advance(.resultSeen)
            case .endedWithoutResult: return advance(.instanceStopped)
            case .vanished: if try await isGoneByName(attempt.seen.id) { return advance(.instanceStopped) }
            case .outOfTime(.creating): throw .failed(.createTimeout(steps.limits.create, attempt.seen))
            case .outOfTime(.running): throw .failed(.jobTimeout(steps.limits.job, attempt.seen.id))
            case .open(let time):
                try await awaitNews(until: time.map { steps.cloud.clock.deadline($0) } ?? .never)
            }
        }
    }

    /// Asks for an instance that listings miss; while there is no answer, nothing is decided.
    private func isGoneByName(_ id: String) async throws(TaskInterruption) -> Bool {
        switch await steps.diagnosis.existence(of: id) {
        case .gone: return true
        case .unknown: try checkCancelled()
        case .present: attempt?.foundByName()
        }
        return false
    }

    private func diagnose() async throws(TaskInterruption) {
        guard let attempt else { preconditionFailure("an instance that ended is known") }
        let finding = await steps.diagnosis.explain(
            attempt.seen,
            workRequestID: attempt.workRequestID,
            isVanished: attempt.isMissed
        )
        try checkCancelled()
        // The answer took a while, and results are listed meanwhile.
        takeNews()
        if self.attempt?.isResultListed == true { return advance(.resultSeen) }
        switch finding {
        case .noRoom(let fullness, let text): try await startOver(attempt, fullness, text)
        case .failure where vanishedCount > 0:
            throw .failed(.vanishedResult(steps.answers.resultName(of: key)))
        case .failure(let failure): throw .failed(failure)
        }
    }

    /// Gives up an instance that the cloud had no room for, and goes back to making one.
    private func startOver(
        _ given: Attempt,
        _ fullness: Placements.Fullness,
        _ text: String
    ) async throws(TaskInterruption) {
        log.info("the cloud had no room for the instance after all", metadata: ["reason": "\(text)"])
        if let placement = given.placement {
            steps.launcher.queue.turnedOutFull(placement, fullness, refusal: ["error": "\(text)"])
        }
        attempt = nil
        if steps.cloud.giveUpInstance(of: key) {
            // It counts until its deletion is accepted, and the next one would be one too many.
            while try await nextNews(until: .never) != .deletionAccepted(given.seen.id) {}
        }
        advance(.startedOver)
    }

    /// The answer in the result object; nil if there is no such object, against what the listing said.
    private func fetchResult() async throws(TaskInterruption) -> TaskAnswer? {
        if let answer = try await steps.answers.read(key) { return answer }
        vanishedCount += 1
        steps.cloud.resultVanished(key)
        attempt?.resultVanished()
        guard vanishedCount < Self.vanishedCountMax else {
            throw .failed(.vanishedResult(steps.answers.resultName(of: key)))
        }
        advance(attempt == nil ? .startedOver : .resultVanished)
        return nil
    }

    private func reply(_ answer: TaskAnswer) async throws(TaskInterruption) {
        steps.cloud.outcomeKnown(key)
        let (stored, objectID) = try await steps.answers.store(answer, of: task)
        while origin == nil {
            guard (try? await originChanged.wait()) != nil else { throw .cancelled }
        }
        try checkCancelled()
        sentReply = SentReply(
            result: TaskResult(
                taskID: task.taskID,
                outcome: stored.isSuccess ? .success : .failed,
                result: objectID,
                profile: stored.profile
            ),
            created: ObjectInstruction(
                created: objectID,
                user: task.source,
                name: "<res \(key.digits.prefix(6))>",
                sizeInBytes: UInt64(stored.object.byteCount)
            )
        )
        show(output?.messages(in: stored.output) ?? [])
        sendReply()
        advance(.replied)
        log.info(
            "task answered",
            metadata: ["success": "\(stored.isSuccess)", "bytes": "\(stored.object.byteCount)"]
        )
    }

    private func sendReply() {
        guard let origin, let sentReply else { return }
        let isRead = origin.reply(sentReply.result, announcing: sentReply.created)
        spawn {
            guard (try? await isRead.wait(until: .after(Self.confirmationTimeout))) != nil else { return }
            self.isConfirmed = true
            self.steps.cloud.answerConfirmed(self.key)
        }
    }

    /// Lets go of the task, and waits until no instance of it counts any more.
    private func release() async {
        steps.cloud.release(key, isAnswered: sentReply != nil)
        while let piece = try? await news?.receive(), piece != .released {}
        advance(.cleaned)
    }

    // MARK: - News and output

    private func nextNews(until deadline: Deadline) async throws(TaskInterruption) -> TaskNews? {
        do throws(WaitError) {
            return try await news?.receive(until: deadline)
        } catch .deadlinePassed {
            return nil
        } catch {
            throw .cancelled
        }
    }

    private func awaitNews(until deadline: Deadline) async throws(TaskInterruption) {
        if let piece = try await nextNews(until: deadline) { weigh(piece) }
    }

    private func takeNews() {
        while let piece = news?.poll() { weigh(piece) }
    }

    private func weigh(_ piece: TaskNews) {
        if attempt?.weigh(piece, at: steps.cloud.clock.now) == true { steps.cloud.endSuspected() }
    }

    /// Sends what the container prints while it runs, until cancelled; nothing here fails a task.
    private func followOutput() async {
        guard let output, let instanceID = attempt?.seen.id else { return }
        await output.follow(instanceID) {
            self.origin != nil && self.state == .running
        } show: {
            self.show($0)
        }
    }

    private func show(_ printed: [[UInt8]]) {
        if !isOutputMuted, !printed.isEmpty { origin?.sendOutput(printed) }
    }

    private func checkCancelled() throws(TaskInterruption) {
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

extension TaskID {
    /// The same task as the cloud's tags and names have it.
    var key: TaskKey { TaskKey(hexadecimal) }
}
