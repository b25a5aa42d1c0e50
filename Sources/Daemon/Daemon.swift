// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
package import Configuration
package import EventLoop
internal import Glibc
internal import Logging
internal import Messaging
internal import OCIServices
internal import Reporting
internal import SchedulerLink
internal import Tasks
internal import Transport

/// The process: its log, its signals, its managers, its exit code.
package enum Daemon {
    /// Runs the managers until a signal ends them; returns the exit code (sysexits(3) for failures).
    ///
    /// What each signal does is in `SignalOrder`. `companions` makes what runs beside the managers.
    package static func run(
        _ managers: [Settings],
        beside companions: (@LoopActor @Sendable () -> any Companions)? = nil
    ) -> Int32 {
        precondition(!managers.isEmpty, "the configuration yields at least one manager")
        let logFiles: LogFiles
        do throws(LogFiles.Problem) {
            logFiles = try LogFiles(for: managers[0])
        } catch {
            LineWriter.writeFatal("\(error)")
            return ExitCode.configuration
        }
        DescriptorLimit.raise()
        defer { logFiles.finish() }
        return EventLoop.run { await DaemonProcess(managers, logFiles, companions?()).run() }
    }
}

/// What runs beside the managers: begins before them, ends after them, and takes them along when it ends by itself.
@LoopActor
package protocol Companions: AnyObject, Sendable {
    /// Starts everything and returns when it can be used; an exit code if it cannot, after a line that says why.
    func start() async -> Int32?

    /// Returns when a part of it has ended by itself: the exit code that the process shall have.
    func waitForEnd() async -> Int32

    /// Stops everything that still runs.
    func stop() async
}

/// The life of the process on its loop.
@LoopActor
private final class DaemonProcess {
    private static let renewalTimeout: Duration = .seconds(60)

    private let managers: [Settings]
    private let logFiles: LogFiles
    private let log: Logger
    private let stopping = Latch()
    private var requests = StopRequests()
    private var services: [ManagerService] = []
    /// What calls OCI for each manager, those that are still starting among them.
    private var clouds: [(calls: ServiceCalls, log: Logger)] = []
    private var statusServer: Spawned<Void>?
    /// Nil where no status is served.
    private var history: StatusHistory?
    private let startedAt = Deadline.now
    private var starts: [Spawned<Int32?>] = []
    private let host = SystemHost()
    private let startTime = Int(LoopClock.epochSeconds)
    private let budgets: HostBudgets
    private lazy var sampleUsage = host.usageSampler()
    private let companions: (any Companions)?
    /// Set when a companion ended by itself.
    private var companionsExitCode: Int32?
    /// Managers that end with their schedulers, which are gone.
    private var endedCount = 0
    private var reporter: ServiceReporter?

    init(_ managers: [Settings], _ logFiles: LogFiles, _ companions: (any Companions)?) {
        self.managers = managers
        self.logFiles = logFiles
        log = logFiles.logger
        self.companions = companions
        // Shared by the managers: the host is one.
        let memoryBytesMax = managers.map { ($0.memoryLimitMB << 20) - $0.functionCacheBytes }.max() ?? 0
        budgets = HostBudgets(
            memoryBytesMax: memoryBytesMax,
            diskBytesMax: (managers.map(\.spoolLimitMB).max() ?? 0) << 20
        )
    }

    func run() async -> Int32 {
        // First of all: from here on a signal leaves nothing behind that was started.
        let signals = Signals(SignalOrder.signals)
        Signals.ignore(Signals.withoutOrder)
        reporter = ServiceReporter(
            environment: environmentVariables(),
            processID: host.processID,
            log: log
        ) { [unowned self] in serviceState(services.map(\.metrics)) }
        let reports = reporter.map { reporter in spawn { await reporter.run() } }
        spawn { await self.obey(signals) }
        let failure = await begin()
        if failure == nil { _ = try? await stopping.wait() }
        stopping.open()
        reporter?.tell()
        let stops = services.map { service in spawn { await service.stop() } }
        var isClean = true
        for stop in stops where await !stop.value { isClean = false }
        await companions?.stop()
        statusServer?.cancel()
        await statusServer?.value
        reports?.cancel()
        await reports?.value
        let longestTurn = EventLoop.longestTurn / .milliseconds(1)
        log.info("ended", metadata: ["longest_turn_ms": "\(Int64(longestTurn.rounded(.up)))"])
        return failure ?? companionsExitCode ?? (isClean ? ExitCode.success : ExitCode.incomplete)
    }

    /// Starts everything; returns the exit code of the first that cannot work until a person mends something.
    private func begin() async -> Int32? {
        let companionsStart = spawn { await self.startCompanions() }
        starts = [companionsStart]
        if let failure = await companionsStart.value { return failure }
        if let failure = await serveStatus() { return failure }
        if stopping.isOpen { return nil }
        // Side by side: a region that is out of reach must not keep the others waiting.
        let outcomes = Mailbox<Int32?>()
        starts = managers.map { settings in
            spawn {
                let failure = await self.start(settings)
                outcomes.send(failure)
                return failure
            }
        }
        for _ in managers {
            guard let failure = (try? await outcomes.receive()) ?? nil else { continue }
            for start in starts { start.cancel() }
            return failure
        }
        return nil
    }

    /// Starts what runs beside the managers and watches it; the exit code if that fails.
    private func startCompanions() async -> Int32? {
        guard let companions else { return nil }
        if let failure = await companions.start() { return failure }
        spawn {
            self.companionsExitCode = await companions.waitForEnd()
            self.stopping.open()
        }
        return nil
    }

    /// Says what of the settings may be meant otherwise, or leaves something open.
    private func tellOddities(of settings: Settings, _ log: Logger) {
        for key in settings.unknownKeys { log.warning("\(key.description)") }
        for size in settings.offeredSizes {
            log.info(
                "a capability sets the size of every instance",
                metadata: [
                    "capability": "\(size.capability)", "setting": "\(size.setting)",
                    "origin": "\(size.origin)",
                ]
            )
        }
        for setting in settings.ignored {
            log.info(
                "a setting has no effect here",
                metadata: [
                    "setting": "\(setting.name)", "origin": "\(setting.origin)", "why": "\(setting.reason)",
                ]
            )
        }
        if let warning = settings.warningOfTrust { log.warning("\(warning)") }
        if let warning = settings.nameSecretFile.flatMap(warningOfOpenness) { log.warning("\(warning)") }
    }

    private func start(_ settings: Settings) async -> Int32? {
        var log = log
        log[metadataKey: "manager"] = "\(settings.workerManagerID)"
        log.info(
            "starting; looking at OCI first",
            metadata: [
                "scheduler": "\(settings.schedulerAddress.description)",
                "compartment": "\(settings.compartmentID)",
                "auth_type": "\(settings.authType.rawValue)",
            ]
        )
        tellOddities(of: settings, log)
        guard let nameKey = nameKey(settings) else { return ExitCode.configuration }
        let network: SocketNetwork
        do throws(TransportError) {
            network = try SocketNetwork(settings)
        } catch {
            logFiles.writeFatal("--scheduler-ca \(printable(settings.schedulerCA ?? "")): \(error)")
            return ExitCode.configuration
        }
        do throws(OCIError) {
            let reports = CallReports(log)
            let access = try await OCIAccess.access(for: settings, reports, log: log)
            clouds.append((access.calls, log))
            let domains = try await reports.untilReachable { () async throws(OCIError) in
                try await self.fullNames(settings, access.calls, log)
            }
            var settings = settings
            settings.availabilityDomains = domains
            let service = ManagerService(
                settings: settings,
                calls: access.calls,
                nameKey: nameKey,
                host: host,
                network: network,
                budgets: budgets,
                log: log
            )
            if let (obstacle, exitCode) = try await service.prepare(reports) {
                logFiles.writeFatal(obstacle)
                return exitCode
            }
            services.append(service)
            reports.started()
            service.start()
            lookAround(for: settings, access, log)
            if history != nil { spawn { await self.keepHistory(of: service) } }
            if settings.exitsWithScheduler { spawn { await self.endWithScheduler(of: service, log) } }
            return nil
        } catch .cancelled {
            return nil
        } catch {
            logFiles.writeFatal("\(error)")
            return error.exitCode
        }
    }

    private func lookAround(for settings: Settings, _ access: CloudAccess, _ log: Logger) {
        let look = StartLook(
            settings: settings,
            calls: access.calls,
            region: access.region,
            tenancyID: access.tenancyID,
            log: log
        )
        spawn { await look.run() }
    }

    /// The key for the names of a manager's objects; nil, and said why, where this host has no identity to go by.
    private func nameKey(_ settings: Settings) -> NameKey? {
        if let obstacle = Owner.obstacle(override: settings.ownerID) {
            logFiles.writeFatal(obstacle)
            return nil
        }
        do throws(NameKeyError) {
            return try NameKey(settings)
        } catch {
            logFiles.writeFatal("\(error)")
            return nil
        }
    }

    /// Stops the process once the schedulers of all managers are gone, which all must wish.
    private func endWithScheduler(of service: ManagerService, _ log: Logger) async {
        guard (try? await service.schedulerLost.wait()) != nil else { return }
        log.notice("the scheduler is gone; ending with it")
        endedCount += 1
        if endedCount == managers.count { stopping.open() }
    }

    /// The availability domains under the names that the service takes: `AD-1` is short for one of the tenancy's.
    private func fullNames(
        _ settings: Settings,
        _ calls: ServiceCalls,
        _ log: Logger
    ) async throws(OCIError) -> [String] {
        let domains = AvailabilityDomains(calls: calls, compartmentID: settings.compartmentID)
        var names: [String] = []
        for name in settings.availabilityDomains {
            let full = try await domains.resolve(name, deadline: .after(.seconds(60)))
            if full != name {
                log.info("availability domain", metadata: ["given": "\(name)", "meant": "\(full)"])
            }
            names.append(full)
        }
        return names
    }

    /// Begins to serve the status pages where the settings ask for them; the exit code if that fails.
    private func serveStatus() async -> Int32? {
        guard let address = managers.lazy.compactMap(\.statusAddress).first else { return nil }
        do throws(TransportError) {
            let server = try await StatusServer(at: address, log: log) { [weak self] in
                self?.page(at: $0, accept: $1)
            }
            statusServer = spawn { await server.run() }
            history = StatusHistory()
            return nil
        } catch {
            logFiles.writeFatal(
                "cannot serve status at \(address.description): \(error); choose another --status-address"
            )
            return ExitCode.configuration
        }
    }

    /// Samples all managers in the turns in which one looks after its workers, so that no turn is there for samples alone.
    private func keepHistory(of service: ManagerService) async {
        while (try? await service.looked.wait()) != nil {
            let time = Deadline.now.duration(since: startedAt)
            if history?.isDue(at: time) ?? false { history?.add(services.map(\.metrics), at: time) }
        }
    }

    private func serviceState(_ metrics: [Metrics]) -> ServiceNotices.State {
        let wasReady = services.count == managers.count && services.allSatisfy(\.hasRegistered)
        let status = ServiceStatus.words(
            metrics,
            startingCount: managers.count - metrics.count,
            isStopping: stopping.isOpen
        )
        return ServiceNotices.State(
            phase: stopping.isOpen ? .stopping : wasReady ? .working : .starting,
            status: status
        )
    }

    private func page(at path: String, accept: String) -> StatusPage? {
        switch path {
        case "/": return LivePage.page
        case "/livez": return StatusPage(status: 200, text: "ok\n")
        case "/readyz":
            let checks = checks(services.map(\.metrics))
            let isReady = checks.allSatisfy { $0.isGood || !$0.isRequired }
            return StatusPage(status: isReady ? 200 : 503, text: checks.map(\.line).joined())
        case "/status.json":
            let statuses = services.map(\.status)
            let metrics = statuses.map(\.metrics)
            let state = serviceState(metrics)
            let document = StatusDocument(
                host: hostMetrics,
                now: Int(LoopClock.epochSeconds),
                phase: state.phase,
                status: state.status,
                managers: statuses,
                checks: checks(metrics)
            )
            return StatusPage(status: 200, text: document.text, contentType: "application/json")
        case "/history.json":
            let time = Deadline.now.duration(since: startedAt)
            guard let text = history?.text(at: time, Int(LoopClock.epochSeconds)) else { return nil }
            return StatusPage(status: 200, text: text, contentType: "application/json")
        case "/metrics":
            let format = MetricsFormat(accept: accept)
            let metrics = services.map(\.metrics)
            let families = Metrics.families(metrics, starting: starting(beside: metrics), hostMetrics)
            return StatusPage(status: 200, text: format.page(families), contentType: format.contentType)
        default: return nil
        }
    }

    private func checks(_ metrics: [Metrics]) -> [StatusCheck] {
        StatusCheck.all(metrics, starting: starting(beside: metrics), recentTurn: EventLoop.recentLongestTurn)
    }

    /// The managers that still wait for OCI.
    private func starting(beside metrics: [Metrics]) -> [String] {
        let started = Set(metrics.map(\.managerID))
        return managers.map(\.workerManagerID).filter { !started.contains($0) }
    }

    private var hostMetrics: HostMetrics {
        HostMetrics(
            usage: sampleUsage(),
            inputs: (budgets.inputs.used, budgets.inputs.limit),
            results: (budgets.results.used, budgets.results.limit),
            openDescriptorCount: DescriptorLimit.openCount,
            descriptorCountMax: DescriptorLimit.current,
            recentTurn: EventLoop.recentLongestTurn,
            startTime: startTime
        )
    }

    private func obey(_ signals: Signals) async {
        let hasTerminal = ProcessIdentity.hasControllingTerminal
        while let number = try? await signals.next() {
            switch SignalOrder(number, hasTerminal: hasTerminal) {
            case .stop: stop(number, requests.received(at: .now))
            case .reportTasksAndStop: stop(number, requests.received(at: .now, wantsReport: true))
            case .reportTasks: spawn { await self.reportTasks() }
            // Apart from here: it may have to ask a service, and the next signal must not wait for that.
            case .reload:
                spawn {
                    guard let reporter = self.reporter else { return await self.reload() }
                    await reporter.reload { await self.reload() }
                }
            case nil: break
            }
        }
    }

    private func stop(_ number: Int32, _ meaning: StopRequests.Meaning) {
        switch meaning {
        case .first:
            log.info("signal received; leaving", metadata: ["signal": "\(number)"])
            for start in starts { start.cancel() }
            stopping.open()
        case .copy: log.debug("the same signal again; leaving already", metadata: ["signal": "\(number)"])
        case .second:
            log.warning("second signal; leaving at once", metadata: ["signal": "\(number)"])
            logFiles.finish()
            exit(ExitCode.signal(number))
        case .report:
            spawn {
                // Stopping changes the states: they are written down before it begins.
                await self.reportTasks()
                self.stop(number, self.requests.reportEnded(at: .now))
            }
        }
    }

    private func reportTasks() async { for service in services { await service.reportTasks() } }

    /// Reads what can be read again without a new start: where the log goes, and the credentials.
    private func reload() async {
        let problems = logFiles.reopen()
        for problem in problems { log.warning("\(problem)") }
        if problems.isEmpty { log.info("log files opened anew") }
        for (calls, log) in clouds { await reloadCredentials(of: calls, log) }
    }

    private func reloadCredentials(of calls: ServiceCalls, _ log: Logger) async {
        do throws(OCIError) {
            try await calls.renewCredentials(deadline: .after(Self.renewalTimeout))
            log.info("credentials read again")
        } catch {
            log.warning(
                "cannot read the credentials again; going on with the old ones",
                metadata: ["error": "\(error)"]
            )
        }
    }
}
