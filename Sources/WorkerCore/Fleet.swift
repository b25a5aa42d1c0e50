// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Logging
internal import Messaging
internal import Reporting
internal import SchedulerMessages
internal import TaskEngine
internal import Transport

/// The manager and its workers: keeps as many workers as the scheduler wishes.
@LoopActor
final class Fleet {
    /// How long an identity that may be taken is tried.
    private static let steadyPatience: Duration = .seconds(15)

    private let profile: WorkerProfile
    private let concurrency: Int
    private let managerEndpoint: Endpoint
    private let workerEndpoint: Endpoint
    private let connector: SchedulerConnector
    private let dispatcher: Dispatcher
    private let storage: ScalerStorage
    private let log: Logger
    private let started = Deadline.now
    private let steadyIdentity: String
    private var scaling: UnitScaling
    private var wish: Int?
    private var manager: ManagerSession?
    private var workers: [Int: WorkerSession] = [:]
    private var workerCounter = 0
    /// What ends one worker may end the next, so they are not replaced at any speed.
    private var restarts = RestartPace(burst: 16, interval: .seconds(1))
    private var earliestStart = Deadline.now
    private var isLeaving = false
    private let change = Wakeup()

    init(
        settings: Settings,
        owner: Owner,
        profile: WorkerProfile,
        connector: SchedulerConnector,
        dispatcher: Dispatcher,
        storage: ScalerStorage,
        log: Logger
    ) {
        self.profile = profile
        steadyIdentity = "\(owner.id.prefix(200))|worker_manager_oci_hpc"
        concurrency = settings.baseConcurrency
        managerEndpoint = Endpoint(settings.schedulerAddress)
        workerEndpoint = Endpoint(settings.addressForWorkers)
        self.connector = connector
        self.dispatcher = dispatcher
        self.storage = storage
        self.log = log
        scaling = UnitScaling(cooldown: settings.scaleDownCooldown)
    }

    /// Whether the scheduler answers the manager.
    var isRegistered: Bool {
        manager?.isRegistered ?? false
    }

    /// Whether the scheduler ever answered the manager.
    private(set) var wasRegistered = false

    /// How many workers are connected or connecting.
    var workerCount: Int {
        workers.count
    }

    /// Runs manager and workers until cancelled; a scheduler that goes away is waited for.
    func run() async {
        let keeper = spawn { await self.keepManager() }
        while !isCancelled, !isLeaving {
            await reconcile()
            // The cooldown ends without any message from the scheduler, so look again by ourselves.
            let look = Deadline.after(.seconds(1))
            _ = try? await change.wait(until: earliestStart.isPast ? look : min(look, earliestStart))
        }
        keeper.cancel()
    }

    /// Says goodbye for every worker and for the manager.
    func leave() async {
        isLeaving = true
        change.ring()
        let leaving = Array(workers.values)
        let generation = manager?.generation
        let goodbyes = leaving.map { worker in spawn { await worker.leave(generation: generation) } }
        for goodbye in goodbyes { await goodbye.value }
        await manager?.leave()
    }

    /// Connects the manager again and again, first under an identity that a dead process of our name has had too.
    ///
    /// The scheduler holds a manager's id for its identity until that was silent for ten seconds: with the same
    /// one, a daemon that was killed is heard again at once. Where the scheduler believes the old connection alive
    /// the same identity is not heard at all, so an unanswered one is given up for a fresh one.
    private func keepManager() async {
        var backoff = Backoff(initial: .milliseconds(200), limit: .seconds(5))
        var identity = steadyIdentity
        let trouble = ThrottledWarning(
            "the scheduler is not reachable; trying again",
            recovery: "the scheduler is reachable",
            log: log
        )
        while !isCancelled, !isLeaving {
            let channel = SchedulerChannel(
                identity: identity,
                endpoint: managerEndpoint,
                connector: connector,
                log: log,
                trouble: trouble
            )
            let manager = ManagerSession(
                profile: profile,
                concurrency: concurrency,
                channel: channel,
                log: log
            ) { [weak self] wish in self?.wished(wish) }
            self.manager = manager
            let connectedAt = Deadline.now
            let isSteady = identity == steadyIdentity
            let doubt = spawn { if isSteady { await self.giveUpUnlessAnswered(manager) } }
            let end = await manager.run()
            doubt.cancel()
            if isLeaving || isCancelled { return }
            identity = "\(ProcessIdentity.processID)|worker_manager_oci_hpc|\(RandomIdentity.uuid())"
            wish = nil
            connector.forget(managerEndpoint)
            log.warning("no scheduler; connecting again", metadata: ["reason": "\(end)"])
            if (connectedAt + .seconds(30)).isPast { backoff.reset() }
            guard (try? await sleep(for: backoff.next { .random(in: 0..<1) })) != nil else { return }
        }
    }

    private func giveUpUnlessAnswered(_ manager: ManagerSession) async {
        guard (try? await sleep(for: Self.steadyPatience)) != nil, !manager.isRegistered else { return }
        await manager.leave()
    }

    private func wished(_ units: Int) {
        wasRegistered = true
        if wish != units {
            log.info(
                "the scheduler wishes for workers",
                metadata: ["wish": "\(units)", "live": "\(workers.count)"]
            )
        }
        wish = units
        change.ring()
    }

    private func reconcile() async {
        guard let wish else { return }
        let now = Deadline.now.duration(since: started)
        let target = scaling.target(wished: wish, live: workers.count, now: now)
        // Without a scheduler a worker could only wait to be given up.
        while isRegistered, workers.count < target, earliestStart.isPast { startWorker() }
        if workers.count > target { await stopWorkers(workers.count - target) }
    }

    private func startWorker() {
        let number = workerCounter
        workerCounter += 1
        let identity = "Worker|oci-hpc-\(number)|\(RandomIdentity.hexadecimal())"
        let channel = SchedulerChannel(
            identity: identity,
            endpoint: workerEndpoint,
            connector: connector,
            log: log
        )
        let worker = WorkerSession(
            identity: identity,
            profile: profile,
            channel: channel,
            dispatcher: dispatcher,
            storage: storage,
            log: log
        )
        workers[number] = worker
        worker.onMended { [weak self, weak worker] in
            guard let self, let worker else { return }
            spawn { await self.replace(worker) }
        }
        spawn {
            let end = await worker.run()
            self.workers[number] = nil
            if end != .left {
                let now = Deadline.now.duration(since: self.started)
                self.earliestStart = self.started + self.restarts.next(at: now)
            }
            // Another worker would only keep company with a scheduler that ends.
            if worker.wasShutDown { self.wish = nil }
            self.change.ring()
        }
    }

    /// Retires a worker whose connection broke.
    ///
    /// Tasks and cancels that were on it are lost, and the scheduler, which goes on hearing heartbeats, would wait for
    /// them for ever. After a goodbye it sends every task again; what runs here goes on under the next worker.
    private func replace(_ worker: WorkerSession) async {
        let generation = worker.generation ?? manager?.generation ?? .second
        // Up to 2.6.0 a worker that leaves before it has answered a cancel ends the scheduler.
        // And one that was started anew ends of the output of a task that it does not know.
        if generation == .first { return dispatcher.hush(worker) }
        log.info(
            "the connection broke; another worker takes over",
            metadata: ["worker": "\(worker.identity)"]
        )
        // What the goodbye overtakes would have to be answered again.
        await worker.settle()
        await worker.leave(generation: generation)
    }

    /// The least busy first: their tasks are placed again, and are adopted where they are placed here.
    private func stopWorkers(_ count: Int) async {
        let idlest = workers.values.sorted { $0.taskCount < $1.taskCount }.prefix(count)
        let generation = manager?.generation
        let goodbyes = idlest.map { worker in spawn { await worker.leave(generation: generation) } }
        for goodbye in goodbyes { await goodbye.value }
    }
}

extension Endpoint {
    /// The same address, in the words of the transport.
    init(_ address: SchedulerAddress) {
        switch address {
        case .tcp(let host, let port): self = .tcp(host: host, port: port)
        case .ipc(let path): self = .ipc(path: path)
        }
    }
}
