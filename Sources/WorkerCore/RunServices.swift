// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Logging
internal import OCIServices
internal import SchedulerMessages
internal import TaskPayload

/// Everything the run of a task makes use of; one for all tasks of a manager.
@LoopActor
final class RunServices {
    let settings: Settings
    let owner: Owner
    let objects: ObjectStorage
    let storage: ScalerStorage
    let loader: InputLoader
    let launcher: Launcher
    let inventory: Inventory
    let reaper: Reaper
    let diagnosis: Diagnosis
    let log: Logger
    /// A result larger than this fails its task instead of filling the memory.
    let resultBytesMax = 2 << 30

    init(
        settings: Settings,
        owner: Owner,
        instances: ContainerInstances,
        objects: ObjectStorage,
        storage: ScalerStorage,
        log: Logger
    ) {
        self.settings = settings
        self.owner = owner
        self.objects = objects
        self.storage = storage
        self.log = log
        loader = InputLoader(storage: storage, patience: settings.deathTimeout)
        launcher = Launcher(settings: settings, owner: owner, instances: instances, log: log)
        reaper = Reaper(instances: instances, objects: objects, log: log)
        inventory = Inventory(
            owner: owner,
            instances: instances,
            objects: objects,
            reaper: reaper,
            grace: settings.deathTimeout,
            log: log
        )
        diagnosis = Diagnosis(instances: instances)
    }

    /// How long a call for one task is tried: as long as the task may take.
    var patience: Duration {
        settings.jobTimeout
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
