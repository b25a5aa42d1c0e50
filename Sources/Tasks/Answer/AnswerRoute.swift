// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import SchedulerLink
internal import SchedulerMessages
internal import TaskEngine
internal import Transport

/// Through which worker a task is answered; none while the scheduler has lost the one that it sent the task to.
@LoopActor
final class AnswerRoute {
    /// The worker that must answer.
    private(set) var origin: (any TaskOrigin)?
    /// Since when there is none.
    private(set) var lostSince: Deadline?
    /// How far the task is; nil when nobody must answer it any more.
    var standing: RunTally.Standing? = .queued { didSet { count(standing) } }
    private let task: TaskID
    private let tally: RunTally
    /// What was answered, once something was.
    var answer: SentAnswer?
    private var isOutputMuted = false
    private let changed = Wakeup()

    /// The route of a task that was sent to `origin`; `tally` counts it as that worker's.
    init(_ origin: any TaskOrigin, of task: TaskID, in tally: RunTally) {
        self.origin = origin
        self.task = task
        self.tally = tally
        count(standing)
    }

    private func count(_ standing: RunTally.Standing?) {
        if let origin { tally.set(standing, of: task, for: origin) }
    }

    /// Moves the duty to answer to another worker, or to none.
    func move(to origin: (any TaskOrigin)?) {
        count(nil)
        self.origin = origin
        count(standing)
        lostSince = origin == nil ? .now : nil
        isOutputMuted = false
        changed.ring()
    }

    /// Sends no more of what the task prints, until the scheduler names the task again.
    func muteOutput() { isOutputMuted = true }

    /// Sends pieces of what the task prints, where the scheduler is known to know the task.
    func sendOutput(_ messages: [[UInt8]]) {
        if !isOutputMuted, !messages.isEmpty { origin?.sendOutput(messages) }
    }

    /// Whether there is an answer that the scheduler may not have read.
    var hasUnconfirmedAnswer: Bool { answer?.isConfirmed == false }

    /// Sends the answer if there is one and somebody to answer to; the work ends with whether the scheduler has surely read it.
    func sendAnswer() -> Spawned<Bool>? {
        guard let origin else { return nil }
        return answer?.send(through: origin)
    }

    /// Waits until there is a worker to answer through.
    func awaitOrigin() async throws(WaitError) {
        while origin == nil { try await changed.wait() }
    }
}

/// An answer that was given, to be given again should the scheduler ask again.
@LoopActor
final class SentAnswer {
    /// After so long without an echo an answer was lost with its connection, and is never confirmed.
    private static let confirmationTimeout: Duration = .seconds(120)

    private let result: TaskResult
    private let created: ObjectInstruction
    /// Whether the scheduler has surely read it.
    private(set) var isConfirmed = false

    init(_ answer: TaskAnswer, to task: TaskMessage, storedAs objectID: ObjectID) {
        result = TaskResult(
            taskID: task.taskID,
            outcome: answer.isSuccess ? .success : .failed,
            result: objectID,
            profile: answer.profile
        )
        created = ObjectInstruction(
            created: objectID,
            user: task.source,
            name: "<res \(task.taskID.hexadecimal.prefix(6))>",
            sizeInBytes: UInt64(answer.object.byteCount)
        )
    }

    /// Sends it now; the work ends with whether the scheduler has surely read it.
    func send(through origin: any TaskOrigin) -> Spawned<Bool> {
        let isRead = origin.reply(result, announcing: created)
        return spawn {
            guard (try? await isRead.wait(until: .after(Self.confirmationTimeout))) != nil else {
                return false
            }
            self.isConfirmed = true
            return true
        }
    }
}
