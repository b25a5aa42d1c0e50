// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Encodings
internal import EventLoop
internal import Logging
internal import SchedulerLink
internal import SchedulerMessages
internal import TaskEngine

/// All tasks of a manager: who gets a slot, who answers to whom, and what a cancel does.
@LoopActor
final class Dispatcher {
    private let services: RunServices
    private let log: Logger
    private var runs: [TaskID: TaskRun] = [:]
    private var admission: Admission<TaskID>
    /// Tasks that were sent again while their last run was being cleaned; they begin when it is gone.
    private var again: [TaskID: (task: TaskMessage, session: any TaskOrigin)] = [:]
    private var isLeaving = false
    private let change = Wakeup()
    /// Called when the last task is gone.
    var onIdle: @LoopActor () -> Void = {}

    init(services: RunServices, log: Logger) {
        self.services = services
        self.log = log
        admission = Admission(slotCount: services.settings.baseConcurrency)
        let inventory = services.inventory
        inventory.isInHand = { [weak self] in self?.run(of: $0)?.hasClaimed == true }
        inventory.isAwaited = { [weak self] in self?.run(of: $0)?.hasClaimed == false }
        inventory.onLeftoversChange = { [weak self] in self?.admit() }
        spawn { [weak self] in
            _ = try? await inventory.isComplete.wait()
            self?.admit()
        }
    }

    /// Whether a new task would have to wait.
    var isFull: Bool {
        !admission.hasRoom || services.launcher.queue.waitingCount > 0
    }

    /// How many unanswered tasks a worker has.
    func taskCount(of session: any TaskOrigin) -> Int {
        runs.values.count { $0.session === session && $0.state != .cleaning }
    }

    /// How many tasks of a worker wait for a slot.
    func queuedCount(of session: any TaskOrigin) -> Int {
        runs.values.count { $0.session === session && $0.state == .queued }
    }

    /// How many tasks are in each state, for the status page.
    var countsByState: [TaskState: Int] {
        runs.values.reduce(into: [:]) { $0[$1.state, default: 0] += 1 }
    }

    // MARK: - What the scheduler says

    /// Takes a task, or hands a task that runs already to the worker that it was sent to now.
    func accept(_ task: TaskMessage, from session: any TaskOrigin) {
        if isLeaving { return }
        guard let known = runs[task.taskID] else { return begin(task, session) }
        if known.answerAgain(through: session) {
            log.info("task sent again; answered again", metadata: ["task": "\(known.hexadecimalID)"])
        } else if known.state == .cleaning || known.state == .gone {
            again[task.taskID] = (task, session)
        } else {
            log.info("task sent again; its run goes on", metadata: ["task": "\(known.hexadecimalID)"])
            known.belong(to: session)
        }
    }

    /// Answers a cancel, and obeys it.
    func cancel(_ id: TaskID, isForced: Bool, from session: any TaskOrigin) -> CancelAnswer {
        if again.removeValue(forKey: id) != nil { return .canceled }
        guard let run = runs[id], run.session === session else { return .unknown }
        let answer = run.state.answer(toCancelThatIsForced: isForced)
        if answer == .canceled {
            log.info("task cancelled", metadata: ["task": "\(run.hexadecimalID)", "state": "\(run.state)"])
            if run.state == .queued { services.inventory.discard(id) }
            drop(run)
        }
        return answer
    }

    /// Drops cached objects that the scheduler deleted.
    func forget(objects: [ObjectID]) {
        services.loader.forget(objects)
    }

    /// A worker is lost: what waits is dropped, what runs goes on and waits to be sent again.
    func disown(_ session: any TaskOrigin) {
        again = again.filter { $0.value.session !== session }
        for run in runs.values where run.session === session {
            if run.state == .queued { drop(run) } else { run.belong(to: nil) }
        }
        change.ring()
    }

    /// The scheduler gives up all of a worker's tasks, and will not ask for them again.
    func drop(allOf session: any TaskOrigin) {
        again = again.filter { $0.value.session !== session }
        for run in runs.values where run.session === session { drop(run) }
    }

    /// Lets a worker's tasks print unseen from now on: the scheduler that knew them may be gone.
    func hush(_ session: any TaskOrigin) {
        for run in runs.values where run.session === session { run.hush() }
    }

    // MARK: - Time and the end

    /// Cancels runs that nobody asked for again within the grace time, until cancelled itself.
    func dropOrphans(after grace: Duration) async {
        while !isCancelled {
            var next = Deadline.never
            for run in runs.values where run.session == nil && run.state != .cleaning {
                guard let since = run.orphanedSince else { continue }
                if (since + grace).isPast {
                    log.info(
                        "nobody asked for a running task again",
                        metadata: ["task": "\(run.hexadecimalID)"]
                    )
                    drop(run)
                } else {
                    next = min(next, since + grace)
                }
            }
            do throws(WaitError) { try await change.wait(until: next) } catch .deadlinePassed {} catch {
                return
            }
        }
    }

    /// Cancels everything; false if `deadline` passes before every instance's deletion was accepted.
    func dropAll(until deadline: Deadline) async -> Bool {
        isLeaving = true
        again = [:]
        let dropped = Array(runs.values)
        for run in dropped { drop(run, isLast: true) }
        for run in dropped {
            guard (try? await run.isFinished.wait(until: deadline)) != nil else { return false }
        }
        return true
    }

    // MARK: - Inside

    private func begin(_ task: TaskMessage, _ session: any TaskOrigin) {
        let flags = (try? TaskFlags(metadata: task.metadata)) ?? TaskFlags()
        let run = TaskRun(task: task, flags: flags, session: session, services: services)
        runs[task.taskID] = run
        admission.enqueue(task.taskID, priority: flags.priority)
        run.start()
        spawn { await self.seeOff(run) }
        admit()
    }

    private func drop(_ run: TaskRun, isLast: Bool = false) {
        _ = admission.remove(run.task.taskID)
        if isLast { run.hurry() } else { run.cancel() }
    }

    /// Gives slots to those that wait.
    ///
    /// A task whose instance an earlier process left brings its own slot. Before that is asked for, it holds one all
    /// the same, for it counts where a limit counts; and before the first listings nobody knows of any.
    private func admit() {
        let inventory = services.inventory
        guard inventory.isComplete.isOpen else { return }
        for id in inventory.tasksWithInstances where admission.admit(id) { runs[id]?.grantSlot() }
        admission.heldCount = inventory.unclaimedInstanceCount
        while let id = admission.admitNext() { runs[id]?.grantSlot() }
    }

    /// Gives the slot back when the last trace is gone, and begins anew what was sent again meanwhile.
    private func seeOff(_ run: TaskRun) async {
        _ = try? await run.isFinished.wait()
        let id = run.task.taskID
        runs[id] = nil
        if run.hadSlot { admission.release() }
        if let (task, session) = again.removeValue(forKey: id) { begin(task, session) }
        admit()
        if runs.isEmpty { onIdle() }
    }

    /// Whether no task is in hand.
    var isIdle: Bool {
        runs.isEmpty
    }

    private func run(of task: String) -> TaskRun? {
        Hexadecimal.decode(task).flatMap { runs[TaskID($0)] }
    }
}
