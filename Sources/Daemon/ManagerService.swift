// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
package import Configuration
package import EventLoop
package import Logging
package import Messaging
package import OCIServices
internal import Reporting
internal import SchedulerLink
internal import TaskEngine
internal import Tasks
package import Transport

/// One worker manager from its first look at the cloud to its last: everything it is made of, put together.
@LoopActor
package final class ManagerService {
    /// How long a stop may take before what is left is left to the next process.
    private static let stopTimeout: Duration = .seconds(20)
    /// How long to wait for another process of the same owner to end: a little longer than its stop may take.
    private static let predecessorTimeout: Duration = .seconds(30)
    /// How long after the last task memory is given back.
    private static let trimDelay: Duration = .seconds(2)

    private let settings: Settings
    private let calls: ServiceCalls
    let cloud: LedgerDriver
    let dispatcher: Dispatcher
    private let storage: ObjectStoreClient
    private let workers: WorkerPool
    private let log: Logger
    private var work: [Spawned<Void>] = []
    private let host: any Host

    /// Puts a manager together that calls OCI through `calls` and reaches Scaler over `network`.
    package init(
        settings: Settings,
        calls: ServiceCalls,
        host: any Host,
        network: any MessagingNetwork,
        budget: ResourceBudget,
        log: Logger
    ) {
        self.host = host
        self.settings = settings
        self.calls = calls
        self.log = log
        let instances = ContainerInstances(calls: calls, compartmentID: settings.compartmentID)
        let objects = ObjectStorage(
            calls: calls,
            namespace: settings.objectStorageNamespace,
            bucket: settings.objectStorageBucket
        )
        let connector = SchedulerConnector(backend: settings.networkBackend, network: network, log: log)
        storage = ObjectStoreClient(
            connector: connector,
            endpoint: settings.objectStorageAddress.map(Endpoint.init),
            log: log
        )
        cloud = LedgerDriver(
            owner: Owner(settings),
            instances: instances,
            objects: objects,
            slotLimit: settings.baseConcurrency,
            periods: CloudLedger.Periods(grace: settings.deathTimeout),
            clock: LedgerClock { Int(LoopClock.epochSeconds) + calls.clockOffsetSeconds },
            log: log
        )
        dispatcher = Dispatcher(
            settings: settings,
            calls: calls,
            cloud: cloud,
            instances: instances,
            objects: objects,
            storage: storage,
            connector: connector,
            budget: budget,
            log: log
        )
        workers = WorkerPool(
            settings: settings,
            ownerID: cloud.owner.id,
            profile: WorkerProfile(settings, hostname: host.name, sizeNames: Dispatcher.sizeNames),
            links: connector,
            tasks: dispatcher,
            objectStore: storage,
            host: host,
            log: log
        )
    }

    /// Looks at the cloud, which must be done before `start`; returns what is in the way until a person mends it, and
    /// what to do about it.
    ///
    /// Waits as long as OCI is out of reach.
    package func prepare() async throws(OCIError) -> (obstacle: String, exitCode: Int32)? {
        guard await becomeSole() else {
            let text =
                "another process on this host runs manager \(settings.workerManagerID) for the same scheduler; "
                + "stop it, or choose another --worker-manager-id"
            return (text, ExitCode.unavailable)
        }
        try await untilReachable(log) { () async throws(OCIError) in try await self.cloud.takeStock() }
        guard let misfit = await dispatcher.misfitOfSettings() else { return nil }
        let text = "\(misfit); change --instance-ocpus, --instance-memory-gb or --instance-shape"
        return (text, ExitCode.configuration)
    }

    /// Waits until no other process of this host manages under the same owner, as one that is just leaving does; false
    /// if it stays.
    ///
    /// Two of them would take each other's instances for orphans.
    func becomeSole() async -> Bool {
        let deadline = Deadline.after(Self.predecessorTimeout)
        var isTold = false
        while !isCancelled {
            do throws(TransportError) {
                if try host.hold(name: cloud.owner.lockName) { return true }
            } catch  where error.isFileShortage {
                // A descriptor is there in a while.
            } catch {
                // Where the system has no such locks, the operator must take care.
                log.warning(
                    "cannot find out whether another process does the same",
                    metadata: ["error": "\(error)"]
                )
                return true
            }
            if deadline.isPast { return false }
            if !isTold {
                isTold = true
                log.info(
                    "waiting for another process of this owner to end",
                    metadata: ["owner": "\(cloud.owner.id)"]
                )
            }
            guard (try? await sleep(for: .milliseconds(200))) != nil else { return true }
        }
        return true
    }

    var metrics: Metrics {
        Metrics(
            managerID: settings.workerManagerID,
            tasksByState: dispatcher.countsByState,
            workerCount: workers.workerCount,
            orphanCount: cloud.orphanCount,
            isRegistered: workers.isRegistered,
            deletedInstanceCount: cloud.deletedCount,
            waitingForRoomCount: dispatcher.waitingForRoomCount,
            waitingForHostCount: dispatcher.waitingForHostCount,
            requests: calls.counts
        )
    }

    /// Begins to work; after `prepare`.
    package func start() {
        log.info(
            "starting",
            metadata: [
                "owner": "\(cloud.owner.id)", "scheduler": "\(settings.schedulerAddress.description)",
                "concurrency": "\(settings.baseConcurrency)",
            ]
        )
        // What was allowed until now is worth waiting for.
        calls.waitsForAccess = true
        let grace = settings.deathTimeout
        work = [
            spawn { await self.storage.run() },
            spawn { await self.cloud.run() },
            spawn { await self.dispatcher.run(lostRunGrace: grace) },
            spawn { await self.workers.run() },
            spawn { await self.noteRegistrations() },
            spawn { await self.trimWhenIdle() },
        ]
    }

    /// Tells the scheduler and then leaves the cloud as the settings say; false if something had to be left.
    package func stop() async -> Bool {
        let deadline = Deadline.after(Self.stopTimeout)
        calls.waitsForAccess = false
        // Where the scheduler never answered, another process of our name may be alive, and what a sweep would find is
        // what it runs.
        let wasRegistered = workers.isRegistered || workers.wasRegistered
        await workers.leave()
        var isClean = true
        if settings.onExit == .delete {
            log.info("deleting every instance before leaving")
            isClean = await deleteEverything(isSweeping: wasRegistered, until: deadline)
        }
        for piece in work { piece.cancel() }
        return isClean
    }

    private func deleteEverything(isSweeping: Bool, until deadline: Deadline) async -> Bool {
        cloud.beginLeaving(isSweeping: isSweeping)
        let isCancelled = await dispatcher.cancelAll(until: deadline)
        let isSwept = isSweeping ? await cloud.sweep(until: deadline) : true
        let isDeleted = await cloud.finishDeletions(until: deadline)
        if isCancelled, isSwept, isDeleted { return true }
        log.error("the cloud did not accept every deletion in time; the next start goes on with it")
        return false
    }

    private func noteRegistrations() async {
        while let isRegistered = try? await workers.registrationChanges.receive() {
            cloud.schedulerAnswers(isRegistered)
        }
    }

    /// Gives memory back a while after the last work, once for each time that the work ends.
    private func trimWhenIdle() async {
        repeat {
            guard (try? await sleep(for: Self.trimDelay)) != nil else { return }
            if dispatcher.isIdle { host.releaseMemory() }
        } while (try? await dispatcher.becameIdle.wait()) != nil
    }
}

/// Tries until `body` succeeds or throws what a person must mend.
@LoopActor
func untilReachable<Value: Sendable>(
    _ log: Logger,
    _ body: @LoopActor () async throws(OCIError) -> Value
) async throws(OCIError) -> Value {
    let warning = ThrottledWarning(
        "OCI is not reachable; trying again",
        recovery: "OCI is reachable",
        log: log
    )
    while true {
        do throws(OCIError) {
            let value = try await body()
            warning.ended()
            return value
        } catch {
            guard error.isRetryable else { throw error }
            warning.occurred(["error": "\(error)"])
        }
        do throws(WaitError) { try await sleep(for: .seconds(5)) } catch { throw .cancelled }
    }
}
