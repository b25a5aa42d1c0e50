// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Daemon
package import EventLoop
internal import HTTPClient
internal import Logging
internal import OCIProfile
internal import OCIServices
internal import OCISigning
internal import TestSupport
package import Transport

/// The daemon under test: the product's code from the manager down to the bytes, in a process that can be killed.
@LoopActor
package final class SimulatedDaemon {
    private let simulation: Simulation
    private let network: SimulatedNetwork
    private let machine: SimulatedMachine
    private let settings: Settings
    private let key: RSAKey
    private var startCount = 0
    private var process: SimulatedProcess?
    private var service: ManagerService?
    /// Whether it was asked to stop and has not ended.
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
    }

    /// Whether a process of it lives.
    package var isAlive: Bool { process?.isDead == false }

    /// How many of the living process's deadlines and sleeps are under way.
    package var armedTimerCount: Int { process?.armedTimerCount ?? 0 }

    /// Starts a process, which knows nothing of the one before.
    package func start() {
        precondition(!isAlive, "one process at a time")
        startCount += 1
        isStopping = false
        simulation.note("daemon", "start", "process \(startCount)")
        let process = SimulatedProcess(random: simulation.generator("process \(startCount)"))
        self.process = process
        process.run {
            let service = ManagerService(
                settings: settings,
                calls: calls(),
                host: machine.host(for: process),
                network: network,
                log: logger()
            )
            self.service = service
            spawn { await self.run(service, in: process) }
        }
    }

    private func run(_ service: ManagerService, in process: SimulatedProcess) async {
        do throws(OCIError) {
            let obstacle = try await service.prepare()
            simulation.judge("start", obstacle == nil, "the daemon does not start")
            if !isStopping { service.start() }
        } catch {
            if case .cancelled = error { return }
            simulation.judge("start", false, "the daemon does not start: \(error)")
        }
    }

    /// Kills the process between two jobs; nothing of it runs afterwards.
    package func kill() {
        guard let process, isAlive else { return }
        simulation.note("daemon", "killed", "process \(startCount)")
        process.kill()
        network.processDied()
    }

    /// Sends SIGTERM; `ended` is told once the process is gone, and whether it left nothing.
    package func terminate(_ ended: @escaping @LoopActor (_ isClean: Bool) -> Void) {
        guard let process, let service, isAlive, !isStopping else { return }
        isStopping = true
        let number = startCount
        simulation.note("daemon", "SIGTERM", "process \(number)")
        process.run {
            spawn {
                let isClean = await service.stop()
                // The rest is the world's: the process ends, and its connections with it.
                self.simulation.after(.zero) {
                    if process.isDead { return }
                    self.simulation.note(
                        "daemon",
                        "ended",
                        "process \(number), \(isClean ? "clean" : "not clean")"
                    )
                    process.kill()
                    self.network.processDied()
                    ended(isClean)
                }
            }
        }
    }

    private func calls() -> ServiceCalls {
        guard let keyID = try? KeyIdentity.token("simulated") else { preconditionFailure("a legal token") }
        let exchange = SignedExchange(
            client: HTTPClient(connector: network),
            endpoints: Endpoints.region(.resolve(settings.region)),
            userAgent: "scaler-oci-hpc"
        )
        return ServiceCalls(
            exchange: exchange,
            credentials: FixedCredentials(SigningIdentity(keyID: keyID, key: key), tenancyID: nil),
            requestsPerSecondMax: settings.maxRequestsPerSecond
        ) { _ in }
    }

    private func logger() -> Logger {
        let number = startCount
        let record = simulation.record
        var logger = Logger(label: "daemon") { _ in SimulatedLog(record: record, process: number) }
        // Lines that nobody sees are not even put together.
        logger.logLevel = record.show == nil ? .critical : .debug
        return logger
    }
}
