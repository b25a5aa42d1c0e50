// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import EventLoop
internal import SchedulerMessages

// What the daemon deletes, and what it leaves beside what it needs: each needs a reason.

extension SimulatedRun {
    /// A result of an earlier process may be deleted, and its task run again, when the scheduler answers and has not sent the
    /// task for the grace time: it may hold it back, for the queues of its workers are full, or take the worker that held it
    /// for alive until its own time-out (60 s by default; scaler-wire, 0.5), where the grace time is shorter.
    func resultRemoved(_ name: String) {
        let hex = name.split(separator: "/").last?.prefix { $0 != "." } ?? ""
        guard cloud.bucket.resultName(of: String(hex)) == name, let bytes = Hexadecimal.decode(String(hex)),
            let number = scheduler.names.number(of: TaskID(bytes)),
            scheduler.silenceOfHolder(of: number).map({ $0 >= profile.deathTimeout }) ?? true,
            let answersSince = scheduler.answersSince, answersSince >= worksSince,
            Deadline.now.duration(since: answersSince) >= profile.deathTimeout
        else { return }
        book.runLost(number)
    }

    /// Whether a process may have given up what an earlier one had left of a task before it made this instance of it.
    ///
    /// The scheduler had answered it for the grace time by then, and it has made no other. Nobody sees that the result is
    /// given up while its deletion is not carried out.
    func mayHaveGivenUp(_ number: UInt64, before id: String) -> Bool {
        let instances = cloud.compute.instances.filter { $0.job == number }
        guard let made = instances.first(where: { $0.id == id }),
            let answersSince = scheduler.answersSince, answersSince >= worksSince,
            made.madeAt.duration(since: answersSince) >= profile.deathTimeout
        else { return false }
        return !instances.contains { $0 !== made && $0.process == made.process }
    }

    /// A deletion was accepted.
    ///
    /// A task that runs and whose worker is lost is given up after the grace time, whether the scheduler answers or not, and
    /// runs again when it is sent again. The scheduler notices later that the worker is lost. What an earlier process
    /// has left is given up only while the scheduler answers, and where its result is stored, the instance is deleted without
    /// a loss: that is judged when the result is removed.
    ///
    /// An instance that ended without a result is what tells that its task has had its run; it is kept for 30 seconds after
    /// the answer, which needs a worker that gives it.
    func instanceDeleted(_ instance: SimulatedInstance) {
        if let number = instance.launch?.job.number, let failedAt = instance.failedAt,
            Deadline.now.duration(since: failedAt) >= .seconds(30), scheduler.hadWorker(since: failedAt)
        {
            return book.runLost(number)
        }
        guard let number = instance.launch?.job.number, let time = scheduler.waitingTime(of: number),
            time >= profile.deathTimeout / 2,
            instance.process == cloud.compute.process || !hasResult(number)
        else { return }
        book.runLost(number)
    }

    private func hasResult(_ number: UInt64) -> Bool {
        let task = scheduler.names.name(of: number).hexadecimal
        return cloud.bucket.resultName(of: task).flatMap { cloud.bucket[$0] } != nil
    }

    /// A deletion was accepted of an instance that runs its task, which is a waste if the daemon knows that the task is
    /// wanted: a worker of it holds the task and has had the time to read that.
    ///
    /// Of two instances of a task the daemon keeps one, and cannot know which was first, unless a listing has shown the one
    /// before it asked for the other.
    func runningInstanceDeleted(_ instance: SimulatedInstance) {
        // One that was asked for earlier, and refused or lost, may have had its reason then.
        guard let number = instance.launch?.job.number, instance.deletionCount == 1,
            book.isWantedAndSound(number),
            manager.isAlive, !manager.isStopping,
            scheduler.isSurelyHeld(number, for: .seconds(isEachCallSure ? 10 : 90))
        else { return }
        if let other = cloud.compute.living.last(where: { $0.job == number }) {
            let isFirst = isEachCallSure && cloud.compute.hasShown(instance, before: other, by: .seconds(5))
            return simulation.judge(
                "waste",
                !isFirst,
                "\(other.id) is made although a listing has shown \(instance.id), which runs and is deleted for it"
            )
        }
        simulation.judge("waste", false, "\(instance.id) is deleted while it runs, and its task is wanted")
    }

    /// Whether each call to the cloud is answered at once.
    var isEachCallSure: Bool {
        let kinds: [FaultKind] = [
            .connectRefused, .connectLost, .requestLost, .answerLost, .answerCut, .slow, .throttled,
            .serverError,
            .outage, .swizzle, .accessLost, .lostAfterCreate,
            .frozen,
        ]
        return kinds.allSatisfy { profile.rates[$0, default: 0] == 0 } && profile.delay.upperBound <= 0.1
    }

    /// Looks each minute whether a task has two instances that the daemon has been shown for minutes.
    func lookAtTwins() {
        simulation.after(.seconds(60)) { [self] in
            lookAtTwins()
            let isCloudThere =
                (simulation.requestsHeldUntil + .seconds(300)).isPast
                && (simulation.accessDeniedUntil + .seconds(300)).isPast && !cloud.refusesDeletions
            guard isCloudThere, manager.isAlive, !manager.isStopping else { return }
            let twin = cloud.compute.twin(shownFor: .seconds(240))
            simulation.judge(
                "twins",
                twin == nil,
                "\(twin?.id ?? "") is the second instance of its task, and stays"
            )
        }
    }
}
