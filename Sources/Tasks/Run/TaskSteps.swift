// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import EventLoop
internal import Logging
internal import SchedulerMessages
internal import TaskEngine
internal import TaskPayload
internal import Transport

/// What the steps of a run are done with; the same for all runs of a manager.
@LoopActor
struct TaskSteps {
    /// So many times a listed result may turn out not to be there.
    static let vanishedCountMax = 3

    let cloud: LedgerDriver
    let workspace: Workspace
    let inputs: InputLoader
    let payloads: PayloadStore
    let launcher: Launcher
    let diagnosis: Diagnosis
    let answers: AnswerStore
    let limits: Attempt.Limits
    let statistics: TaskStatistics
    let log: Logger
}

extension TaskSteps {
    /// Tells of a task that is answered with a failure which is not its own exception.
    func noteFailure(in answer: TaskAnswer, of key: TaskKey) {
        guard let failure = answer.failure else { return }
        log(of: key).warning("task failed", metadata: ["reason": "\(failure.text)"])
        statistics.failed("\(key)", failure.text, remedy: failure.remedy, failure.outcome)
    }

    /// Waits until a task may load its inputs.
    func placeToLoad() async throws(TaskInterruption) -> LoadGate.Place {
        do throws(WaitError) { return try await launcher.queue.gate.enter() } catch { throw .cancelled }
    }

    /// What came of packing a task's inputs.
    enum PackedInputs {
        case packed(PackedPayload)
        /// The storage does not have this one, or not yet.
        case absent(TaskInput)
    }

    /// The inputs of a task, packed; waits while this host has no room for them.
    func packedInputs(of task: TaskMessage) async throws(TaskInterruption) -> PackedInputs {
        // What others hold they let go of, however long the cloud makes them wait.
        let noRoom = { (error: TransportError, time: Duration) in
            error == .budgetSpent ? nil : TaskFailure.noRoomForInputs(error, time)
        }
        return try await workspace.run(in: workspace.budgets.inputs, orElse: noRoom) {
            holding async throws(TaskInterruption) in
            switch try await inputs.inputs(of: task, for: holding) {
            case .absent(let input): return .absent(input)
            case .complete(let loaded):
                if isCancelled { throw .cancelled }
                return .packed(try await payloads.pack(loaded, of: task, for: holding))
            }
        }
    }

    /// Brings a payload to where the container reads it; one that goes into the bucket keeps nobody from loading meanwhile.
    func store(
        _ payload: PackedPayload,
        of task: TaskMessage,
        from place: LoadGate.Place
    ) async throws(TaskInterruption) -> RunnerEnvironment {
        // What travels inside the create call waits here for it.
        if payload.inlineBytes != nil { return try await payloads.store(payload, of: task) }
        return try await place.stepAside { () async throws(TaskInterruption) in
            try await payloads.store(payload, of: task)
        }
    }

    /// Gives the slot of a task back, and waits for an input of it; why it will not come, or nil when it has come or nobody
    /// waits any more.
    func waitWithoutSlot(_ key: TaskKey, for input: TaskInput) async -> TaskFailure? {
        log(of: key).info("an input is not there yet; the task waits for it without a slot")
        cloud.setAside(key)
        do throws(TaskInterruption) { try await inputs.wait(for: input) } catch .failed(let failure) {
            return failure
        } catch {}  // Cancelled.
        return nil
    }

    /// Why a task has no result although its instance stopped, or vanished.
    func explainEnd(of attempt: Attempt) async -> Diagnosis.Finding {
        // The end of the process that made it may have been its end: a deletion is carried out late, and listed later.
        if await diagnosis.isDeletedByPredecessor(attempt) { return .deletedByPredecessor }
        return await diagnosis.explain(
            attempt.seen,
            workRequestID: attempt.workRequestID,
            isVanished: attempt.isMissed
        )
    }

    /// The answer in a task's result object, or nil if there is none; waits while this host has no room for it.
    func storedAnswer(of key: TaskKey) async throws(TaskInterruption) -> TaskAnswer? {
        let noRoom = { @LoopActor (error: TransportError, time: Duration) -> TaskFailure in
            // The task fails; its result stays where it is, for a person to fetch.
            cloud.keepResult(of: key)
            return .noRoomForResult(answers.resultName(of: key), error, time)
        }
        return try await workspace.run(in: workspace.budgets.results, orElse: noRoom) {
            holding async throws(TaskInterruption) in
            try await answers.read(key, for: holding)
        }
    }

    /// Asks for an instance that listings show as being made for too long, for they may lag; throws a failure if it still is.
    func checkStarted(_ attempt: Attempt) async throws(TaskInterruption) {
        switch await diagnosis.isCreating(attempt.seen.id) {
        case true?: throw .failed(.createTimeout(limits.create, attempt.seen))
        case false?: attempt.startedByName(at: cloud.clock.now)
        case nil: break
        }
    }

    /// The next piece of news; nil when the moment `time` of the ledger's clock comes first.
    func nextNews(
        in news: Mailbox<TaskNews>?,
        until time: Duration?
    ) async throws(TaskInterruption) -> TaskNews? {
        do throws(WaitError) {
            return try await news?.receive(until: time.map { cloud.clock.deadline($0) } ?? .never)
        } catch .deadlinePassed {
            return nil
        } catch {
            throw .cancelled
        }
    }

    /// A log whose lines name the task.
    func log(of key: TaskKey) -> Logger {
        var log = log
        log[metadataKey: "task"] = "\(key)"
        return log
    }
}
