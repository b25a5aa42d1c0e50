// SPDX-License-Identifier: Apache-2.0

internal import TestSupport

/// What a run is about: how many tasks, what goes wrong and how often, how the daemon is set up.
package struct Profile: Sendable {
    /// What `--profile` calls it.
    package let name: String
    /// Faults that may strike, and how often at each chance.
    package var rates: [FaultKind: Double]
    /// What the clients submit.
    package var workload: Workload
    /// Seconds that bytes take one way.
    package var delay = 0.001..<0.02
    /// What arrives within the same span of this length arrives at once, in any order; nil delivers each at its own moment.
    package var instant: Duration?
    /// The daemon's `--base-concurrency`.
    package var baseConcurrency = 50
    /// The daemon's `--job-timeout-seconds`.
    package var jobTimeout = Duration.seconds(3600)
    /// The daemon's `--death-timeout-seconds`.
    package var deathTimeout = Duration.seconds(300)
    /// The heartbeat interval of managers and workers.
    package var heartbeatInterval = Duration.seconds(2)
    /// The daemon's `--max-requests-per-second`.
    package var requestsPerSecond = 200.0
    /// The daemon's `--per-worker-task-queue-size`.
    package var taskQueueSize = 1000
    /// After so long without a heartbeat the scheduler sends the tasks of a worker to another.
    package var workerTimeout = Duration.seconds(60)
    /// Seconds that a listing lags behind at most.
    package var staleMax = 20.0
    /// What is other than usual of the cloud.
    package var cloud: @Sendable (inout CloudSettings) -> Void = { _ in }
    /// Whether the rates rise and fall in phases.
    package var hasWeather = false
    /// How soon nothing may be left in the cloud when all tasks have ended: where nothing goes wrong that nobody can see, what
    /// is left must not wait for a time-out that heals everything.
    package var restTimeout = SimulatedRun.restTimeout
    /// Whether tasks that wait for nothing are noticed after minutes, not only when nothing happens any more.
    package var isPaceJudged = false
    /// How often an operator looks for a reason to kill, stop or restart something.
    package var misfortuneInterval = Duration.seconds(60)

    /// All profiles, in the order in which they are run.
    package static let all: [Profile] = [
        calm, storm, crash, capacity, churn, shutdown, doubt, backlog, week,
    ]

    /// The profile of a name, nil if there is none; `swarm` is drawn from `seed`.
    package static func named(_ name: String, seed: UInt64) -> Profile? {
        name == "swarm" ? swarm(seed: seed) : (all + measured).first { $0.name == name }
    }

    /// Nothing goes wrong but what users do.
    package static let calm = Profile(
        name: "calm",
        rates: [.clientCancels: 0.02, .taskRaises: 0.02, .balanceCancel: 0.01],
        workload: Workload(
            taskCount: 400,
            arrivals: .steady(perMinute: 120),
            milliseconds: 10...60_000,
            fillingByteCount: 0...4_000
        ),
        restTimeout: .seconds(180),
        isPaceJudged: true
    )

    /// The network and the services fail, in every way and often.
    package static let storm = Profile(
        name: "storm",
        rates: [
            .connectRefused: 0.03, .connectLost: 0.01, .requestLost: 0.03, .answerLost: 0.03,
            .answerCut: 0.01,
            .slow: 0.02, .linkReset: 0.002, .linkFrozen: 0.002, .throttled: 0.05, .serverError: 0.05,
            .staleListing: 0.2,
            .clientCancels: 0.05, .taskRaises: 0.02, .balanceCancel: 0.05, .storedLate: 0.05,
            .slowDeletion: 0.05, .slowStart: 0.02,
            .outage: 0.01, .swizzle: 0.02, .accessLost: 0.01,
            .fullDisk: 0.05, .slowDisk: 0.05, .descriptorShortage: 0.05,
            .deletionForbidden: 0.03, .objectStays: 0.05, .resetAgain: 0.05,
        ],
        workload: largeBursts,
        instant: .milliseconds(5),
        hasWeather: true
    )

    /// The daemon is killed again and again.
    package static let crash = Profile(
        name: "crash",
        rates: [
            .killed: 0.3, .killedAtWrite: 0.002, .killedAtRead: 0.001, .answerLost: 0.02, .requestLost: 0.02,
            .staleListing: 0.1, .clientCancels: 0.05,
            .taskRaises: 0.02, .balanceCancel: 0.02, .linkReset: 0.001, .storedLate: 0.02,
            .killedInSilence: 0.1, .resetAgain: 0.05, .frozen: 0.05, .rivalStarted: 0.1, .overloaded: 0.03,
            .staleReplay: 0.5,
        ],
        workload: bursts
    )

    /// There is less room than is asked for.
    package static let capacity = Profile(
        name: "capacity",
        rates: [
            .noCapacity: 0.4, .limitReached: 0.1, .lateNoCapacity: 0.1, .slowStart: 0.05, .answerLost: 0.02,
            .clientCancels: 0.05, .staleListing: 0.1, .outage: 0.005, .accessLost: 0.01,
            .lostAfterCreate: 0.01, .staleReplay: 0.5,
        ],
        workload: bursts,
        hasWeather: true
    )

    /// Schedulers, workers and tasks come and go.
    package static let churn = Profile(
        name: "churn",
        rates: [
            .schedulerRestarts: 0.05, .storageRestarts: 0.02, .linkReset: 0.01, .resetAgain: 0.1,
            .greetsAlone: 0.5, .outage: 0.02,
            .clientCancels: 0.2, .balanceCancel: 0.2, .taskRaises: 0.05, .containerCrashes: 0.03,
            .garbageStored: 0.02, .resultForged: 0.02,
        ],
        workload: streamedBursts
    )

    /// The daemon is stopped and started again.
    package static let shutdown = Profile(
        name: "shutdown",
        rates: [
            .terminated: 0.4, .terminatedEarly: 0.2, .clockStep: 0.05, .killed: 0.2, .answerLost: 0.02,
            .slow: 0.01,
            .serverError: 0.02,
            .clientCancels: 0.05,
            .staleListing: 0.1, .slowDeletion: 0.1, .lostAfterCreate: 0.005, .deletionForbidden: 0.1,
        ],
        workload: bursts
    )

    /// Answers are lost, and users change their minds before their tasks have run; inputs are large and output is wanted.
    package static let doubt = Profile(
        name: "doubt",
        rates: [
            .answerLost: 0.2, .requestLost: 0.1, .answerCut: 0.05, .serverError: 0.1, .throttled: 0.05,
            .staleListing: 0.3, .slowDeletion: 0.1, .clientCancels: 0.5, .balanceCancel: 0.2,
            .linkReset: 0.005, .linkFrozen: 0.002, .schedulerRestarts: 0.02, .storedLate: 0.1,
            .lostAfterCreate: 0.01, .deletionForbidden: 0.02, .objectStays: 0.2, .staleReplay: 0.5,
        ],
        workload: hesitant,
        instant: .milliseconds(20),
        baseConcurrency: 20
    )

    /// A scheduler with far more tasks than the daemon takes: what a killed process has left is not asked for in time, is
    /// deleted, and its tasks come after all.
    package static let backlog = Profile(
        name: "backlog",
        rates: [
            .killed: 0.3, .killedInSilence: 0.05, .serverError: 0.1, .objectStays: 0.7, .throttled: 0.1,
            .answerLost: 0.02,
            .outage: 0.01, .staleListing: 0.2, .clientCancels: 0.05, .balanceCancel: 0.2, .taskRaises: 0.02,
            .linkReset: 0.002, .schedulerFloods: 0.1,
        ],
        workload: Workload(
            taskCount: 400,
            arrivals: .bursts(size: 20...60, pauseSeconds: 60...240),
            milliseconds: 10...20_000,
            fillingByteCount: 0...100_000
        ),
        baseConcurrency: 6,
        deathTimeout: .seconds(15),
        taskQueueSize: 2
    )

    /// Long tasks, few of them, and a little of everything.
    package static let week = Profile(
        name: "week",
        rates: [
            .killed: 0.002, .terminated: 0.002, .schedulerRestarts: 0.001, .storageRestarts: 0.000_5,
            .answerLost: 0.005, .requestLost: 0.005, .serverError: 0.01, .throttled: 0.01, .noCapacity: 0.05,
            .containerCrashes: 0.01, .clientCancels: 0.02, .clockStep: 0.002, .staleListing: 0.05,
            .linkReset: 0.000_5, .linkFrozen: 0.000_5, .outage: 0.001, .swizzle: 0.001, .frozen: 0.001,
            .rivalStarted: 0.001,
            .overloaded: 0.001,
        ],
        workload: Workload(
            taskCount: 400,
            arrivals: .steady(perMinute: 2),
            milliseconds: 1_000...3_000_000,
            fillingByteCount: 0...40_000
        )
    )

    private static let hesitant: Workload = {
        var workload = Workload(
            taskCount: 400,
            arrivals: .bursts(size: 1...60, pauseSeconds: 1...60),
            milliseconds: 10...5_000,
            fillingByteCount: 0...200_000
        )
        // While their instances are being made.
        workload.cancelSpreadMilliseconds = 6_000
        workload.streamedShare = 0.2
        return workload
    }()

    /// Bursts of tasks some of which need spools.
    private static let largeBursts: Workload = {
        var workload = bursts
        workload.largeShare = 0.1
        return workload
    }()

    /// Bursts of tasks some of whose clients want their output.
    private static let streamedBursts: Workload = {
        var workload = bursts
        workload.streamedShare = 0.2
        return workload
    }()

    private static let bursts = Workload(
        taskCount: 400,
        arrivals: .bursts(size: 1...80, pauseSeconds: 1...120),
        milliseconds: 10...60_000,
        fillingByteCount: 0...4_000
    )

    /// A mix drawn from the seed: half of the faults do not exist, the others at rates up to those of the other profiles.
    ///
    /// Faults suppress each other and compete for room; leaving some out finds what their presence hides.
    private static func swarm(seed: UInt64) -> Profile {
        var chance = SeededRandom(seed: stableHash("swarm".utf8, from: seed))
        var profile = all[Int.random(in: all.indices, using: &chance)]
        var rates: [FaultKind: Double] = [:]
        for kind in FaultKind.allCases where Bool.random(using: &chance) {
            guard let most = all.compactMap({ $0.rates[kind] }).max() else { continue }
            rates[kind] = most * .random(in: 0.1...1, using: &chance)
        }
        profile = Profile(name: "swarm", rates: rates, workload: profile.workload)
        profile.hasWeather = Bool.random(using: &chance)
        profile.baseConcurrency = [1, 2, 10, 50, 200].randomElement(using: &chance) ?? 50
        profile.instant = Bool.random(using: &chance) ? .milliseconds(5) : nil
        profile.heartbeatInterval = .seconds([1, 2, 4].randomElement(using: &chance) ?? 2)
        profile.requestsPerSecond = [1, 5, 20, 200].randomElement(using: &chance) ?? 200
        profile.taskQueueSize = [1, 7, 1000].randomElement(using: &chance) ?? 1000
        let delays: [Range<Double>] = [0.0001..<0.001, 0.001..<0.02, 0.05..<0.5, 0.5..<2]
        profile.delay = delays.randomElement(using: &chance) ?? 0.001..<0.02
        profile.deathTimeout = .seconds([60, 300, 900].randomElement(using: &chance) ?? 300)
        return profile
    }
}

extension Profile {
    /// Changes a number of it by its name: the rate of a fault, or one of those below (times in seconds); false if it has none
    /// of that name.
    package mutating func set(_ name: String, to value: Double) -> Bool {
        if let kind = FaultKind(name: name) {
            rates[kind] = value
            return true
        }
        switch name {
        case "baseConcurrency": baseConcurrency = Int(value)
        case "burst": workload.arrivals = .bursts(size: 1...Int(value), pauseSeconds: 1...120)
        case "deathTimeout": deathTimeout = .seconds(value)
        case "delayMax": delay = delay.lowerBound..<value
        case "fillingMax": workload.fillingByteCount = 0...Int(value)
        case "instant": instant = .seconds(value)
        case "jobTimeout": jobTimeout = .seconds(value)
        case "misfortuneInterval": misfortuneInterval = .seconds(value)
        case "requestsPerSecond": requestsPerSecond = value
        case "restTimeout": restTimeout = .seconds(value)
        case "runMax": workload.milliseconds = 10...UInt64(value * 1000)
        case "staleMax": staleMax = value
        case "streamedShare": workload.streamedShare = value
        case "taskQueueSize": taskQueueSize = Int(value)
        case "workerTimeout": workerTimeout = .seconds(value)
        default: return false
        }
        return true
    }
}
