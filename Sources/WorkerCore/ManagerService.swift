// SPDX-License-Identifier: Apache-2.0

package import Configuration
package import EventLoop
package import Logging
internal import Messaging
package import OCIServices
internal import SchedulerMessages
internal import Transport

/// One worker manager from its first look at the cloud to its last: everything it is made of, put together.
@LoopActor
package final class ManagerService {
    /// How long a stop may take before what is left is left to the next process.
    private static let stopLimit: Duration = .seconds(20)

    private let settings: Settings
    private let calls: ServiceCalls
    private let owner: Owner
    private let instances: ContainerInstances
    private let objects: ObjectStorage
    private let services: RunServices
    private let dispatcher: Dispatcher
    private let storage: ScalerStorage
    private let fleet: Fleet
    private let log: Logger
    private let trim: IdleTrim
    private var work: [Spawned<Void>] = []

    /// Puts a manager together; `calls` is where its requests to OCI go.
    package init(settings: Settings, calls: ServiceCalls, log: Logger) {
        self.settings = settings
        self.calls = calls
        self.log = log
        owner = Owner(
            machineID: ProcessIdentity.machineID ?? ProcessIdentity.hostName,
            managerID: settings.workerManagerID,
            schedulerAddress: settings.schedulerAddress.description,
            prefix: settings.objectStoragePrefix,
            override: settings.ownerID
        )
        instances = ContainerInstances(calls: calls, compartmentID: settings.compartmentID)
        objects = ObjectStorage(
            calls: calls,
            namespace: settings.objectStorageNamespace,
            bucket: settings.objectStorageBucket
        )
        let connector = SchedulerConnector(
            backend: settings.networkBackend,
            ioThreads: settings.ioThreads,
            log: log
        )
        storage = ScalerStorage(
            connector: connector,
            endpoint: settings.objectStorageAddress.map(Endpoint.init),
            log: log
        )
        services = RunServices(
            settings: settings,
            owner: owner,
            instances: instances,
            objects: objects,
            storage: storage,
            log: log
        )
        let dispatcher = Dispatcher(services: services, log: log)
        self.dispatcher = dispatcher
        let trim = IdleTrim { !dispatcher.isIdle }
        self.trim = trim
        dispatcher.onIdle = { trim.noteWork() }
        let profile = WorkerProfile(
            managerID: settings.workerManagerID,
            hostname: ProcessIdentity.hostName,
            capabilities: settings.capabilities.map { Capability(name: $0.name, value: $0.value) },
            taskQueueSize: settings.taskQueueSize,
            heartbeatInterval: settings.heartbeatInterval,
            deathTimeout: settings.deathTimeout
        )
        fleet = Fleet(
            settings: settings,
            profile: profile,
            connector: connector,
            dispatcher: dispatcher,
            storage: storage,
            log: log
        )
    }

    /// Looks what there is in the cloud.
    package func takeStock() async throws(OCIError) {
        try await services.inventory.takeStock()
    }

    /// What the status page says of this manager.
    var metrics: Metrics {
        Metrics(
            managerID: settings.workerManagerID,
            tasksByState: dispatcher.countsByState,
            workerCount: fleet.workerCount,
            leftoverCount: services.inventory.leftoverCount,
            isRegistered: fleet.isRegistered,
            deletedInstanceCount: services.reaper.deletedCount,
            waitingForRoomCount: services.launcher.waitingForRoomCount,
            requests: calls.counts
        )
    }

    /// Begins to work.
    package func start() {
        log.info(
            "starting",
            metadata: [
                "owner": "\(owner.id)", "scheduler": "\(settings.schedulerAddress.description)",
                "concurrency": "\(settings.baseConcurrency)",
            ]
        )
        work = [
            spawn { await self.storage.run() },
            spawn { await self.services.reaper.run() },
            spawn { await self.services.inventory.watchResults() },
            spawn { await self.services.inventory.watchInstances() },
            spawn { await self.dispatcher.dropOrphans(after: self.settings.deathTimeout) },
            spawn { await self.fleet.run() },
            spawn { await self.trim.run() },
        ]
    }

    /// Tells the scheduler and then leaves the cloud as the settings say; false if something had to be left.
    package func stop() async -> Bool {
        let deadline = Deadline.after(Self.stopLimit)
        await fleet.leave()
        var isClean = true
        if settings.onExit == .delete {
            log.info("deleting every instance before leaving")
            isClean = await leaveNothing(until: deadline)
        }
        for piece in work { piece.cancel() }
        return isClean
    }

    private func leaveNothing(until deadline: Deadline) async -> Bool {
        let isDropped = await dispatcher.dropAll(until: deadline)
        do throws(OCIError) {
            // What lost creates made, and what earlier processes left, is nobody's run.
            for instance in try await services.inventory.livingInstances() {
                services.reaper.delete(instance: instance)
            }
            services.reaper.delete(objects: try await services.inventory.allObjectNames())
        } catch {
            log.error("cannot look for what is left", metadata: ["error": "\(error)"])
            return false
        }
        let isDrained = await services.reaper.drain(until: deadline)
        if !isDropped || !isDrained {
            log.error("the cloud did not accept every deletion in time; the next start goes on with it")
        }
        return isDropped && isDrained
    }
}
