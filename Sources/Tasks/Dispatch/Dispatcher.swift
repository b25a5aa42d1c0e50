// SPDX-License-Identifier: Apache-2.0

package import CloudOwnership
package import Configuration
package import EventLoop
package import Logging
package import OCIServices
package import SchedulerLink
package import SchedulerMessages
package import TaskEngine
package import Transport

/// All tasks of a manager: which run is whose, who answers to whom, and what a cancel does.
@LoopActor
package final class Dispatcher {
    private let calls: ServiceCalls
    private let cloud: LedgerDriver
    private let steps: TaskSteps
    private let instances: ContainerInstances
    private let outputPace: OutputPace
    private let shapeLimits: ShapeLimits
    private let log: Logger
    private var runs: [TaskID: TaskRun] = [:]
    private let tally = RunTally()
    /// Tasks that were sent again while their last run was letting go of them; they begin when it is over.
    private var resent: [TaskID: (task: TaskMessage, origin: any TaskOrigin)] = [:]
    private var isLeaving = false
    private let runsLost = Wakeup()
    /// Sent whenever the last task is gone.
    package let becameIdle = Broadcast()

    /// Puts together what the runs of a manager's tasks are done with.
    package init(
        settings: Settings,
        calls: ServiceCalls,
        cloud: LedgerDriver,
        instances: ContainerInstances,
        objects: ObjectStorage,
        storage: ObjectStoreClient,
        connector: SchedulerConnector,
        budgets: HostBudgets,
        log: Logger
    ) {
        self.calls = calls
        self.cloud = cloud
        self.instances = instances
        self.log = log
        outputPace = OutputPace(
            requestsPerSecondMax: RateBuckets.rateAtStart(ceiling: settings.maxRequestsPerSecond)
        )
        shapeLimits = ShapeLimits(settings: settings, instances: instances)
        steps = TaskSteps(
            cloud: cloud,
            workspace: Workspace(budgets, patience: settings.jobTimeout, log: log),
            inputs: InputLoader(storage: storage, cachedBytesMax: settings.functionCacheBytes),
            payloads: PayloadStore(
                settings: settings,
                cloud: cloud,
                objects: objects,
                storage: storage,
                connector: connector
            ),
            launcher: Launcher(
                settings: settings,
                cloud: cloud,
                instances: instances,
                shapeLimits: shapeLimits,
                log: log
            ),
            diagnosis: Diagnosis(instances: instances),
            answers: AnswerStore(owner: cloud.owner, objects: objects, storage: storage),
            limits: Attempt.Limits(create: settings.createTimeout, job: settings.jobTimeout),
            statistics: TaskStatistics(),
            log: log
        )
    }

    /// The capabilities by which a task asks for a size of its own.
    package static let sizeNames = [InstanceSize.ocpusName, InstanceSize.memoryName]

    /// Why the instances cannot have the size that the settings give, in words; nil if they can, as far as is known.
    package func misfitOfSettings() async -> String? { await shapeLimits.misfitOfSettings() }

    // MARK: - How things are

    /// Whether no task is in hand.
    package var isIdle: Bool { runs.isEmpty }

    /// How many tasks are in each state.
    package var countsByState: [TaskState: Int] {
        runs.values.reduce(into: [:]) { $0[$1.state, default: 0] += 1 }
    }

    /// For how long the task that waits longest for a slot has waited; zero if none does.
    package var oldestQueued: Duration {
        let longest = runs.values.lazy.filter { $0.state == .queued }.map(\.timeInState).max()
        return longest ?? .zero
    }

    /// What there is to say of each task now.
    package var report: [TaskReport] { runsInOrder { _ in true }.map(\.report) }

    /// The same of `countMax` tasks at most, in the order in which people want it: tasks at work first, those that have been
    /// where they are the longest at the head, then in no order those that wait for a slot, of which there may be a hundred
    /// thousand.
    package func reportOfWork(upTo countMax: Int) -> [TaskReport] {
        let atWork = runs.values.filter { $0.state != .queued }.map(\.report)
            .sorted { ($0.time, $0.task) > ($1.time, $1.task) }.prefix(countMax)
        let waiting = runs.values.lazy.filter { $0.state == .queued }.prefix(countMax - atWork.count)
        guard let trouble = steps.launcher.queue.trouble else { return atWork + waiting.map(\.report) }
        return atWork.map { $0.state == .creating ? $0.with(trouble) : $0 } + waiting.map(\.report)
    }

    /// What is known of each place where instances can be created.
    package var places: [PlaceReport] { steps.launcher.queue.places }

    /// How many tasks are in hand.
    package var taskCount: Int { runs.count }

    /// How tasks ended, and how long it took.
    package var statistics: TaskStatistics { steps.statistics }

    /// How many launches wait for room in the cloud.
    package var waitingForRoomCount: Int { steps.launcher.queue.waitingCount }

    /// How many tasks wait for room on this host.
    package var waitingForHostCount: Int { steps.workspace.waitingCount }

    // MARK: - Time and the end

    /// Passes on that room was freed, and cancels runs that nobody asked for again within the grace time, until cancelled.
    package func run(lostRunGrace: Duration) async {
        let rooms = spawn {
            while (try? await self.cloud.freedRoom.receive()) != nil { self.steps.launcher.queue.roomFreed() }
        }
        while let next = cancelLostRuns(after: lostRunGrace) { try? await runsLost.wait(until: next) }
        rooms.cancel()
    }

    /// Cancels everything; false if `deadline` passes before every instance's deletion was accepted.
    package func cancelAll(until deadline: Deadline) async -> Bool {
        isLeaving = true
        resent = [:]
        let cancelled = runsInOrder { _ in true }
        for run in cancelled { run.cancel() }
        for run in cancelled {
            guard (try? await run.isFinished.wait(until: deadline)) != nil else { return false }
        }
        return true
    }

    /// Cancels the runs whose grace time is over; returns when the next one's is, or nil when cancelled.
    private func cancelLostRuns(after grace: Duration) -> Deadline? {
        if isCancelled { return nil }
        var next = Deadline.never
        for run in runsInOrder(where: { $0.route.origin == nil && $0.state != .cleaning }) {
            guard let since = run.route.lostSince else { continue }
            if (since + grace).isPast {
                log.info("nobody asked for a running task again", metadata: ["task": "\(run.key)"])
                run.cancel(as: .workerLost)
            } else {
                next = min(next, since + grace)
            }
        }
        return next
    }

    // MARK: - Runs

    private func begin(_ task: TaskMessage, _ origin: any TaskOrigin) {
        let flags = (try? TaskFlags(metadata: task.metadata)) ?? TaskFlags()
        let output =
            flags.streamOutput
            ? LiveOutput(taskID: task.taskID, instances: instances, pace: outputPace) : nil
        let route = AnswerRoute(origin, of: task.taskID, in: tally)
        let run = TaskRun(task: task, flags: flags, route: route, steps: steps, output: output)
        runs[task.taskID] = run
        run.start { self.remove(run) }
    }

    /// Forgets a run that is over, and begins anew what was sent again meanwhile.
    private func remove(_ run: TaskRun) {
        let id = run.task.taskID
        runs[id] = nil
        run.route.standing = nil
        if let (task, origin) = resent.removeValue(forKey: id) { begin(task, origin) }
        if runs.isEmpty { becameIdle.send() }
    }

    /// In the order of their tasks' keys, so that the same events have the same effects in the same order.
    private func runsInOrder(where isWanted: (TaskRun) -> Bool) -> [TaskRun] {
        runs.values.filter(isWanted).sorted { $0.key < $1.key }
    }

    private func runs(of worker: any TaskOrigin) -> [TaskRun] {
        tally.tasks(of: worker).compactMap { runs[$0] }.sorted { $0.key < $1.key }
    }
}

// MARK: - What the scheduler says

extension Dispatcher: TaskHandler {
    package func handle(_ command: TaskCommand, from worker: any TaskOrigin) -> CancelAnswer? {
        switch command {
        case .run(let task): accept(task, from: worker)
        case .cancel(let id, let isForced): return cancel(id, isForced: isForced, from: worker)
        case .forgetObjects(let ids): steps.inputs.forget(ids)
        }
        return nil
    }

    package func handle(_ event: WorkerEvent, of worker: any TaskOrigin) {
        if case .unfamiliar = event {
            for run in runs(of: worker) { run.route.muteOutput() }
            return
        }
        resent = resent.filter { $0.value.origin !== worker }
        for run in runs(of: worker) {
            switch event {
            case .lost where run.state != .queued: run.route.move(to: nil)
            case .lost: run.cancel(as: .workerLost)
            case .dismissed, .unfamiliar: run.cancel()
            }
        }
        runsLost.ring()
    }

    package func load(of worker: any TaskOrigin) -> WorkerLoad {
        let counts = tally.counts(of: worker)
        return (
            unansweredCount: counts.unanswered,
            queuedCount: counts.queued,
            isFull: !cloud.hasFreeSlot || waitingForRoomCount > 0 || waitingForHostCount > 0
                || calls.isAccessLost
        )
    }

    package func runningTasks(
        of worker: any TaskOrigin,
        upTo countMax: Int
    ) -> [(task: TaskID, time: Duration)] {
        let all = tally.tasks(of: worker).lazy.compactMap { self.runs[$0] }
        let running = all.filter { $0.state == .running }
        let times = running.map { (task: $0.task.taskID, key: $0.key, time: $0.timeInState) }
        return times.sorted { ($0.time, $1.key) > ($1.time, $0.key) }.prefix(countMax).map {
            (task: $0.task, time: $0.time)
        }
    }

    /// Takes a task, or hands a task that runs already to the worker that it was sent to now.
    private func accept(_ task: TaskMessage, from worker: any TaskOrigin) {
        if isLeaving { return }
        guard let known = runs[task.taskID] else { return begin(task, worker) }
        if known.answerAgain(through: worker) {
            log.info("task sent again; answered again", metadata: ["task": "\(known.key)"])
        } else if known.state == .cleaning || known.state == .gone {
            resent[task.taskID] = (task, worker)
        } else {
            log.info("task sent again; its run goes on", metadata: ["task": "\(known.key)"])
            known.route.move(to: worker)
        }
    }

    private func cancel(_ id: TaskID, isForced: Bool, from worker: any TaskOrigin) -> CancelAnswer {
        if resent.removeValue(forKey: id) != nil { return .canceled }
        guard let run = runs[id], run.route.origin === worker else { return .unknown }
        let answer = run.state.answer(toCancelThatIsForced: isForced)
        if answer == .canceled {
            log.info("task cancelled", metadata: ["task": "\(run.key)", "state": "\(run.state)"])
            // A task that is placed elsewhere may come back, for what an earlier process left of it.
            if isForced, run.state == .queued { cloud.discard(run.key) }
            run.cancel()
        }
        return answer
    }
}

extension TaskID {
    /// The same task as the cloud's tags and names have it.
    var key: TaskKey { TaskKey(hexadecimal) }
}
