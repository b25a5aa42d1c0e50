// SPDX-License-Identifier: Apache-2.0

package import Configuration
package import EventLoop
internal import HTTPClient
internal import Logging
internal import OCIProfile
internal import OCIServices
internal import OCISigning
internal import TestSupport
package import Transport

@testable internal import CloudOwnership
@testable internal import Daemon
@testable internal import TaskEngine

/// The daemon under test: the product's code from the manager down to the bytes, in processes that can be killed.
///
/// One process works at a time; a rival is one that was started beside it and waits for it to end.
@LoopActor
package final class SimulatedDaemon {
    private struct Life {
        let number: Int
        let process: SimulatedProcess
        let service: ManagerService
    }

    private let simulation: Simulation
    private let network: SimulatedNetwork
    private let machine: SimulatedMachine
    private let settings: Settings
    private let key: RSAKey
    /// The same in each process, as on one host.
    private let nameKey = NameKey(machineID: "simulated")
    private var startCount = 0
    private var life: Life?
    private var rival: Life?
    /// Called when a process is alone and begins to work.
    package var onWork: (@LoopActor () -> Void)?
    /// Called when the working process was killed by a fault of the network, at the border to it.
    package var onDeath: (@LoopActor () -> Void)?
    /// Whether the working process was asked to stop and has not ended.
    package private(set) var isStopping = false

    /// A daemon that does not run; `key` signs its requests.
    package init(
        _ simulation: Simulation,
        network: SimulatedNetwork,
        machine: SimulatedMachine,
        settings: Settings,
        key: RSAKey
    ) {
        self.simulation = simulation
        self.network = network
        self.machine = machine
        self.settings = settings
        self.key = key
        machine.onHeld = { [unowned self] process in held(process) }
    }

    /// Whether a process of it lives, apart from a rival.
    package var isAlive: Bool { life?.process.isDead == false }

    /// How many of the working process's deadlines and sleeps are under way.
    package var armedTimerCount: Int { life?.process.armedTimerCount ?? 0 }

    /// What the working process holds in memory: tasks in hand, tasks in the ledger of the cloud.
    package var holdings: Holdings? {
        guard let life, isAlive else { return nil }
        return Holdings(
            taskCount: life.service.metrics.tasksByState.values.reduce(0, +),
            recordCount: life.service.cloud.ledger.records.count,
            spoolCount: machine.disk.openCount(of: life.process),
            slotCount: life.service.cloud.ledger.occupiedSlotCount
        )
    }

    /// Numbers of what a process holds.
    package struct Holdings: Sendable {
        /// Tasks in hand.
        package let taskCount: Int
        /// Tasks in the ledger of what is in the cloud.
        package let recordCount: Int
        /// Temporary files.
        package let spoolCount: Int
        /// Slots that are taken.
        package let slotCount: Int
    }

    /// Starts a process, which knows nothing of the one before.
    package func start() {
        precondition(!isAlive, "one process at a time")
        isStopping = false
        let life = make()
        self.life = life
        begin(life)
    }

    /// Starts a process beside the one that works.
    package func startRival() {
        if rival != nil { return }
        let life = make()
        rival = life
        begin(life)
    }

    private func make() -> Life {
        startCount += 1
        let number = startCount
        simulation.note("daemon", "start", "process \(number)")
        let process = SimulatedProcess(random: simulation.generator("process \(number)"))
        network.processStarted(process, number: UInt64(number)) { [unowned self] in bury(process) }
        var service: ManagerService?
        process.run {
            service = ManagerService(
                settings: settings,
                calls: calls(),
                nameKey: nameKey,
                host: machine.host(for: process),
                network: network,
                budgets: machine.budgets(settings),
                log: logger(number)
            )
        }
        guard let service else { preconditionFailure("a new process lives") }
        return Life(number: number, process: process, service: service)
    }

    private func begin(_ life: Life) { life.process.run { spawn { await self.run(life) } } }

    private func run(_ life: Life) async {
        do throws(OCIError) {
            let obstacle = try await life.service.prepare(CallReports(logger(life.number)))
            if obstacle != nil { return giveUp(life) }
            if !(isStopping && life.process === self.life?.process) { life.service.start() }
        } catch {
            // A process that dies meanwhile has nothing more to say.
            if case .cancelled = error { return }
            if life.process.isDead { return }
            // It ends with 77, and whoever runs it starts it again.
            let isDenied = !(simulation.accessDeniedUntil + .seconds(60)).isPast
            if error.kind == .notAuthenticated, isDenied {
                simulation.after(.zero) { [self] in bury(life.process) }
                return
            }
            simulation.judge("start", false, "the daemon does not start: \(error)")
        }
    }

    /// A process has made sure that it is alone.
    private func held(_ process: SimulatedProcess) {
        if rival?.process === process { (life, rival, isStopping) = (rival, life, false) }
        if rival?.process.isDead == true { rival = nil }
        onWork?()
    }

    /// A process has waited in vain for another to end.
    private func giveUp(_ life: Life) {
        let isBeside = machine.isHeld(byOtherThan: life.process)
        simulation.judge("start", isBeside, "the daemon does not start")
        simulation.after(.zero) { [self] in
            simulation.note("daemon", "gives up", "process \(life.number)")
            end(life.process)
        }
    }

    /// Kills the working process between two jobs; nothing of it runs afterwards.
    package func kill() {
        guard let process = life?.process, isAlive else { return }
        process.kill()
        simulation.note("daemon", "killed", "process \(life?.number ?? 0)")
        end(process)
    }

    private func bury(_ process: SimulatedProcess) {
        simulation.note("daemon", "killed", "at its border")
        let isWorking = life?.process === process
        end(process)
        if isWorking { onDeath?() }
    }

    private func end(_ process: SimulatedProcess) {
        process.kill()
        machine.ended(process)
        network.processDied(process)
        if rival?.process === process { rival = nil }
    }

    /// Stops the working process for a while, as SIGSTOP does; what it had open stays open.
    package func freeze(for length: Duration) {
        guard let life, isAlive, !life.process.isFrozen else { return }
        simulation.note("daemon", "frozen", "process \(life.number) for \(length)")
        life.process.freeze()
        simulation.after(length) { [self] in
            if life.process.isDead { return }
            simulation.note("daemon", "goes on", "process \(life.number)")
            life.process.thaw()
        }
    }

    /// Sends SIGTERM; `ended` is told once the process is gone, and whether it left nothing.
    package func terminate(_ ended: @escaping @LoopActor (_ isClean: Bool) -> Void) {
        guard let life, isAlive, !isStopping else { return }
        isStopping = true
        simulation.note("daemon", "SIGTERM", "process \(life.number)")
        life.process.run {
            spawn {
                // One that has not heard of the scheduler leaves alone what another process may run.
                let wasRegistered = life.service.metrics.isRegistered
                let isClean = await life.service.stop() && wasRegistered
                // The rest is the world's: the process ends, and its connections with it.
                self.simulation.after(.zero) {
                    if life.process.isDead { return }
                    self.simulation.note(
                        "daemon",
                        "ended",
                        "process \(life.number), \(isClean ? "clean" : "not clean")"
                    )
                    self.end(life.process)
                    ended(isClean)
                }
            }
        }
    }

    private func calls() -> ServiceCalls {
        guard let keyID = try? KeyIdentity.token("simulated") else { preconditionFailure("a legal token") }
        let exchange = SignedExchange(
            client: HTTPClient(
                connector: network,
                connectionsPerHostMax: CloudAccessOptions.connectionsPerHostAtFirst,
                connectionsPerHostLimit: CloudAccessOptions.connectionsPerHostLimit
            ),
            endpoints: Endpoints.region(.resolve(settings.region)),
            userAgent: "scaler-oci-hpc"
        )
        return ServiceCalls(
            exchange: exchange,
            credentials: APIKeyCredentials(SigningIdentity(keyID: keyID, key: key), tenancyID: nil),
            requestsPerSecondMax: settings.maxRequestsPerSecond
        ) { _ in }
    }

    private func logger(_ number: Int) -> Logger {
        let record = simulation.record
        var logger = Logger(label: "daemon") { _ in SimulatedLog(record: record, process: number) }
        // Lines that nobody sees or counts are not even put together.
        logger.logLevel = record.show == nil && !record.countsMarks ? .critical : .debug
        return logger
    }
}
