// SPDX-License-Identifier: Apache-2.0
//
// Making one instance for one task, exactly one.
//
// Rule: a create carries a token, and OCI makes one instance for one token within a day, however often the
// call is repeated and by whichever process; but the answer may then name an instance that is deleted by now,
// and a token whose call had another body is refused.
// Consequence: the token is computed from owner, task, generation and place, so a call whose answer was lost
// is simply made again. A dead or refused token raises the generation. A call once begun is not abandoned when
// the task is cancelled, for only its answer tells what there is to delete.

internal import Configuration
internal import Encodings
internal import EventLoop
internal import Logging
internal import OCIServices
internal import SchedulerMessages
internal import TaskEngine
internal import TaskPayload

/// Creates instances where there is room.
@LoopActor
final class Launcher {
    enum Failure: Error {
        case refused(OCIError)
        /// Every create was answered with an instance that was deleted by then.
        case alwaysDeleted(Int)
        case cancelled
    }

    /// Generations tried for one task before the cloud's answers are taken for nonsense.
    private static let generationMax = 20

    private let settings: Settings
    private let owner: Owner
    private let instances: ContainerInstances
    private let log: Logger
    private let started = Deadline.now
    private var placements: Placements
    private var lastFullReport: Deadline?
    /// How many launches wait for room.
    private(set) var waitingForRoomCount = 0

    init(settings: Settings, owner: Owner, instances: ContainerInstances, log: Logger) {
        self.settings = settings
        self.owner = owner
        self.instances = instances
        self.log = log
        placements = Placements(
            availabilityDomains: settings.availabilityDomains,
            subnetIDs: settings.subnetIDs,
            shapes: settings.instanceShapes
        )
    }

    /// Creates the instance of a task, waiting for room as long as it takes; returns the instance's OCID.
    func launch(_ task: TaskID, _ environment: RunnerEnvironment) async throws(Failure) -> ContainerInstance {
        var generation = 0
        while true {
            if isCancelled { throw .cancelled }
            guard let placement = placements.first(at: now) else {
                try await waitForRoom()
                continue
            }
            switch await attempt(task, environment, generation, placement) {
            case .success(let instance) where instance.lifecycleState.isGone:
                generation += 1
                guard generation < Self.generationMax else {
                    throw .alwaysDeleted(generation)
                }
            case .success(let instance):
                placements.markFree(placement)
                return instance
            case .failure(let error) where error.kind == .invalidatedRetryToken:
                generation += 1
                guard generation < Self.generationMax else { throw .refused(error) }
            case .failure(let error) where error.kind?.isCapacity == true:
                placements.markFull(placement, at: now)
                report(error, placement)
            case .failure(let error):
                throw .refused(error)
            }
        }
    }

    private var now: Duration {
        Deadline.now.duration(since: started)
    }

    private func attempt(
        _ task: TaskID,
        _ environment: RunnerEnvironment,
        _ generation: Int,
        _ placement: Placement
    ) async -> Result<ContainerInstance, OCIError> {
        let body = launch(of: task, environment, generation, placement)
        let token = RetryToken.make(
            owner: owner.id,
            task: task.hexadecimal,
            generation: generation,
            placement: "\(placement.availabilityDomain) \(placement.subnetID) \(placement.shape)"
        )
        let instances = instances
        // Work of its own: the caller's cancellation does not reach it.
        let call = spawn { () async -> Result<ContainerInstance, OCIError> in
            do throws(OCIError) {
                return .success(
                    try await instances.create(body, retryToken: token, deadline: .after(.seconds(300)))
                )
            } catch {
                return .failure(error)
            }
        }
        return await call.value
    }

    private func launch(
        of task: TaskID,
        _ environment: RunnerEnvironment,
        _ generation: Int,
        _ placement: Placement
    ) -> InstanceLaunch {
        var launch = InstanceLaunch(
            compartmentID: settings.compartmentID,
            availabilityDomain: placement.availabilityDomain,
            displayName: owner.displayName(of: task),
            shape: placement.shape,
            ocpus: settings.instanceOCPUs,
            memoryGB: settings.instanceMemoryGB,
            subnetID: placement.subnetID,
            imageURL: settings.containerImage
        )
        launch.environment = environment.variables
        launch.freeformTags =
            settings.freeformTags.map { ($0.key, $0.value) } + owner.tags(of: task, generation: generation)
        launch.definedTags = settings.definedTags.map {
            OCIServices.DefinedTag(namespace: $0.namespace, key: $0.key, value: $0.value)
        }
        launch.imagePullSecrets = ImagePullSecret.all(for: settings)
        return launch
    }

    private func waitForRoom() async throws(Failure) {
        waitingForRoomCount += 1
        defer { waitingForRoomCount -= 1 }
        let pause = placements.nextTry(after: now) - now
        guard (try? await sleep(for: pause)) != nil else { throw .cancelled }
    }

    /// At most one line a minute, however many tasks wait.
    private func report(_ error: OCIError, _ placement: Placement) {
        if let lastFullReport, !(lastFullReport + .seconds(60)).isPast { return }
        lastFullReport = .now
        log.warning(
            "the cloud has no room; tasks wait for it",
            metadata: [
                "availability_domain": "\(placement.availabilityDomain)", "shape": "\(placement.shape)",
                "error": "\(error)", "waiting": "\(waitingForRoomCount)",
            ]
        )
    }
}

extension LifecycleState {
    /// Whether an instance in this state is deleted or about to be.
    var isGone: Bool {
        self == .deleting || self == .deleted
    }
}
