// SPDX-License-Identifier: Apache-2.0

package import Configuration
package import EventLoop
package import Logging
internal import Messaging
package import OCIServices
internal import SchedulerLink
internal import SchedulerMessages
internal import Transport

/// One worker manager from its first look at the cloud to its last: everything it is made of, put together.
@LoopActor
package final class ManagerService {
    /// How long a stop may take before what is left is left to the next process.
    private static let stopLimit: Duration = .seconds(20)
    /// How long to wait for another process of the same owner to end: a little longer than its stop may take.
    private static let predecessorPatience: Duration = .seconds(30)

    private let settings: Settings
    private let calls: ServiceCalls
    private let owner: Owner
    private let instances: ContainerInstances
    private let objects: ObjectStorage
    private let services: RunServices
    private let dispatcher: Dispatcher
    private let storage: ObjectStoreClient
    private let fleet: WorkerPool
    private let log: Logger
    private let trim: IdleTrim
    private var work: [Spawned<Void>] = []
    /// Whether the scheduler ever answered, as far as is known when leaving.
    private var wasRegistered = false
    private var nameLock: ProcessLock?

    /// Puts a manager together; `calls` is where its requests to OCI go.
    package init(settings: Settings, calls: ServiceCalls, log: Logger) {
        self.settings = settings
        self.calls = calls
        self.log = log
        owner = Owner(settings)
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
        storage = ObjectStoreClient(
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
            serviceTime: { Int(WallClock.epochSeconds) + calls.clockOffsetSeconds },
            connector: connector,
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
            sizeNames: [InstanceSize.ocpusName, InstanceSize.memoryName],
            taskQueueSize: settings.taskQueueSize,
            heartbeatInterval: settings.heartbeatInterval,
            deathTimeout: settings.deathTimeout,
            assumedGeneration: WireGeneration(settings.schedulerRelease)
        )
        fleet = WorkerPool(
            settings: settings,
            ownerID: owner.id,
            profile: profile,
            connector: connector,
            tasks: dispatcher,
            objectStore: storage,
            log: log
        )
        let (fleet, launcher) = (fleet, services.launcher)
        services.inventory.isSchedulerAnswering = { fleet.isRegistered }
        services.reaper.onGone = { launcher.queue.roomFreed() }
    }

    /// Waits until no other process of this host manages under the same owner, as one that is just leaving does; false
    /// if it stays.
    ///
    /// Two of them would take each other's instances for leftovers.
    package func becomeSole() async -> Bool {
        let deadline = Deadline.after(Self.predecessorPatience)
        var isTold = false
        while !isCancelled {
            do throws(TransportError) {
                nameLock = try ProcessLock(named: owner.lockName)
            } catch {
                // Where the system has no such locks, the operator must take care.
                log.warning(
                    "cannot find out whether another process does the same",
                    metadata: ["error": "\(error)"]
                )
                return true
            }
            if nameLock != nil { return true }
            if deadline.isPast { return false }
            if !isTold {
                log.info(
                    "waiting for another process of this owner to end",
                    metadata: ["owner": "\(owner.id)"]
                )
            }
            isTold = true
            guard (try? await sleep(for: .milliseconds(200))) != nil else { return true }
        }
        return true
    }

    /// Looks what there is in the cloud.
    package func takeStock() async throws(OCIError) {
        try await services.inventory.takeStock()
    }

    /// Why the instances cannot have the size that the settings give, in words; nil if they can, as far as is known.
    package func misfit() async -> String? {
        await services.shapeLimits.misfitOfSettings()
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
            waitingForRoomCount: services.launcher.queue.waitingCount,
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
        wasRegistered = fleet.isRegistered || fleet.wasRegistered
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
        let isSwept = await sweep(until: deadline)
        let isDrained = await services.reaper.drain(until: deadline)
        var isClean = isDropped && isSwept && isDrained
        if isClean, services.reaper.hasDoubt {
            // "Not there" is also what a missing permission is answered with.
            let living = try? await services.inventory.livingInstances(until: deadline)
            isClean = living?.isEmpty ?? false
        }
        if !isClean {
            log.error("the cloud did not accept every deletion in time; the next start goes on with it")
        }
        return isClean
    }

    /// Deletes what is nobody's run: what lost creates made, and what earlier processes left.
    private func sweep(until deadline: Deadline) async -> Bool {
        // Where the scheduler never answered, another process of our name may be alive, and this is what it runs.
        guard wasRegistered else { return true }
        do throws(OCIError) {
            for instance in try await services.inventory.livingInstances(until: deadline) {
                services.reaper.delete(instance: instance.id)
            }
            services.reaper.delete(objects: try await services.inventory.allObjectNames(until: deadline))
            return true
        } catch {
            log.error("cannot look for what is left", metadata: ["error": "\(error)"])
            return false
        }
    }
}

extension WireGeneration {
    /// What the operator said; nil where that is to be found out.
    fileprivate init?(_ release: SchedulerRelease) {
        switch release {
        case .auto: return nil
        case .first: self = .first
        case .second: self = .second
        }
    }
}
