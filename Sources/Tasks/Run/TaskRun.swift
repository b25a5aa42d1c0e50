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
/// which throws `TaskInterruption.cancelled` at the next step. What the cloud holds, and what is deleted when, the ledger
/// decides: the run tells it what happens to the task, and receives its news.
@LoopActor
final class TaskRun {
    let task: TaskMessage
    let key: TaskKey
    let route: AnswerRoute
    let isFinished = Latch()
    private var progress: TaskProgress { didSet { route.standing = state.standing } }
    private let flags: TaskFlags
    private let steps: TaskSteps
    private let output: LiveOutput?
    private var log: Logger { steps.log(of: key) }
    private var work: Spawned<Void>?
    private var news: Mailbox<TaskNews>?
    private var attempt: Attempt?
    private var vanishedCount = 0
    /// Whether there may be something of this run in the cloud.
    private var hasStored = false

    init(task: TaskMessage, flags: TaskFlags, route: AnswerRoute, steps: TaskSteps, output: LiveOutput?) {
        self.task = task
        self.flags = flags
        self.steps = steps
        progress = TaskProgress(steps.statistics)
        self.output = output
        self.route = route
        key = task.taskID.key
    }

    /// Begins, waits for a slot first, and calls `ended` when all is over.
    func start(_ ended: @escaping @LoopActor @Sendable () -> Void) { work = spawn { await self.run(ended) } }

    /// Drops the task wherever it stands.
    func cancel(as outcome: TaskStatistics.Outcome = .cancelled) {
        if progress.advance(.cancelled) { steps.statistics.ended(outcome) }
        work?.cancel()
    }

    /// Where it stands.
    var state: TaskState { progress.state }
    var timeInState: Duration { progress.timeInState }

    /// What there is to say of it now.
    var report: TaskReport { progress.report(key, attempt, isLost: route.origin == nil) }

    /// Answers again, through the worker that the task was sent to anew; false if there is no answer any more.
    func answerAgain(through origin: any TaskOrigin) -> Bool {
        guard route.hasUnconfirmedAnswer else { return false }
        route.move(to: origin)
        sendAnswer()
        return true
    }

    private func run(_ ended: @LoopActor () -> Void) async {
        do throws(TaskInterruption) {
            try await obtainSlot()
            try await reply(try await outcome())
        } catch {}  // Cancelled: the state says so already.
        // Work of its own: the cancellation that may have led here must not cut it short.
        if state != .gone { await spawn { await self.release() }.value }
        isFinished.open()
        ended()
    }

    private func obtainSlot() async throws(TaskInterruption) {
        guard state == .queued else { throw .cancelled }
        do { try await steps.cloud.obtainSlot(for: key, priority: flags.priority) } catch { throw .cancelled }
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
            advance(.failed)
            return failure.answer
        }
    }

    private func compute() async throws(TaskInterruption) -> TaskAnswer {
        claim()
        while true {
            try checkCancelled()
            switch state {
            case .loading: try await apart { () async throws(TaskInterruption) in try await self.launch() }
            case .running: try await awaitEnd()
            case .diagnosing: try await diagnose()
            case .fetching:
                guard let answer = try await fetchResult() else { continue }
                try checkCancelled()
                advance(.outcomeKnown)
                return answer
            case .queued, .storing, .creating, .replying, .cleaning, .gone:
                preconditionFailure("no step ends in state \(state)")
            }
        }
    }

    /// Takes the task in hand, with what an earlier life of it left.
    private func claim() {
        let (adoption, news) = steps.cloud.claim(key)
        self.news = news
        guard let adoption else { return }
        attempt = adoption.instance.map { Attempt(adopted: $0, limits: steps.limits) }
        if adoption.hasResult { attempt?.resultFound() }
        advance(adoption.hasResult ? .resultSeen : .instanceAdopted)
    }

    private func launch() async throws(TaskInterruption) {
        let size = try await steps.launcher.size(of: task)
        try checkCancelled()
        let place = try await steps.placeToLoad()
        defer { place.leave() }
        guard let environment = try await prepare(place) else { return }
        let launched = try await steps.launcher.launch(key, environment, size)
        attempt = Attempt(launched, limits: steps.limits)
        try checkCancelled()
        log.info("instance created", metadata: ["instance": "\(launched.instance.id)"])
        advance(.instanceCreated)
    }

    /// Brings the inputs to where the container reads them; nothing of them is kept here afterwards.
    ///
    /// Nil after a wait for one that was not there: another look at the state must follow.
    private func prepare(_ place: LoadGate.Place) async throws(TaskInterruption) -> RunnerEnvironment? {
        let payload: PackedPayload
        switch try await steps.packedInputs(of: task) {
        case .packed(let packed): payload = packed
        case .absent(let input):
            place.leave()
            if hasStored { try await steps.inputs.wait(for: input) } else { try await stepAside(for: input) }
            return nil
        }
        try checkCancelled()
        place.loaded()
        hasStored = true
        advance(.inputsLoaded)
        let environment = try await steps.store(payload, of: task, from: place)
        try checkCancelled()
        advance(.payloadStored)
        return environment
    }

    /// Waits without a slot for an input that the storage does not have, for others have theirs; then begins anew.
    private func stepAside(for input: TaskInput) async throws(TaskInterruption) {
        try checkCancelled()
        advance(.setAside)
        let failure = await steps.waitWithoutSlot(key, for: input)
        guard state == .queued, !isCancelled else {
            steps.cloud.discontinue(key)
            throw .cancelled
        }
        try await obtainSlot()
        claim()
        if let failure, state == .loading { throw .failed(failure) }
    }

    /// Waits until listings show a result, or the end of the instance without one.
    private func awaitEnd() async throws(TaskInterruption) {
        let following = output.map { output in spawn { await self.follow(output) } }
        defer { following?.cancel() }
        while true {
            try checkCancelled()
            takeNews()
            guard let attempt else { preconditionFailure("a running task has an instance") }
            switch attempt.verdict(at: steps.cloud.clock.now) {
            case .resultListed: return advance(.resultSeen)
            case .endedWithoutResult: return advance(.instanceStopped)
            case .vanished: if try await isGone(attempt.seen.id) { return advance(.instanceStopped) }
            case .outOfTime(.creating): try await steps.checkStarted(attempt)
            case .outOfTime(.running): throw .failed(.jobTimeout(steps.limits.job, attempt.seen.id))
            case .open(let time):
                if time == nil { steps.cloud.listingAwaited(key) }
                if let piece = try await steps.nextNews(in: news, until: time) { weigh(piece) }
            }
        }
    }

    /// Asks for an instance that listings miss; while there is no answer, nothing is decided.
    private func isGone(_ id: String) async throws(TaskInterruption) -> Bool {
        let existence = await steps.diagnosis.existence(of: id)
        try checkCancelled()
        if existence == .present { attempt?.foundByName() }
        return existence == .gone
    }

    private func diagnose() async throws(TaskInterruption) {
        guard let attempt else { preconditionFailure("an instance that ended is known") }
        let finding = await steps.explainEnd(of: attempt)
        try checkCancelled()
        // The answer took a while, and results are listed meanwhile.
        takeNews()
        if self.attempt?.isResultListed == true { return advance(.resultSeen) }
        switch finding {
        case .deletedByPredecessor: try await startOver(attempt, "it was deleted before it had run")
        case .noRoom(let fullness, let text):
            if let placement = attempt.placement {
                steps.launcher.queue.turnedOutFull(placement, fullness, refusal: ["error": "\(text)"])
            }
            try await startOver(attempt, "the cloud had no room for it after all: \(text)")
        case .failure where vanishedCount > 0:
            throw .failed(.vanishedResult(steps.answers.resultName(of: key)))
        case .failure(let failure): throw .failed(failure)
        }
    }

    /// Gives up an instance that did not run the task, and goes back to making one.
    private func startOver(_ given: Attempt, _ reason: String) async throws(TaskInterruption) {
        let fields: Logger.Metadata = ["instance": "\(given.seen.id)", "reason": "\(reason)"]
        log.info("another instance is made", metadata: fields)
        attempt = nil
        if steps.cloud.giveUpInstance(of: key) {
            // It counts until its deletion is accepted, and the next one would be one too many.
            while try await steps.nextNews(in: news, until: nil) != .deletionAccepted(given.seen.id) {}
        }
        advance(.startedOver)
    }

    /// The answer in the result object; nil if there is no such object, against what the listing said.
    private func fetchResult() async throws(TaskInterruption) -> TaskAnswer? {
        if let answer = try await steps.storedAnswer(of: key) { return answer }
        vanishedCount += 1
        steps.cloud.resultVanished(key)
        attempt?.resultVanished()
        guard vanishedCount < TaskSteps.vanishedCountMax else {
            throw .failed(.vanishedResult(steps.answers.resultName(of: key)))
        }
        advance(attempt == nil ? .startedOver : .resultVanished)
        return nil
    }

    private func reply(_ answer: TaskAnswer) async throws(TaskInterruption) {
        steps.cloud.outcomeKnown(key)
        steps.noteFailure(in: answer, of: key)
        let (answer, objectID) = try await steps.answers.store(answer, of: task)
        do throws(WaitError) { try await route.awaitOrigin() } catch { throw .cancelled }
        try checkCancelled()
        if let output { route.sendOutput(output.messages(in: answer.output)) }
        route.answer = SentAnswer(answer, to: task, storedAs: objectID)
        sendAnswer()
        advance(.replied)
        steps.statistics.ended(answer.outcome)
        let (success, bytes) = ("\(answer.isSuccess)", "\(answer.object.byteCount)")
        log.info("task answered", metadata: ["success": "\(success)", "bytes": "\(bytes)"])
    }

    private func sendAnswer() {
        guard let confirmation = route.sendAnswer() else { return }
        spawn { if await confirmation.value { self.steps.cloud.answerConfirmed(self.key) } }
    }

    /// Lets go of the task, and waits until no instance of it counts any more.
    private func release() async {
        steps.cloud.release(key, isAnswered: route.answer != nil)
        while let piece = try? await news?.receive(), piece != .released {}
        advance(.cleaned)
    }

    private func takeNews() { while let piece = news?.poll() { weigh(piece) } }

    private func weigh(_ piece: TaskNews) {
        let isFirstSignOfEnd = attempt?.weigh(piece, at: steps.cloud.clock.now) == true
        if isFirstSignOfEnd { steps.cloud.endSuspected(key) }
        if let placement = attempt?.roomShown() { steps.launcher.queue.proven(placement) }
    }

    /// Sends what the container prints while it runs, until cancelled; nothing here fails a task.
    private func follow(_ output: LiveOutput) async {
        guard let instanceID = attempt?.seen.id else { return }
        let isWanted = { @LoopActor in self.route.origin != nil && self.state == .running }
        await output.follow(instanceID, while: isWanted) { self.route.sendOutput($0) }
    }

    private func checkCancelled() throws(TaskInterruption) {
        if state == .cleaning || state == .gone || isCancelled { throw .cancelled }
    }

    private func advance(_ event: TaskEvent) { progress.advance(event) }
}
