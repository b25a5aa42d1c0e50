// SPDX-License-Identifier: Apache-2.0

internal import Configuration
package import EventLoop
internal import SchedulerMessages
package import Transport

/// One run of a profile from a seed: builds the world, lets it live, and judges its end.
@LoopActor
package final class SimulatedRun {
    /// How long after the last fault everything must have ended: the longest time-out of the daemon and a margin.
    private static let progressTimeout: Duration = .seconds(6 * 3600)
    /// How long the daemon has to clean up when all tasks have ended.
    private static let restTimeout: Duration = .seconds(2 * 3600)

    /// After so long an idle daemon has closed its idle connections.
    private static let settlingTime: Duration = .seconds(600)
    /// An idle daemon waits for the next heartbeats, the next looks of its loops, and for nothing else.
    private static let idleTimersMax = 8

    private let simulation: Simulation
    private let profile: Profile
    private let book: TaskBook
    private let cloud: SimulatedCloud
    private let scheduler: SimulatedScheduler
    private let clients: SimulatedClients
    private let manager: SimulatedDaemon
    private var operator_: Operator?
    /// Opens when the run is over.
    private let isOver = Latch()

    /// The world of a run, in which nothing has happened yet.
    package init(_ simulation: Simulation, _ profile: Profile, key: RSAKey) {
        self.simulation = simulation
        self.profile = profile
        let network = SimulatedNetwork(simulation, delay: profile.delay)
        let settings = Self.settings(profile)
        book = TaskBook(simulation)
        cloud = SimulatedCloud(simulation, network: network, book: book, settings: Self.cloud(settings))
        let draw = mix(simulation.seed)
        scheduler = SimulatedScheduler(
            simulation,
            network: network,
            book: book,
            settings: SchedulerSettings(
                address: "scheduler:6378",
                storageAddress: "storage:6379",
                generation: draw & 1 == 0 ? .first : .second,
                transport: draw & 6 == 0 ? .zmq : .ymq,
                heartbeatInterval: settings.heartbeatInterval
            )
        )
        clients = SimulatedClients(simulation, scheduler: scheduler, book: book, workload: profile.workload)
        manager = SimulatedDaemon(
            simulation,
            network: network,
            machine: SimulatedMachine(),
            settings: settings,
            key: key
        )
    }

    /// Lives through the run; returns when everything ended as it should.
    package func run() async {
        scheduler.start()
        let operator_ = Operator(simulation, manager, interval: profile.misfortuneInterval) { [self] in
            book.daemonStops()
        } stopped: { [self] isClean in
            if isClean { cloud.compute.judgeCleanStop() }
        } started: { [self] in
            cloud.processStarted()
            scheduler.daemonStarted()
        } died: { [self] in
            scheduler.daemonDied()
            book.daemonDied()
        }
        self.operator_ = operator_
        operator_.begin()
        clients.start()
        await wait(atMost: .seconds(30 * 86_400), "the tasks are not all submitted") {
            self.clients.hasSubmittedAll
        }
        simulation.note("run", "faults end")
        simulation.faults.areOver = true
        await wait(atMost: Self.progressTimeout, "\(book.openCount) tasks are still waited for") {
            self.clients.isDone && self.book.openCount == 0
        }
        simulation.note("run", "tasks ended")
        await wait(atMost: Self.restTimeout, "something is left in the cloud") { self.cloud.isAtRest }
        try? await sleep(for: Self.settlingTime)
        await wait(atMost: .seconds(1200), "the daemon is not up again") { self.manager.isAlive }
        cloud.judgeAtRest()
        simulation.judge(
            "rest",
            manager.armedTimerCount <= Self.idleTimersMax,
            "\(manager.armedTimerCount) timers are armed while there is nothing to do"
        )
        await stop()
        simulation.note("run", "over")
    }

    /// What was done, in a few words.
    package var summary: String { "\(clients.submittedCount) tasks, \(book.answeredCount) replies" }

    private func stop() async {
        await wait(atMost: .seconds(1200), "the daemon is not up again") {
            self.manager.isAlive && !self.manager.isStopping
        }
        var isClean: Bool?
        manager.terminate { isClean = $0 }
        await wait(atMost: .seconds(60), "the daemon does not stop") { isClean != nil }
        simulation.judge("stop", isClean == true, "an idle daemon did not stop clean")
    }

    /// Looks each second whether a condition holds; one that does not hold in time is a violation.
    private func wait(
        atMost limit: Duration,
        _ text: @autoclosure () -> String,
        until condition: @LoopActor () -> Bool
    ) async {
        let deadline = Deadline.after(limit)
        while !condition() {
            simulation.judge("progress", !deadline.isPast, text())
            try? await sleep(for: .seconds(1))
        }
    }

    private static func settings(_ profile: Profile) -> Settings {
        var settings = Settings(schedulerAddress: .tcp(host: "scheduler", port: 6378))
        settings.workerManagerID = "manager"
        settings.ownerID = "simulated"
        settings.baseConcurrency = profile.baseConcurrency
        settings.jobTimeout = profile.jobTimeout
        settings.deathTimeout = profile.deathTimeout
        settings.containerImage = "image"
        settings.region = SimulatedCloud.region
        let place = cloud(settings)
        settings.compartmentID = place.compartmentID
        settings.availabilityDomains = place.availabilityDomains
        settings.subnetIDs = place.subnetIDs
        settings.objectStorageNamespace = place.namespace
        settings.objectStorageBucket = place.bucket
        return settings
    }

    private static func cloud(_ settings: Settings) -> CloudSettings {
        CloudSettings(
            ownerID: "simulated",
            objectPrefix: "\(settings.objectStoragePrefix)/simulated",
            baseConcurrency: settings.baseConcurrency,
            requestsPerSecond: settings.maxRequestsPerSecond
        )
    }
}
