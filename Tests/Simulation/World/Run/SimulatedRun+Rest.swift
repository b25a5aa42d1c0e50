// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Who stays dead for hours at the end of a run, while whatever does not need it must go on.
enum DeadParty: UInt64, CaseIterable {
    case nobody
    /// Scaler's object storage is out of reach: cancels must still be answered and carried out.
    case scalerStorage
    /// Object Storage answers 503: the same.
    case storage
    /// Instances cannot be deleted: as many tasks as there are slots must still end.
    case deletions
    /// The scheduler is out of reach: what it had running must be gone from the cloud when its grace is over, but for
    /// results that it may still ask for.
    case scheduler

    /// Drawn evenly from a seed.
    static func drawn(_ seed: UInt64) -> DeadParty {
        DeadParty(rawValue: mix(seed ^ 0xDEAD) % UInt64(allCases.count)) ?? .nobody
    }
}

extension SimulatedRun {
    // MARK: - One party stays dead

    func liveWithout(_ party: DeadParty) async {
        simulation.note("run", "without", "\(party)")
        let count = min(8, profile.baseConcurrency)
        switch party {
        case .nobody: return
        case .scalerStorage:
            let address = scheduler.settings.storageAddress
            network.cutOff(address, for: .seconds(86_400), isSilent: false)
            scheduler.storage.breakConnections()
            await submitAndCancel(count)
            network.restore(address)
        case .storage:
            cloud.brokenServices.insert(.storage)
            await submitAndCancel(count)
            cloud.brokenServices.remove(.storage)
        case .deletions:
            cloud.refusesDeletions = true
            clients.submitMore(count)
            await progress { self.clients.isDone && self.book.openCount == 0 }
            cloud.refusesDeletions = false
        case .scheduler: await cutSchedulerOff(count)
        }
        await becomeIdle()
    }

    private func submitAndCancel(_ count: Int) async {
        clients.submitMore(count)
        try? await sleep(for: .seconds(90))
        clients.cancelAll()
        await wait(atMost: .seconds(300), "cancels are not carried out") { self.clients.isDone }
        await wait(atMost: .seconds(1800), "instances of cancelled tasks are left") {
            self.cloud.compute.living.isEmpty
        }
        try? await sleep(for: .seconds(3600))
    }

    private func cutSchedulerOff(_ count: Int) async {
        clients.submitMore(count)
        try? await sleep(for: .seconds(20))
        let address = scheduler.settings.address
        network.cutOff(address, for: .seconds(86_400), isSilent: false)
        simulation.excuse(for: .seconds(86_400))
        scheduler.breakConnections()
        let limit = longestRun + profile.deathTimeout * 2 + .seconds(1800)
        await wait(atMost: limit, "without a scheduler instances are left") {
            self.cloud.compute.living.isEmpty
        }
        // The workers are given up after the death timeout, and then nobody but the manager asks for the scheduler; each session
        // of it anew, soon after its begin.
        try? await sleep(for: profile.deathTimeout + .seconds(60))
        let count = network.refusalCount(of: address)
        try? await sleep(for: .seconds(600))
        let attempts = network.refusalCount(of: address) - count
        simulation.judge(
            "silence",
            attempts <= 360 || profile.deathTimeout < .seconds(300),
            "a scheduler that is away is asked for \(attempts) times in ten minutes"
        )
        network.restore(address)
        simulation.endExcuse(after: .seconds(120))
        await progress { self.clients.isDone && self.book.openCount == 0 }
    }

    // MARK: - Rest

    /// Waits until nothing is left in the cloud and the daemon is idle.
    func becomeIdle(within limit: Duration = SimulatedRun.restTimeout) async {
        await wait(atMost: limit, "something is left in the cloud") { self.cloud.isAtRest }
        try? await sleep(for: Self.settlingTime)
        await wait(atMost: .seconds(1200), "the daemon is not up again") { self.manager.isAlive }
        cloud.judgeAtRest()
        judgeIdle()
    }

    private func judgeIdle() {
        simulation.judge(
            "rest",
            manager.armedTimerCount <= Self.idleTimersMax,
            "\(manager.armedTimerCount) timers are armed while there is nothing to do"
        )
        guard let holdings = manager.holdings else { return }
        simulation.judge(
            "rest",
            holdings.taskCount == 0 && holdings.recordCount == 0 && holdings.spoolCount == 0
                && holdings.slotCount == 0,
            "an idle daemon holds \(holdings)"
        )
    }

    /// An idle daemon calls for the listings that show what others left, now and then, and for nothing else.
    func restForAnHour() async {
        var listingCount = 0
        cloud.onRequest = { [simulation] request in
            listingCount += 1
            let isListing =
                request.method == "GET"
                && (request.path.hasSuffix("/containerInstances") || request.path.hasSuffix("/o"))
            simulation.judge("rest", isListing, "an idle daemon calls \(request.method) \(request.path)")
        }
        try? await sleep(for: .seconds(3600))
        cloud.onRequest = nil
        simulation.note("run", "rested", "\(listingCount) listings in an hour")
        simulation.judge(
            "rest",
            listingCount <= 60,
            "an idle daemon lists the cloud \(listingCount) times in an hour"
        )
        judgeIdle()
    }

    // MARK: - Pace

    /// Looks each half minute whether a task waits for nothing, where nothing goes wrong that takes time.
    func lookAtPace(lateBefore: UInt64? = nil) {
        guard profile.isPaceJudged, isEachCallSure else { return }
        simulation.after(.seconds(30)) { [self] in
            if hasEnded { return }
            let isRoom = cloud.compute.living.count < profile.baseConcurrency / 2
            let late = isRoom ? book.firstWaiting(longerThan: .seconds(150)) : nil
            simulation.judge(
                "pace",
                late == nil || late != lateBefore,
                "task \(late ?? 0) has waited for minutes, and most slots are free"
            )
            let unanswered = book.firstUnanswered(longerThan: .seconds(60))
            simulation.judge(
                "pace",
                unanswered == nil,
                "task \(unanswered ?? 0) has had its result for a minute, and no reply"
            )
            lookAtPace(lateBefore: late)
        }
    }

    // MARK: - Memory

    /// Looks each minute how much the daemon holds.
    func lookAtMemory() {
        simulation.after(.seconds(60)) { [self] in
            lookAtMemory()
            guard let holdings = manager.holdings else { return }
            // Tasks that nobody wants any more, and what the cloud holds of earlier processes, are still looked after.
            let tasks = book.openCount + book.unwantedCount(within: .seconds(1200))
            // Three times: what was cancelled or answered takes a while to go.
            let max = 3 * (tasks + cloud.compute.recordCount + cloud.bucket.ownNames.count) + 10
            simulation.judge(
                "memory",
                holdings.taskCount <= max && holdings.recordCount <= max,
                "the daemon holds \(holdings), and there are \(tasks) tasks and \(max) in all"
            )
        }
    }
}
