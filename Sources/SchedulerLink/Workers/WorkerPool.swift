// SPDX-License-Identifier: Apache-2.0

package import Configuration
package import EventLoop
package import Logging
internal import Messaging
internal import Reporting
package import SchedulerMessages
internal import TaskEngine
package import Transport

/// The manager and its workers: keeps as many workers as the scheduler desires.
@LoopActor
package final class WorkerPool {
    /// How long the identity that another process may hold is tried.
    private static let steadyIdentityTimeout: Duration = .seconds(15)

    private let profile: WorkerProfile
    private let concurrency: Int
    private let managerEndpoint: Endpoint
    private let workerEndpoint: Endpoint
    private let links: any LinkOpener
    private let tasks: any TaskHandler
    private let objectStore: ObjectStoreClient
    private let host: any Host
    private let log: Logger
    private let started = Deadline.now
    private let steadyIdentity: String
    private var scaling: UnitScaling
    private var manager: ManagerSession?
    private var workers: [Int: WorkerSession] = [:]
    private var startedCount = 0
    /// What ends one worker may end the next, so they are not replaced at any speed.
    private var restarts = BurstPace(burst: 16, interval: .seconds(1))
    private var earliestStart = Deadline.now
    private var isLeaving = false
    private let counts = LinkCounts()
    /// Rings when there may be workers to start or stop.
    private let change = Wakeup()

    /// Makes a pool without workers; `ownerID` is what the manager's identity is made of, the same in every process of
    /// the owner.
    package init(
        settings: Settings,
        ownerID: String,
        profile: WorkerProfile,
        links: any LinkOpener,
        tasks: any TaskHandler,
        objectStore: ObjectStoreClient,
        host: any Host,
        log: Logger
    ) {
        self.host = host
        self.profile = profile
        steadyIdentity = "\(ownerID.prefix(200))|worker_manager_oci_hpc"
        concurrency = settings.baseConcurrency
        managerEndpoint = Endpoint(settings.schedulerAddress)
        workerEndpoint = Endpoint(settings.addressForWorkers)
        self.links = links
        self.tasks = tasks
        self.objectStore = objectStore
        self.log = log
        scaling = UnitScaling(cooldown: settings.scaleDownCooldown)
    }

    /// Whether the scheduler answers the manager.
    package var isRegistered: Bool { manager?.isRegistered ?? false }

    /// Whether the scheduler ever told the manager how many workers it desires.
    package private(set) var wasRegistered = false

    /// One element whenever the scheduler begins to answer the manager, or stops.
    package let registrationChanges = Mailbox<Bool>()

    /// Opens once the scheduler is gone for good: a client has shut it down, it has not answered for the death timeout, or it
    /// told the manager to shut down and the last worker is gone.
    package let schedulerLost = Latch()

    /// Sent whenever the pool has looked after its workers: once a second, or more often.
    package let looked = Broadcast()
    private var lastAnswered = Deadline.now

    /// How it stands with the connections to the scheduler.
    package var linkReport: LinkReport {
        var report = LinkReport()
        report.silence = manager?.silence
        report.connectionCount = workers.values.count { $0.isConnected }
        if manager?.isConnected == true { report.connectionCount += 1 }
        report.retransmissionCount = counts.retransmissions
        return report
    }

    /// How many workers are connected or connecting.
    package var workerCount: Int { workers.count }

    /// The generation of the scheduler, as far as is known.
    package var generation: WireGeneration? { manager?.generation }

    /// Runs manager and workers until cancelled or `leave` is called; a scheduler that goes away is waited for.
    package func run() async {
        let keeper = spawn { await self.keepManager() }
        var wasAnswered = false
        lastAnswered = .now
        while !isCancelled, !isLeaving {
            await reconcile()
            if isRegistered { lastAnswered = .now }
            if (lastAnswered + profile.deathTimeout).isPast { schedulerLost.open() }
            if isRegistered != wasAnswered { registrationChanges.send(isRegistered) }
            wasAnswered = isRegistered
            looked.send()
            // The cooldown ends without any message from the scheduler, so look again by ourselves.
            let look = Deadline.after(.seconds(1))
            _ = try? await change.wait(until: earliestStart.isPast ? look : min(look, earliestStart))
        }
        keeper.cancel()
    }

    /// Disconnects every worker and the manager in order.
    package func leave() async {
        isLeaving = true
        change.ring()
        await disconnect(leastBusy(workers.count, of: workers))
        await manager?.leave()
    }

    private func disconnect(_ leaving: [WorkerSession]) async {
        let pieces = leaving.map { worker in spawn { await worker.leave(generation: self.generation) } }
        for piece in pieces { await piece.value }
    }
}

// MARK: - The manager

extension WorkerPool {
    /// Connects the manager again and again, first under an identity that a dead process of our name has had too.
    ///
    /// The scheduler holds a manager's id for its identity until that was silent for ten seconds: with the same
    /// one, a daemon that was killed is answered again at once. Where the scheduler believes the old connection alive
    /// the same identity is not answered at all, so an unanswered one is given up for a fresh one.
    private func keepManager() async {
        var backoff = Backoff(initial: .milliseconds(200), limit: .seconds(5))
        var identity = steadyIdentity
        let warning = ThrottledWarning(
            "the scheduler is not reachable; trying again",
            recovery: "the scheduler is reachable",
            log: log
        )
        while !isCancelled, !isLeaving {
            let channel = SchedulerChannel(
                identity: identity,
                endpoint: managerEndpoint,
                links: links,
                log: log,
                unreachableWarning: warning,
                counts: counts
            )
            let manager = ManagerSession(
                profile: profile,
                concurrency: concurrency,
                channel: channel,
                commandArrived: change,
                log: log
            )
            self.manager = manager
            let connectedAt = Deadline.now
            let isSteady = identity == steadyIdentity
            let giveUp = spawn { if isSteady { await self.giveUpUnlessAnswered(manager) } }
            let end = await manager.run()
            giveUp.cancel()
            if isLeaving || isCancelled { return }
            identity = "\(host.processID)|worker_manager_oci_hpc|\(RandomIdentity.uuid())"
            switch end {
            case .left: log.info("the scheduler does not answer; connecting under another identity")
            default: warning.occurred(["reason": "\(end)"])
            }
            if (connectedAt + .seconds(30)).isPast { backoff.reset() }
            guard (try? await sleep(for: backoff.next { LoopRandom.number(in: 0..<1) })) != nil else {
                return
            }
        }
    }

    private func giveUpUnlessAnswered(_ manager: ManagerSession) async {
        guard (try? await sleep(for: Self.steadyIdentityTimeout)) != nil else { return }
        if !manager.isRegistered { await manager.leave() }
    }
}

// MARK: - The workers

extension WorkerPool {
    private func reconcile() async {
        if let manager, manager.isDraining { return drain(manager) }
        guard let desired = manager?.desiredWorkerCount else { return }
        wasRegistered = true
        // One that was told to shut down is no longer supply, and no reason to stop another: as Scaler's managers count.
        let serving = workers.filter { !$0.value.isDraining }
        let now = Deadline.now.duration(since: started)
        let target = scaling.target(desired: desired, live: serving.count, now: now)
        // Without a scheduler a worker could only wait to be given up.
        // Of those that finish first there are never more than of others, however often a scheduler tells them to.
        var missing = min(target - serving.count, 2 * target - workers.count)
        while isRegistered, missing > 0, earliestStart.isPast {
            startWorker()
            missing -= 1
        }
        if serving.count > target { await disconnect(leastBusy(serving.count - target, of: serving)) }
    }

    /// Has every worker finish what it has; the manager tells when the last is gone.
    private func drain(_ manager: ManagerSession) {
        for worker in leastBusy(workers.count, of: workers) { worker.drain() }
        guard workers.isEmpty else { return }
        manager.reportDrained()
        schedulerLost.open()
    }

    /// The least busy workers: their tasks are placed again, and are adopted where they are placed here.
    private func leastBusy(_ count: Int, of workers: [Int: WorkerSession]) -> [WorkerSession] {
        let loads = workers.map { (count: $0.value.unansweredCount, number: $0.key, worker: $0.value) }
        return loads.sorted { ($0.count, $0.number) < ($1.count, $1.number) }.prefix(count).map(\.worker)
    }

    private func startWorker() {
        let number = startedCount
        startedCount += 1
        let channel = SchedulerChannel(
            identity: "Worker|oci-hpc-\(number)|\(RandomIdentity.hexadecimal())",
            endpoint: workerEndpoint,
            links: links,
            log: log,
            counts: counts
        )
        let worker = WorkerSession(
            profile: profile,
            channel: channel,
            tasks: tasks,
            objectStore: objectStore,
            sampleUsage: host.usageSampler(),
            log: log
        )
        workers[number] = worker
        spawn { [self] in
            let replacement = spawn { await self.replaceWhenReconnected(worker) }
            let end = await worker.run()
            replacement.cancel()
            workers[number] = nil
            if end != .left || worker.isDraining {
                earliestStart = started + restarts.next(at: Deadline.now.duration(since: started))
            }
            // Without a scheduler there are no tasks for another worker; the next one says what it wants.
            if worker.isSchedulerGone { manager?.forgetCommand() }
            if worker.isShutDown { schedulerLost.open() }
            change.ring()
        }
    }

    /// Has another worker take the place of one whose connection was lost and is there again.
    ///
    /// Tasks and cancels that were on it are lost, and the scheduler, which goes on receiving heartbeats, would wait for
    /// them for ever. After a disconnect request it sends every task again; what runs here goes on under the next
    /// worker.
    private func replaceWhenReconnected(_ worker: WorkerSession) async {
        while (try? await worker.reconnected.wait()) != nil {
            let generation = worker.generation ?? self.generation ?? .second
            // Up to 2.6.0 a worker that leaves before it has answered a cancel ends the scheduler.
            // And a scheduler that was started anew ends when it gets output of a task that it does not know.
            if generation == .first {
                tasks.handle(.unfamiliar, of: worker)
                continue
            }
            log.info(
                "the connection was lost; another worker takes over",
                metadata: ["worker": "\(worker.identity)"]
            )
            // What the disconnect request overtakes would have to be answered again.
            await worker.waitUntilConfirmed()
            return await worker.leave(generation: generation)
        }
    }
}

extension Endpoint {
    /// The same address, in the words of the transport.
    package init(_ address: SchedulerAddress) {
        switch address {
        case .tcp(let host, let port): self = .tcp(host: host, port: port)
        case .ipc(let path): self = .ipc(path: path)
        case .tls(let host, let port): self = .tls(host: host, port: port)
        case .webSocket(let host, let port, let path, let isSecure):
            self = .webSocket(host: host, port: port, path: path, isSecure: isSecure)
        }
    }

    /// What a heartbeat's echo names; nil for a scheme that is not known, which may mean TLS.
    ///
    /// The path of a WebSocket is not told; Scaler's server takes any.
    init?(_ address: ObjectStorageAddress) {
        let (host, port) = (address.host, address.port)
        switch address.scheme {
        case "tcp", "": self = .tcp(host: host, port: port)
        case "tls": self = .tls(host: host, port: port)
        case "ws": self = .webSocket(host: host, port: port, path: "/", isSecure: false)
        case "wss": self = .webSocket(host: host, port: port, path: "/", isSecure: true)
        default: return nil
        }
    }
}
