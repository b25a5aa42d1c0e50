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
            shapes: settings.instanceShapes
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
            let placement: Placement
            do throws(WaitError) { placement = try await queue.turn() } catch { throw .cancelled }
            // A listing may have shown what a create of an earlier process was making.
            if let found = cloud.candidate(of: task) {
                queue.nothingLearned(of: placement)
                return try take(Launched(instance: found))
            }
            let generation = cloud.nextGeneration(of: task)
            switch await create(task, environment, size, generation, placement) {
            case .success(let made):
                queue.created(in: placement)
                warning.ended()
                if !made.lifecycleState.phase.isLeaving {
                    var launched = Launched(instance: cloud.clock.listed(made, of: task))
                    launched.workRequestID = made.workRequestID
                    launched.placement = placement
                    return try take(launched)
                }
                cloud.generationSpent(generation, of: task)
                spentCount += 1
            case .failure(let error) where error.kind == .invalidatedRetryToken:
                queue.nothingLearned(of: placement)
                if let found = try await existing(task) { return found }
                cloud.generationSpent(generation, of: task)
                spentCount += 1
            case .failure(let error):
                try judge(error, task, placement)
            }
        }
        throw .failed(.deletedLaunch(Self.generationCountMax))
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
    ) async -> Result<ContainerInstance, OCIError> {
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
        let end = Deadline.after(Self.outageTimeout)
        var ambiguousFailure: OCIError?
        while true {
            do throws(OCIError) {
                let deadline = end.isPast ? .after(Self.callTimeout) : min(end, .after(Self.callTimeout))
                return .success(try await instances.create(launch, retryToken: token, deadline: deadline))
            } catch .cancelled {
                return .failure(ambiguousFailure ?? .cancelled)
            } catch {
                if error.mayHaveBeenCarriedOut { ambiguousFailure = error }
                // What was refused made nothing, so its token is as good tomorrow.
                let mayWait = !end.isPast || error.isAccessLost && ambiguousFailure == nil
                guard error.isRetryable, mayWait else { return .failure(error) }
                if isCancelled { return .failure(ambiguousFailure ?? .cancelled) }
                warning.occurred(error)
            }
        }
    }

    /// Returns where the launch may go on elsewhere or later; throws where it is over.
    private func judge(_ error: OCIError, _ task: TaskKey, _ placement: Placement) throws(TaskInterruption) {
        let place = "\(placement.shape) in \(placement.availabilityDomain) in \(placement.subnetID)"
        let refusal: Logger.Metadata = ["place": "\(place)", "error": "\(error)"]
        if let kind = error.kind, kind.isCapacity {
            return queue.full(placement, kind.fullness, refusal: refusal)
        }
        if error.kind?.isPermission == true {
            guard queue.refused(placement, refusal: refusal) else { throw .failed(.refusedLaunch(error)) }
            return refusals.occurred(refusal)
        }
        queue.nothingLearned(of: placement)
        // Nothing can have been carried out.
        if case .cancelled = error { throw .cancelled }
        if !error.isRetryable { throw .failed(.refusedLaunch(error)) }
        // A request may have been carried out although no answer came.
        cloud.createAbandoned(task)
        throw isCancelled ? .cancelled : .failed(.unansweredLaunch(error))
    }

    /// What an earlier call with the same token, and another body, has made.
    private func existing(_ task: TaskKey) async throws(TaskInterruption) -> Launched? {
        let found: ListedInstance?
        do throws(OCIError) {
            found = try await cloud.findInstance(of: task)
        } catch {
            throw TaskInterruption(error, TaskFailure.unansweredLaunch)
        }
        guard let found else { return nil }
        return try take(Launched(instance: found))
    }
}

extension FailureKind {
    /// Why a place is full, for a kind that says so.
    var fullness: Placements.Fullness { self == .outOfHostCapacity ? .capacity : .limit }
}
