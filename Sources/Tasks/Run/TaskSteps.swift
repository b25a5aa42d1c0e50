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
    let cloud: LedgerDriver
    let workspace: Workspace
    let inputs: InputLoader
    let payloads: PayloadStore
    let launcher: Launcher
    let diagnosis: Diagnosis
    let answers: AnswerStore
    let limits: Attempt.Limits
    let log: Logger
}

extension TaskSteps {
    /// Waits until a task may load its inputs.
    func placeToLoad() async throws(TaskInterruption) -> LoadGate.Place {
        do throws(WaitError) { return try await launcher.queue.gate.enter() } catch { throw .cancelled }
    }

    /// The inputs of a task, packed; waits while this host has no room for them.
    func packedInputs(of task: TaskMessage) async throws(TaskInterruption) -> PackedPayload {
        // What others hold they let go of, however long the cloud makes them wait.
        let noRoom = { (error: TransportError, time: Duration) in
            error == .budgetSpent ? nil : TaskFailure.noRoomForInputs(error, time)
        }
        return try await workspace.run(in: workspace.budgets.inputs, orElse: noRoom) {
            holding async throws(TaskInterruption) in
            let loaded = try await inputs.inputs(of: task, for: holding)
            if isCancelled { throw .cancelled }
            return try await payloads.pack(loaded, of: task, for: holding)
        }
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

    /// What there is to say of a task that has been in a state since some time, as the fields of a line of the log.
    static func report(
        _ key: TaskKey,
        _ state: TaskState,
        since time: Deadline,
        in instanceID: String?,
        isLost: Bool
    ) -> Logger.Metadata {
        let seconds = Deadline.now.duration(since: time).components.seconds
        var fields: Logger.Metadata = ["task": "\(key)", "state": "\(state)", "seconds": "\(seconds)"]
        if let instanceID { fields["instance"] = "\(instanceID)" }
        if isLost { fields["worker"] = "lost" }
        return fields
    }
}
