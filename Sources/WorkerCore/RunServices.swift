// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Logging
internal import OCIServices
internal import SchedulerLink
internal import SchedulerMessages
internal import TaskPayload

/// Everything the run of a task makes use of; one for all tasks of a manager.
@LoopActor
final class RunServices {
    let settings: Settings
    let owner: Owner
    let instances: ContainerInstances
    let objects: ObjectStorage
    let storage: ObjectStoreClient
    let loader: InputLoader
    let launcher: Launcher
    let shapeLimits: ShapeLimits
    let inventory: Inventory
    let reaper: Reaper
    let diagnosis: Diagnosis
    let log: Logger
    /// What the times of `InstanceWatch` count from.
    let origin = Deadline.now
    /// The services' time of day in seconds since 1970.
    private let serviceTime: @LoopActor () -> Int
    private let connector: SchedulerConnector
    /// How many tasks' output is followed while they run.
    var followedCount = 0
    /// A result larger than this fails its task instead of filling the disk.
    let resultBytesMax = 16 << 30

    init(
        settings: Settings,
        owner: Owner,
        instances: ContainerInstances,
        objects: ObjectStorage,
        storage: ObjectStoreClient,
        serviceTime: @escaping @LoopActor () -> Int,
        connector: SchedulerConnector,
        log: Logger
    ) {
        self.settings = settings
        self.owner = owner
        self.instances = instances
        self.serviceTime = serviceTime
        self.connector = connector
        self.objects = objects
        self.storage = storage
        self.log = log
        loader = InputLoader(storage: storage, patience: settings.deathTimeout)
        reaper = Reaper(instances: instances, objects: objects, log: log)
        inventory = Inventory(
            owner: owner,
            instances: instances,
            objects: objects,
            reaper: reaper,
            grace: settings.deathTimeout,
            log: log
        )
        launcher = Launcher(
            settings: settings,
            owner: owner,
            instances: instances,
            inventory: inventory,
            patience: Self.outagePatience,
            log: log
        )
        shapeLimits = ShapeLimits(settings: settings, instances: instances)
        diagnosis = Diagnosis(instances: instances)
    }

    /// The present, counted from `origin`.
    var now: Duration { moment(.now) }

    /// A deadline counted from `origin`.
    func moment(_ deadline: Deadline) -> Duration {
        deadline.duration(since: origin)
    }

    /// A moment of the services' clock counted from `origin`, negative for one before that; the present if there is none.
    func moment(of timestamp: Timestamp?) -> Duration {
        guard let timestamp else { return now }
        let present = Timestamp(millisecondsSinceEpoch: serviceTime() * 1000)
        return now - max(.zero, present.duration(since: timestamp))
    }

    /// Since when an adopted instance has run, as far as the cloud tells; nil if it does not run yet.
    func moment(ofActivation instance: InstanceSummary) -> Duration? {
        if instance.lifecycleState == .creating { return nil }
        return max(moment(of: instance.timeCreated), moment(of: instance.timeUpdated ?? instance.timeCreated))
    }

    /// How long the cloud may stay away before a task that has no instance yet is failed for it: well within the day for
    /// which a create may be repeated.
    nonisolated static let outagePatience: Duration = .seconds(12 * 3600)

    /// What a task's container is told of the cluster.
    func payloadContext(of task: TaskMessage) -> PayloadPlan.Context {
        PayloadPlan.Context(
            flags: task.metadata,
            schedulerAddress: settings.addressForWorkers.description,
            storageAddress: storage.address ?? "",
            backend: connector.backendName
        )
    }

    /// The environment of a task's container, still without its payload.
    func environment(of task: TaskID) -> RunnerEnvironment {
        RunnerEnvironment(
            taskID: task.bytes,
            namespace: settings.objectStorageNamespace,
            bucket: settings.objectStorageBucket,
            prefix: owner.objectPrefix,
            payload: .object(isCompressed: false)
        )
    }
}
