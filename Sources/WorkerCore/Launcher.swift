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
// there is to delete; what is not sent yet, or must be sent again, is. Then the inventory is told to expect something.

internal import Configuration
internal import Encodings
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
    enum Failure: Error {
        case refused(OCIError)
        /// The cloud was not to be reached for as long as it may stay away.
        case unanswered(OCIError)
        /// Every create was answered with an instance that was deleted by then.
        case alwaysDeleted(Int)
        case cancelled
    }

    /// What came of a launch.
    struct Launched {
        let instance: InstanceSummary
        let workRequestID: String?
        /// nil for an instance that was found instead of made.
        let placement: Placement?
        let generation: Int
    }

    /// Generations tried for one task before the cloud's answers are taken for nonsense.
    private static let generationMax = 20
    /// How long one call repeats itself before the launch looks up.
    private static let callLimit: Duration = .seconds(60)

    private let settings: Settings
    private let owner: Owner
    private let instances: ContainerInstances
    private let inventory: Inventory
    private let patience: Duration
    private let trouble: ThrottledWarning
    /// Where launches wait for room.
    let queue: LaunchQueue

    /// `patience` is how long the cloud may stay away before a launch gives up.
    init(
        settings: Settings,
        owner: Owner,
        instances: ContainerInstances,
        inventory: Inventory,
        patience: Duration,
        log: Logger
    ) {
        self.settings = settings
        self.owner = owner
        self.instances = instances
        self.inventory = inventory
        self.patience = patience
        trouble = ThrottledWarning(
            "cannot create an instance; trying again",
            recovery: "instances can be created again",
            log: log
        )
        let placements = Placements(
            availabilityDomains: settings.availabilityDomains,
            subnetIDs: settings.subnetIDs,
            shapes: settings.instanceShapes
        )
        queue = LaunchQueue(placements, log: log)
    }

    /// Creates the instance of a task, waiting for room as long as it takes.
    ///
    /// `generation` is above that of every instance of the task that is known to be of no use.
    func launch(
        _ task: TaskID,
        _ environment: RunnerEnvironment,
        _ size: InstanceSize,
        generation first: Int
    ) async throws(Failure) -> Launched {
        var generation = first
        while generation - first < Self.generationMax {
            let placement: Placement
            do throws(WaitError) { placement = try await queue.turn() } catch { throw .cancelled }
            switch await create(task, environment, size, generation, placement) {
            case .success(let made):
                queue.created(in: placement)
                trouble.ended()
                if !made.lifecycleState.isGone {
                    return Launched(
                        instance: made.summary,
                        workRequestID: made.workRequestID,
                        placement: placement,
                        generation: generation
                    )
                }
                generation += 1
            case .failure(let error) where error.kind == .invalidatedRetryToken:
                queue.nothingLearned(of: placement)
                if let found = try await existing(task, generation) { return found }
                generation += 1
            case .failure(let error):
                try judge(error, task, placement)
            }
        }
        throw .alwaysDeleted(Self.generationMax)
    }

    /// Calls until an answer tells what became of it, or the patience is at its end.
    private func create(
        _ task: TaskID,
        _ environment: RunnerEnvironment,
        _ size: InstanceSize,
        _ generation: Int,
        _ placement: Placement
    ) async -> Result<ContainerInstance, OCIError> {
        let body = launch(of: task, environment, size, generation, placement)
        let token = RetryToken.make(
            owner: owner.id,
            task: task.hexadecimal,
            generation: generation,
            placement: "\(placement.availabilityDomain) \(placement.subnetID) \(placement.shape)"
        )
        let end = Deadline.after(patience)
        while true {
            do throws(OCIError) {
                let deadline = min(end, .after(Self.callLimit))
                return .success(try await instances.create(body, retryToken: token, deadline: deadline))
            } catch {
                guard error.isRetryable, !end.isPast, !isCancelled else { return .failure(error) }
                trouble.occurred(["error": "\(error)"])
            }
        }
    }

    /// Returns where the launch may go on elsewhere or later; throws where it is over.
    private func judge(_ error: OCIError, _ task: TaskID, _ placement: Placement) throws(Failure) {
        if let kind = error.kind, kind.isCapacity {
            let place = "\(placement.shape) in \(placement.availabilityDomain)"
            queue.full(placement, kind.fullness, refusal: ["place": "\(place)", "error": "\(error)"])
            return
        }
        queue.nothingLearned(of: placement)
        if case .cancelled = error {} else if !error.isRetryable { throw .refused(error) }
        // A request may have been carried out although no answer came.
        inventory.doom(task)
        if isCancelled { throw .cancelled }
        throw .unanswered(error)
    }

    /// What an earlier call with the same token, and another body, has made.
    private func existing(_ task: TaskID, _ generation: Int) async throws(Failure) -> Launched? {
        let instance: InstanceSummary?
        do throws(OCIError) {
            instance = try await inventory.instance(of: task)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .unanswered(error)
        }
        return instance.map {
            Launched(instance: $0, workRequestID: nil, placement: nil, generation: generation)
        }
    }

    private func launch(
        of task: TaskID,
        _ environment: RunnerEnvironment,
        _ size: InstanceSize,
        _ generation: Int,
        _ placement: Placement
    ) -> InstanceLaunch {
        InstanceLaunch(
            settings,
            in: placement,
            ocpus: size.ocpus,
            memoryGB: size.memoryGB,
            displayName: owner.displayName(of: task),
            environment: environment,
            tags: owner.tags(of: task, generation: generation)
        )
    }
}

extension LifecycleState {
    /// Whether an instance in this state is deleted or about to be.
    var isGone: Bool {
        self == .deleting || self == .deleted
    }

    /// What it means to whoever waits for the task.
    var phase: InstanceWatch.Phase {
        switch self {
        case .creating: .creating
        case .active, .updating, .other: .running
        case .deleting: .deleting
        case .inactive, .deleted, .failed: .stopped
        }
    }
}

extension FailureKind {
    /// Why a place is full, for a kind that says so.
    var fullness: Placements.Fullness {
        self == .outOfHostCapacity ? .capacity : .limit
    }
}
