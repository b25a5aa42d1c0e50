// SPDX-License-Identifier: Apache-2.0

internal import Configuration
package import EventLoop
internal import SchedulerMessages
package import Transport

/// One run of a profile from a seed: builds the world, lets it live, and judges its end.
@LoopActor
package final class SimulatedRun {
    /// How long nothing may happen, beyond the longest run of a task: a create that times out, and a margin.
    private static let progressMargin: Duration = .seconds(900 + 900)
    /// How long the daemon has to clean up when all tasks have ended.
    package nonisolated static let restTimeout: Duration = .seconds(2 * 3600)

    /// After so long an idle daemon has closed its idle connections.
    static let settlingTime: Duration = .seconds(600)
    /// An idle daemon waits for the next heartbeats, the next looks of its loops, and for nothing else.
    static let idleTimersMax = 8

    let simulation: Simulation
    let profile: Profile
    let book: TaskBook
    let cloud: SimulatedCloud
    let scheduler: SimulatedScheduler
    let clients: SimulatedClients
    let manager: SimulatedDaemon
    /// When the present process of the daemon began to work.
    var worksSince = Deadline.now
    /// Whether every task of the workload has ended.
    private(set) var hasEnded = false
    private var hostOperator: Operator?
    let network: SimulatedNetwork
    private let outages: Outages
    private let machine: SimulatedMachine
    private let weather: Weather
    /// Opens when the run is over.
    private let isOver = Latch()

    /// The world of a run, in which nothing has happened yet.
    package init(_ simulation: Simulation, _ profile: Profile, key: RSAKey) {
        self.simulation = simulation
        self.profile = profile
        let network = SimulatedNetwork(simulation, delay: profile.delay, instant: profile.instant)
        self.network = network
        let settings = Self.settings(profile)
        book = TaskBook(simulation)
        var place = Self.cloud(settings)
        place.staleMax = profile.staleMax
        // Short pages stand for a compartment with many records.
        let pageSizes = [1000, 1000, 100, 10]
        place.pageSize = pageSizes[Int(stableHash("pages".utf8, from: simulation.seed) % 4)]
        profile.cloud(&place)
        cloud = SimulatedCloud(simulation, network: network, book: book, settings: place)
        scheduler = SimulatedScheduler(
            simulation,
            network: network,
            book: book,
            settings: Self.scheduler(profile, mix(simulation.seed))
        )
        clients = SimulatedClients(simulation, scheduler: scheduler, book: book, workload: profile.workload)
        outages = Outages(simulation, network, cloud, scheduler)
        weather = Weather(simulation)
        machine = SimulatedMachine(simulation)
        manager = SimulatedDaemon(
            simulation,
            network: network,
            machine: machine,
            settings: settings,
            key: key
        )
    }

    /// Lives through the run; returns when everything ended as it should.
    package func run() async {
        begin()
        await wait(atMost: .seconds(30 * 86_400), "the tasks are not all submitted") {
            self.clients.hasSubmittedAll
        }
        simulation.note("run", "faults end")
        simulation.faults.areOver = true
        await progress { self.clients.isDone && self.book.openCount == 0 }
        simulation.note("run", "tasks ended")
        hasEnded = true
        await becomeIdle(within: profile.restTimeout)
        await liveWithout(DeadParty.drawn(simulation.seed))
        await restForAnHour()
        await stop()
        simulation.note("run", "over")
    }

    /// Sets everything in motion.
    func begin() {
        scheduler.start()
        let hostOperator = Operator(simulation, manager, interval: profile.misfortuneInterval) { [self] in
            book.daemonStops()
            scheduler.daemonStops()
        } stopped: { [self] isClean in
            if isClean { cloud.compute.judgeCleanStop() }
        } silences: { [self] in
            outages.silenceScheduler(for: $0)
        } works: { [self] in
            worksSince = .now
            cloud.processStarted()
            scheduler.daemonStarted()
        } died: { [self] in
            scheduler.daemonDied()
            book.daemonDied()
        }
        self.hostOperator = hostOperator
        // Where bytes take long, requests arrive unevenly.
        if profile.delay.upperBound > 0.1 { simulation.holdRequests(for: .seconds(100 * 86_400)) }
        lookAtMemory()
        lookAtPace()
        lookAtTwins()
        // Where a call may take half a minute, an answer that is on its way may be overtaken by its task's result.
        if profile.isPaceJudged, isEachCallSure {
            book.resultShown = { [unowned self] number in
                cloud.bucket.shownTime(ofResult: scheduler.names.name(of: number).hexadecimal)
            }
        }
        book.mayHaveGivenUp = { [unowned self] in mayHaveGivenUp($0, before: $1) }
        cloud.bucket.onRemoved = { [unowned self] name in resultRemoved(name) }
        cloud.compute.deletionAccepted = { [unowned self] instance, isRunning in
            isRunning ? runningInstanceDeleted(instance) : instanceDeleted(instance)
        }
        hostOperator.begin()
        outages.begin()
        machine.disk.begin()
        if profile.hasWeather { weather.begin() }
        clients.start()
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

    /// The longest that a container may run.
    var longestRun: Duration {
        if profile.rates[.containerHangs, default: 0] > 0 { return profile.jobTimeout }
        return .milliseconds(profile.workload.milliseconds.upperBound)
    }

    /// Waits until a condition holds; that nothing happens for longer than a task and the longest time-out may take is a
    /// violation.
    func progress(until condition: @LoopActor () -> Bool) async {
        var (seen, last) = (book.progress, Deadline.now)
        while !condition() {
            if book.progress != seen { (seen, last) = (book.progress, .now) }
            simulation.judge(
                "progress",
                Deadline.now.duration(since: last) < longestRun + Self.progressMargin,
                "\(book.openCount) tasks are still waited for, and nothing happens"
            )
            try? await sleep(for: .seconds(1))
        }
    }

    /// Looks each second whether a condition holds; one that does not hold in time is a violation.
    func wait(
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
        settings.heartbeatInterval = profile.heartbeatInterval
        settings.maxRequestsPerSecond = profile.requestsPerSecond
        settings.taskQueueSize = profile.taskQueueSize
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

    /// Its kind is drawn from the seed.
    private static func scheduler(_ profile: Profile, _ draw: UInt64) -> SchedulerSettings {
        var settings = SchedulerSettings(
            address: "scheduler:6378",
            storageAddress: "storage:6379",
            generation: draw & 1 == 0 ? .first : .second,
            transport: draw & 6 == 0 ? .zmq : .ymq,
            heartbeatInterval: profile.heartbeatInterval,
            messageTime: profile.delay.upperBound > 0.1 ? .seconds(profile.delay.upperBound) : .zero
        )
        settings.workerTimeout = profile.workerTimeout
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
