// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import SchedulerMessages
internal import SchedulerPeer
internal import TestSupport

/// A Scaler scheduler with its object storage: hands the tasks of its clients to the workers of whoever connects, and judges
/// what they say.
///
/// Everything it does is a fact of scaler-wire, whose section is named beside the rule. What the facts do not allow a worker
/// or a manager to say ends the run.
@LoopActor
package final class SimulatedScheduler {
    let simulation: Simulation
    let book: TaskBook
    let settings: SchedulerSettings
    let binder: any MessageBinder
    /// Its object storage, which starts and, when it is lost, ends with it.
    package let storage: SimulatedObjectStorage
    /// How its tasks are called on the wire.
    package let names: TaskNames
    /// Names this scheduler's chances of faults.
    let party: UInt64

    // MARK: State that a restart forgets

    var tasks: [UInt64: KnownTask] = [:]
    /// Numbers of tasks that wait to be placed, oldest first, from `waitingHead` on; some may be gone.
    var waiting: [UInt64] = []
    var waitingHead = 0
    var workers: [KnownWorker] = []
    var workersByIdentity: [String: KnownWorker] = [:]
    var managers: [KnownManager] = []
    /// Result objects that workers announced, by owner.
    var announced: [ClientID: [ObjectID]] = [:]
    /// What waits while a scheduler of the first generation hangs, and for whom it waits.
    var backlog: [@LoopActor () -> Void] = []
    var blockedOn: (identity: String, since: Deadline)?

    // MARK: State that the judges remember

    /// Tasks for which a cancel was ever sent.
    var everCancelled: Set<UInt64> = []
    /// Workers whose answer `canceled` was the last word about a task.
    var confirmed: [UInt64: String] = [:]
    var everAnnounced: Set<ObjectID> = []
    /// The number after the highest that was ever submitted.
    var submittedCount: UInt64 = 0
    var clients: [ClientID: [UInt8]] = [:]
    /// Clients that are gone.
    var hasLeft: Set<ClientID> = []
    var managerIDs: Set<[UInt8]> = []
    /// Identities under which a worker said goodbye, or lost its connection by an orderly end.
    var leftWorkers: Set<String> = []
    private var isDaemonDead = false
    private(set) var daemonStopsSince: Deadline?
    /// Whether heartbeats are judged; not while two daemons run or one stands still.
    package var judgesHeartbeats = true

    /// When a worker said something last.
    var lastWorkerSeen = Deadline.now

    /// When it first answered the daemon that runs now; nil if it has not.
    package internal(set) var answersSince: Deadline?
    /// Whether it runs.
    package private(set) var isUp = false
    private var life = 0
    /// Until when it sends tasks whether or not a worker has room for them.
    private(set) var floodsUntil = Deadline.now
    private var tickCount = 0

    /// Called when a task has ended.
    package var onReply: (@LoopActor (_ job: UInt64) -> Void)?
    /// Called when it goes down: none of its tasks will get a reply.
    package var onDown: (@LoopActor () -> Void)?
    /// Called when it runs again.
    package var onUp: (@LoopActor () -> Void)?
    /// Called when a task, or word about it, was probably swallowed by a reset a while ago; only its client can help it.
    package var onSwallowed: (@LoopActor (_ job: UInt64) -> Void)?

    /// A scheduler that does not run yet.
    package init(
        _ simulation: Simulation,
        network: SimulatedNetwork,
        book: TaskBook,
        settings: SchedulerSettings
    ) {
        self.simulation = simulation
        self.book = book
        self.settings = settings
        names = TaskNames(seed: simulation.seed)
        party = stableHash(settings.address.utf8, from: 0)
        storage = SimulatedObjectStorage(
            simulation,
            network: network,
            address: settings.storageAddress,
            generation: settings.generation
        )
        switch settings.transport {
        case .ymq: binder = YMQBinder(simulation, network, address: settings.address, settings.generation)
        case .zmq: binder = ZMQBinder(simulation, network, address: settings.address)
        }
        binder.onConnected = { [unowned self] peer in connected(peer) }
        binder.onArrival = { [unowned self] peer, message in judgeArrival(of: message, from: peer) }
        binder.onMessage = { [unowned self] peer, message in received(message, from: peer) }
        binder.onEnd = { [unowned self] peer, end in ended(peer, end) }
    }

    /// Starts it and its storage, and the clock of its checks.
    package func start() {
        storage.start()
        open(asNew: true)
        tick()
    }

    /// How long nothing was heard of the worker that has the task; nil if none has it.
    package func silenceOfHolder(of number: UInt64) -> Duration? {
        tasks[number]?.worker.map { Deadline.now.duration(since: $0.lastSeen) }
    }

    /// Whether a worker of the present daemon has the task for certain: it was sent to it a while ago on the connection that
    /// it has now, and nobody has asked for it back.
    package func isSurelyHeld(_ number: UInt64, for duration: Duration) -> Bool {
        guard let task = tasks[number], task.cancel == nil, !task.isCancelDue, let worker = task.worker,
            let peer = binder.connections.first(where: { $0.identity == worker.identity }),
            isOfPresentDaemon(peer), !peer.isLeaving, Deadline.now > simulation.excusedUntil,
            case .handedOver(peer.number, let moment)? = task.delivery?.state
        else { return false }
        return Deadline.now.duration(since: moment) > duration
    }

    /// Whether a worker has been connected at some time since a moment.
    package func hadWorker(since moment: Deadline) -> Bool {
        lastWorkerSeen > moment || binder.connections.contains { workersByIdentity[$0.identity] != nil }
    }

    /// How long no worker has held a task for more than a moment; nil for one that is held, or not known.
    package func waitingTime(of number: UInt64) -> Duration? { tasks[number]?.waitingTime }

    /// Breaks every connection of managers and workers.
    package func breakConnections() { binder.breakAll() }

    // MARK: - The daemon's lives

    /// The daemon was killed or has ended: no heartbeats are expected until it runs again.
    package func daemonDied() {
        isDaemonDead = true
        answersSince = nil
        binder.epoch += 1
        storage.epoch += 1
    }

    /// The daemon runs again.
    package func daemonStarted() {
        isDaemonDead = false
        daemonStopsSince = nil
    }

    /// The daemon was told to stop.
    package func daemonStops() { daemonStopsSince = daemonStopsSince ?? .now }

    /// Whether a connection is of the daemon that runs now.
    func isOfPresentDaemon(_ peer: PeerConnection) -> Bool { !isDaemonDead && peer.epoch == binder.epoch }

    // MARK: - Its own lives

    /// Ends it; it forgets everything, and comes back after `pause`.
    ///
    /// With `storageToo` its storage is lost first, which ends a scheduler (scaler-wire, learned since). `asNew` says that it
    /// comes back under another identity, as a process of Scaler does.
    package func restart(after pause: Duration, storageToo: Bool, byReset: Bool, asNew: Bool) {
        if !isUp { return }
        simulation.note("scheduler", "down", "for \(pause)\(storageToo ? " with its storage" : "")")
        isUp = false
        if storageToo { storage.stop(byReset: byReset) }
        binder.shutDown(byReset: byReset)
        removeLater(announced.values.flatMap { $0 })
        tasks = [:]
        (waiting, waitingHead) = ([], 0)
        (workers, workersByIdentity, managers) = ([], [:], [])
        announced = [:]
        (backlog, blockedOn) = ([], nil)
        onDown?()
        simulation.after(pause) {
            if storageToo { self.storage.start() }
            self.open(asNew: asNew)
            self.onUp?()
        }
    }

    /// Removes objects that nobody in Scaler deletes any more, when nobody reads them any more either.
    package func removeLater(_ objects: [ObjectID]) {
        if objects.isEmpty { return }
        simulation.after(.seconds(7200)) { [storage] in for object in objects { storage.remove(object) } }
    }

    /// Ends it as a client's `shutdown()` does: each worker is told, then all connections end in order.
    package func shutDownByClient(for pause: Duration) {
        for worker in workers {
            binder.send(SchedulerBytes.shutdown(settings.generation), to: worker.identity)
        }
        restart(after: pause, storageToo: false, byReset: false, asNew: true)
    }

    private func open(asNew: Bool) {
        if asNew { life += 1 }
        isUp = true
        let token = stableHash("scheduler \(life)".utf8, from: simulation.seed)
        simulation.note("scheduler", "up", "life \(life)")
        binder.open(identity: "\(1000 + life)|scheduler|\(token)")
    }

    /// What a scheduler and its operators look at each second.
    private func tick() {
        simulation.after(.seconds(1)) { self.tick() }
        tickCount += 1
        judgeHeartbeats()
        guard isUp else { return }
        if tickCount % 60 == 0 { strikeRestarts() }
        guard isUp else { return }
        if tickCount % 60 == 30 { strikeFloods() }
        if let blockedOn, Deadline.now.duration(since: blockedOn.since) > settings.patience {
            simulation.note("scheduler", "hangs", "waits for \(blockedOn.identity)")
            return restart(after: .seconds(10), storageToo: false, byReset: true, asNew: true)
        }
        if !isServing { return }
        forgetSilentManagers()
        forgetSilentWorkers()
        guard isUp else { return }
        lookAfterCancels()
        if tickCount % (settings.generation == .first ? 1 : 3) == 0 { balance() }
        if tickCount % 10 == 0 { noticeLosses() }
    }

    private func strikeRestarts() {
        for (kind, storageToo) in [(FaultKind.storageRestarts, true), (.schedulerRestarts, false)] {
            guard isUp, let share = simulation.faults.draw(kind, party) else { continue }
            let choice = mix(share.bitPattern)
            restart(
                after: .seconds(1 + 300 * share * share),
                storageToo: storageToo,
                byReset: choice & 1 == 0,
                asNew: choice & 6 != 0
            )
            if simulation.faults.strikes(.greetsAlone, party) {
                binder.leaveToGreeter(byReset: choice & 8 == 0)
            }
        }
    }

    private func strikeFloods() {
        guard let share = simulation.faults.draw(.schedulerFloods, party) else { return }
        simulation.note("scheduler", "floods")
        floodsUntil = .after(.seconds(1 + 30 * share))
        place()
    }

    // MARK: - A scheduler of the first generation that hangs

    private var isServing: Bool { blockedOn == nil && backlog.isEmpty }

    /// Does `action` now, or when the scheduler serves again.
    ///
    /// A first-generation scheduler awaits each send, and one to a peer whose connection was reset ends when that peer returns
    /// (scaler-wire, 0.1).
    func whenServing(_ action: @escaping @LoopActor () -> Void) {
        isServing ? action() : backlog.append(action)
    }

    /// Sends a message to a worker or manager.
    @discardableResult
    func send(_ message: [UInt8], to identity: String) -> Delivery {
        if settings.generation == .first, blockedOn == nil, binder.waits(for: identity) {
            simulation.note("scheduler", "blocked", "on \(identity)")
            blockedOn = (identity, .now)
        }
        return binder.send(message, to: identity)
    }

    private func connected(_ peer: PeerConnection) {
        guard blockedOn?.identity == peer.identity else { return }
        blockedOn = nil
        // After what waits for the peer has gone out.
        simulation.after(.zero) { [unowned self] in
            while blockedOn == nil, !backlog.isEmpty {
                let action = backlog[0]
                action()
                if !backlog.isEmpty { backlog.removeFirst() }
            }
        }
    }
}
