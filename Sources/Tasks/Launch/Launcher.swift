// SPDX-License-Identifier: Apache-2.0
//
// Making one instance for one task, exactly one.
//
// Rule: a create carries a token, and OCI makes one instance for one token within a day, however often the
// call is repeated and by whichever process; but the answer may then name an instance that is deleted by now,
// and a token whose call had another body is refused.
// Consequence: the token is computed from owner, task, generation and place, so a call whose answer was lost
// is simply made again, in the same place: elsewhere it would make a second instance. A dead token raises the
// generation; a refused one does so only after a listing shows no instance of the task.
// Rule: the answer to a repeated call tells of the moment when the instance was made, which may be long gone.
// Consequence: an answer with an instance older than the launch is no instance: a listing tells what there is.
// Consequence: a call that was not answered may have made an instance whatever the next one is told. Where that is refused
// for want of room, the launch goes on elsewhere only after a listing shows that nothing was made.
// Consequence: a request once sent is not abandoned when the task is cancelled, for only its answer tells what
// there is to delete; what is not sent yet, or must be sent again, is. Then the ledger is told to expect something.

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import Logging
internal import OCIServices
internal import Reporting
internal import SchedulerMessages
internal import TaskEngine
internal import TaskPayload

/// Creates instances where there is room.
@LoopActor
final class Launcher {
    struct Launched {
        let instance: ListedInstance
        /// nil where the service named none.
        var workRequestID: String?
        /// nil for an instance that was found instead of made.
        var placement: Placement?
    }

    /// How long the cloud may stay away before a task that has no instance yet is failed for it: well within the day for
    /// which a create may be repeated.
    nonisolated static let outageTimeout: Duration = .seconds(12 * 3600)

    /// Generations tried for one task before the cloud's answers are taken for nonsense.
    private static let generationCountMax = 20
    /// So many creates may be under way in a place at first: as many as the rate of requests lets through at once.
    static let createsAtFirst = 20
    /// How long one call repeats itself before the launch looks up.
    private static let callTimeout: Duration = .seconds(60)

    private let settings: Settings
    private let cloud: LedgerDriver
    private let instances: ContainerInstances
    private let shapeLimits: ShapeLimits
    private let warning: ThrottledWarning
    private let refusals: ThrottledWarning
    let queue: LaunchQueue

    init(
        settings: Settings,
        cloud: LedgerDriver,
        instances: ContainerInstances,
        shapeLimits: ShapeLimits,
        pauses: Placements.Pauses = Placements.Pauses(),
        log: Logger
    ) {
        self.settings = settings
        self.cloud = cloud
        self.instances = instances
        self.shapeLimits = shapeLimits
        warning = ThrottledWarning(
            "cannot create an instance; trying again",
            recovery: "instances can be created again",
            log: log
        )
        refusals = ThrottledWarning(
            "a place refuses instances; it is tried again later",
            recovery: "no place refuses instances",
            log: log
        )
        let placements = Placements(
            availabilityDomains: settings.availabilityDomains,
            subnetIDs: settings.subnetIDs,
            shapes: settings.instanceShapes,
            pauses: pauses,
            windowMax: Self.createsAtFirst
        )
        queue = LaunchQueue(placements, log: log)
    }

    /// The size that a task's instance has; fails a task that asks for one that no instance can have.
    func size(of task: TaskMessage) async throws(TaskInterruption) -> InstanceSize {
        let size = InstanceSize(settings, asked: task.capabilities)
        if let misfit = await shapeLimits.misfit(of: size) { throw .failed(.misfitSize(misfit)) }
        return size
    }

    /// Creates the instance of a task, waiting for room as long as it takes.
    func launch(
        _ task: TaskKey,
        _ environment: RunnerEnvironment,
        _ size: InstanceSize
    ) async throws(TaskInterruption) -> Launched {
        var spentCount = 0
        while spentCount < Self.generationCountMax {
            let turn: Placements.Turn
            do throws(WaitError) { turn = try await queue.turn() } catch { throw .cancelled }
            // A listing may have shown what a create of an earlier process was making.
            if let found = cloud.candidate(of: task) {
                queue.nothingLearned(of: turn)
                return try take(Launched(instance: found))
            }
            let generation = cloud.nextGeneration(of: task)
            let ending = await create(task, environment, size, generation, turn.placement)
            switch ending.result {
            case .success(let made):
                queue.created(turn, after: cloud.clock.now - ending.begun)
                warning.ended()
                if !made.lifecycleState.phase.isLeaving {
                    if let instance = cloud.clock.launched(made, of: task, since: ending.begun) {
                        cloud.usageLog?.made(made)
                        return try take(
                            Launched(
                                instance: instance,
                                workRequestID: made.workRequestID,
                                placement: turn.placement
                            )
                        )
                    }
                    if let found = try await existing(task, madeUntil: .now) { return found }
                }
            case .failure(let error) where error.kind == .invalidatedRetryToken:
                queue.nothingLearned(of: turn)
                if let found = try await existing(task) { return found }
            case .failure(let error):
                try judge(error, ending, task, turn)
                if let doubt = ending.lastDoubt, let found = try await existing(task, madeUntil: doubt) {
                    return found
                }
                continue
            }
            cloud.generationSpent(generation, of: task)
            spentCount += 1
        }
        throw .failed(.deletedLaunch(Self.generationCountMax))
    }

    /// What became of the calls of one create.
    private struct Ending {
        let result: Result<ContainerInstance, OCIError>
        /// When the first was made, on the ledger's clock.
        let begun: Duration
        /// When the last one ended that may have been carried out although it failed; nil if there was none.
        let lastDoubt: Deadline?
    }

    /// Makes an instance the task's own, unless it is another task's.
    private func take(_ launched: Launched) throws(TaskInterruption) -> Launched {
        guard cloud.createAnswered(launched.instance) else {
            throw .failed(.foreignInstance(launched.instance.id))
        }
        return launched
    }

    /// Calls until an answer tells what became of it, or the cloud was away for too long.
    private func create(
        _ task: TaskKey,
        _ environment: RunnerEnvironment,
        _ size: InstanceSize,
        _ generation: Int,
        _ placement: Placement
    ) async -> Ending {
        let launch = InstanceLaunch(
            settings,
            in: placement,
            ocpus: size.ocpus,
            memoryGB: size.memoryGB,
            displayName: cloud.owner.displayName(of: task),
            environment: environment,
            tags: cloud.owner.tags(of: task, generation: generation)
        )
        let token = RetryToken.make(
            owner: cloud.owner.id,
            task: task.digits,
            generation: generation,
            placement: "\(placement.availabilityDomain) \(placement.subnetID) \(placement.shape)"
        )
        let (begun, end) = (cloud.clock.now, Deadline.after(Self.outageTimeout))
        var lastDoubt: Deadline?
        while true {
            do throws(OCIError) {
                let deadline = end.isPast ? .after(Self.callTimeout) : min(end, .after(Self.callTimeout))
                let made = try await instances.create(launch, retryToken: token, deadline: deadline)
                return Ending(result: .success(made), begun: begun, lastDoubt: lastDoubt)
            } catch {
                if error.mayHaveBeenCarriedOut { lastDoubt = .now }
                // What was refused made nothing, so its token is as good tomorrow.
                let mayWait = !end.isPast || error.isAccessLost && lastDoubt == nil
                guard error.isRetryable, mayWait, !isCancelled else {
                    return Ending(result: .failure(error), begun: begun, lastDoubt: lastDoubt)
                }
                warning.occurred(error)
            }
        }
    }

    /// Returns where the launch may go on elsewhere or later; throws where it is over.
    private func judge(
        _ error: OCIError,
        _ ending: Ending,
        _ task: TaskKey,
        _ turn: Placements.Turn
    ) throws(TaskInterruption) {
        let placement = turn.placement
        let place = "\(placement.shape) in \(placement.availabilityDomain) in \(placement.subnetID)"
        let refusal: Logger.Metadata = ["place": "\(place)", "error": "\(error)"]
        if let kind = error.kind, kind.isCapacity {
            return queue.full(turn, kind.fullness, refusal: refusal)
        }
        if error.kind?.isPermission == true {
            if queue.refused(turn, refusal: refusal) { return refusals.occurred(refusal) }
        } else {
            queue.nothingLearned(of: turn)
        }
        if ending.lastDoubt != nil { cloud.createAbandoned(task) }
        if isCancelled { throw .cancelled }
        throw .failed(error.isRetryable ? .unansweredLaunch(error) : .refusedLaunch(error))
    }

    /// What calls until `moment` have made although they were answered with nothing, or nothing that is; nil if that is
    /// nothing.
    private func existing(
        _ task: TaskKey,
        madeUntil moment: Deadline? = nil
    ) async throws(TaskInterruption) -> Launched? {
        let end = Deadline.after(Self.outageTimeout)
        while true {
            let found: ListedInstance?
            do throws(OCIError) {
                found = try await cloud.findInstance(of: task, madeUntil: moment)
            } catch {
                if error.isRetryable, !end.isPast, !isCancelled {
                    warning.occurred(error)
                    continue
                }
                // What there is will be listed later.
                cloud.createAbandoned(task)
                throw TaskInterruption(error, TaskFailure.unansweredLaunch)
            }
            return try found.map { instance throws(TaskInterruption) in
                try take(Launched(instance: instance))
            }
        }
    }
}

extension FailureKind {
    /// Why a place is full, for a kind that says so.
    var fullness: Placements.Fullness { self == .outOfHostCapacity ? .capacity : .limit }
}
