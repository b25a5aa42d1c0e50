// SPDX-License-Identifier: Apache-2.0

package import CloudOwnership
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
    /// How much longer than a stop may take to wait for another process of the same owner to end.
    private static let predecessorMargin: Duration = .seconds(10)
    /// So many lines about tasks are written in one go, with a pause after them.
    private static let reportPieceCount = 200
    private static let reportPause: Duration = .milliseconds(10)
    /// How long after the last task or call memory is given back: before the next, where listings follow each other.
    private static let trimDelay: Duration = .seconds(1)
    /// The part of the requests to a service that long listings may take.
    private static let listingShareMax = 0.25

    private let settings: Settings
    private let calls: ServiceCalls
    let cloud: LedgerDriver
    let dispatcher: Dispatcher
    private let storage: ObjectStoreClient
    private let workers: WorkerPool
    private let log: Logger
    private var work: [Spawned<Void>] = []
    /// Sent when the last task or the last call has ended, while memory is not about to be given back for another end.
    private let workEnded = Broadcast()
    private let host: any Host
    /// Whether the scheduler has answered at one time.
    private(set) var hasRegistered = false
    /// Who held this manager's name when it was last asked.
    private var predecessor: NameHolder?

    /// Puts a manager together that calls OCI through `calls` and reaches Scaler over `network`.
    package init(
        settings: Settings,
        calls: ServiceCalls,
        nameKey: NameKey,
        host: any Host,
        network: any MessagingNetwork,
        budgets: HostBudgets,
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
            patience: settings.deathTimeout,
            log: log
        )
        var periods = CloudLedger.Periods(grace: settings.deathTimeout)
        let perSecond = RateBuckets.rateAtStart(ceiling: settings.maxRequestsPerSecond)
        periods.listingRequest = .seconds(1 / (perSecond * Self.listingShareMax))
        cloud = LedgerDriver(
            owner: Owner(settings, key: nameKey),
            instances: instances,
            objects: objects,
            slotLimit: settings.baseConcurrency,
            periods: periods,
            clock: LedgerClock { Int(LoopClock.epochSeconds) + calls.clockOffsetSeconds },
            log: log
        )
        cloud.usageLog = settings.stateDirectory.map { directory in
            UsageLog(directory: directory, log: log) {
                Int(LoopClock.epochSeconds) + calls.clockOffsetSeconds
            }
        }
        dispatcher = Dispatcher(
            settings: settings,
            calls: calls,
            cloud: cloud,
            instances: instances,
            objects: objects,
            storage: storage,
            connector: connector,
            budgets: budgets,
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
    package func prepare(
        _ reports: CallReports
    ) async throws(OCIError) -> (obstacle: String, exitCode: Int32)? {
        guard await becomeSole() else {
            let holder = predecessor.map { ", \($0)," } ?? ""
            let text =
                "another process on this host\(holder) runs manager \(settings.workerManagerID) for the same "
                + "scheduler; stop it, or choose another --worker-manager-id"
            return (text, ExitCode.unavailable)
        }
        try await reports.untilReachable { () async throws(OCIError) in try await self.cloud.takeStock() }
        guard let misfit = await dispatcher.misfitOfSettings() else { return nil }
        let text = "\(misfit); change --instance-ocpus, --instance-memory-gb or --instance-shape"
        return (text, ExitCode.configuration)
    }

    /// Waits until no other process of this host manages under the same owner, as one that is just leaving does; false
    /// if it stays.
    ///
    /// Two of them would take each other's instances for orphans. A name that a stranger holds tells nothing, and must not keep
    /// us from working.
    func becomeSole() async -> Bool {
        let name = cloud.owner.lockName
        let deadline = Deadline.after(settings.stopTimeout + Self.predecessorMargin)
        var isTold = false
        while !isCancelled {
            var isShort = false
            do throws(TransportError) {
                if try host.hold(name: name) { return true }
            } catch {
                // A descriptor is there in a while; where the system has no such locks, the operator must take care.
                isShort = error.isFileShortage && !deadline.isPast
                if !isShort { return goOnInDoubt(error) }
            }
            if !isShort, !isTold || deadline.isPast {
                predecessor = host.holder(ofName: name)
                // One that does not say who it is may be about to.
                let isStranger = predecessor.map { !$0.isTrusted } ?? deadline.isPast
                if isStranger { return goOnBesideStranger() }
            }
            if deadline.isPast { return false }
            if !isShort, !isTold {
                isTold = true
                log.info(
                    "waiting for another process of this owner to end",
                    metadata: [
                        "owner": "\(cloud.owner.id)", "holder": "\(predecessor?.description ?? "unknown")",
                    ]
                )
            }
            guard (try? await sleep(for: .milliseconds(200))) != nil else { return true }
        }
        return true
    }

    private func goOnInDoubt(_ error: TransportError) -> Bool {
        log.warning(
            "cannot find out whether another process does the same",
            metadata: ["error": "\(error)"]
        )
        return true
    }

    private func goOnBesideStranger() -> Bool {
        log.warning(
            "a process of another user holds this manager's name, so that two of this user would not be noticed",
            metadata: [
                "owner": "\(cloud.owner.id)",
                "holder": "\(predecessor?.description ?? "one that does not say who it is")",
                "next_step": "if it is a daemon for the same manager and scheduler, stop one of the two",
            ]
        )
        return true
    }

    var metrics: Metrics {
        Metrics(
            managerID: settings.workerManagerID,
            tasksByState: dispatcher.countsByState,
            outcomes: dispatcher.statistics.outcomes,
            secondsByState: dispatcher.statistics.seconds,
            workerCount: workers.workerCount,
            oldestQueued: dispatcher.oldestQueued,
            orphanCount: cloud.orphanCount,
            isRegistered: workers.isRegistered,
            deletedInstanceCount: cloud.deletedCount,
            strayObjectCount: cloud.strayObjectCount,
            waitingForRoomCount: dispatcher.waitingForRoomCount,
            waitingForHostCount: dispatcher.waitingForHostCount,
            instanceCount: cloud.countedInstanceCount,
            slotLimit: settings.baseConcurrency,
            isAccessLost: calls.isAccessLost,
            credentialExpiry: calls.credentialExpiry,
            requests: calls.counts,
            cloud: CloudNumbers(
                places: dispatcher.places,
                rates: calls.rates,
                census: cloud.census,
                usage: cloud.usage,
                silence: calls.lastSuccess.map { Deadline.now.duration(since: $0) },
                trouble: calls.outage.map { "\($0)" }
            ),
            links: workers.linkReport,
            storage: storage.report
        )
    }

    var status: ManagerStatus {
        ManagerStatus(
            metrics: metrics,
            schedulerAddress: settings.schedulerAddress.description,
            ownerID: cloud.owner.id,
            tasks: dispatcher.reportOfWork(upTo: StatusDocument.taskCountMax),
            taskCount: dispatcher.taskCount,
            failures: dispatcher.statistics.failures
        )
    }

    /// Begins to work; after `prepare`.
    package func start() {
        log.info(
            "ready for the scheduler",
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
            spawn { await self.trim() },
            spawn { await self.passOn(self.dispatcher.becameIdle) },
            spawn { await self.passOn(self.calls.becameIdle) },
        ]
    }

    /// Sent once a second, or more often, as long as the manager runs.
    var looked: Broadcast { workers.looked }

    /// Opens once the scheduler is gone for good.
    package var schedulerLost: Latch { workers.schedulerLost }

    /// Tells the scheduler and then leaves the cloud as the settings say; false if something had to be left.
    package func stop() async -> Bool {
        let deadline = Deadline.after(settings.stopTimeout)
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
        cloud.usageLog?.write()
        return isClean
    }

    private func deleteEverything(isSweeping: Bool, until deadline: Deadline) async -> Bool {
        let pace = LeavingPace(
            instanceCount: cloud.countedInstanceCount,
            timeout: settings.stopTimeout,
            usualPerSecond: RateBuckets.rateAtStart(ceiling: settings.maxRequestsPerSecond)
        )
        calls.raiseLimits(
            for: .deleteContainerInstance,
            writesPerSecond: pace.perSecond,
            // One more for the listings.
            connectionCount: pace.parallelCount + 1
        )
        cloud.beginLeaving(isSweeping: isSweeping, parallelDeletionCountMax: pace.parallelCount)
        let isCancelled = await dispatcher.cancelAll(until: deadline)
        let isSwept = isSweeping ? await cloud.sweep(until: deadline) : true
        let isDeleted = await cloud.finishDeletions(until: deadline)
        if isCancelled, isSwept, isDeleted { return true }
        tellRemains()
        return false
    }

    /// Says what a stop leaves in the cloud, each instance by its id.
    func tellRemains() {
        let remains = cloud.remains
        if remains.isEmpty {
            return log.error(
                "it could not be seen whether anything stays in the cloud; the next start looks again, or reap does"
            )
        }
        for (id, task) in remains.instances {
            log.error("an instance stays in the cloud", metadata: ["instance": "\(id)", "task": "\(task)"])
        }
        log.error(
            "the cloud did not accept every deletion in time; the next start goes on with it, or reap does",
            metadata: [
                "instances": "\(remains.instances.count)", "creates_without_answer": "\(remains.createCount)",
                "objects": "\(remains.objectCount)",
            ]
        )
    }

    /// Writes into the log how it stands with this manager and each of its tasks, whatever the log's level is.
    package func reportTasks() async {
        var log = log
        log.logLevel = min(log.logLevel, .info)
        let lines = dispatcher.report
        log.info(
            "state of the manager",
            metadata: [
                "tasks": "\(lines.count)", "orphans": "\(cloud.orphanCount)",
                "workers": "\(workers.workerCount)",
                "registered": "\(workers.isRegistered)",
                "launches_waiting": "\(dispatcher.waitingForRoomCount)",
            ]
        )
        for (number, line) in lines.enumerated() {
            log.info("state of a task", metadata: line.fields)
            guard number % Self.reportPieceCount == Self.reportPieceCount - 1 else { continue }
            // Neither the loop nor whoever reads the log is to be overrun by a hundred thousand tasks.
            guard (try? await sleep(for: Self.reportPause)) != nil else { return }
        }
    }

    private func noteRegistrations() async {
        while let isRegistered = try? await workers.registrationChanges.receive() {
            if isRegistered { hasRegistered = true }
            cloud.schedulerAnswers(isRegistered)
        }
    }

    /// Gives memory back a while after the last work, once each time that such work ends.
    ///
    /// A listing alone touches half as much code as a task does.
    private func trim() async {
        repeat {
            guard (try? await sleep(for: Self.trimDelay)) != nil else { return }
            if dispatcher.isIdle, calls.isIdle { host.releaseMemory() }
        } while (try? await workEnded.wait()) != nil
    }

    private func passOn(_ end: Broadcast) async { while (try? await end.wait()) != nil { workEnded.send() } }
}
