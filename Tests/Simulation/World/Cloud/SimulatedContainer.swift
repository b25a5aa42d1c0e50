// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The one run of a task in its container: from the start of the job runner to the end of its process.
@LoopActor
final class SimulatedContainer {
    private unowned let compute: SimulatedCompute
    private unowned let instance: SimulatedInstance
    private let launch: InstanceLaunchDetails
    private var hasStarted = false
    private var hasExited = false
    /// Whether the end was reported.
    private var isOver = false

    private var startedAt = Deadline.now
    /// What the task has printed so far, as its runner writes it down: a line a second, and not too many.
    var printed: String {
        guard hasStarted, launch.isOutputWanted else { return "" }
        let count = min(50, Int(Deadline.now.duration(since: startedAt) / .seconds(1)))
        return (0..<count).map { "[\"scaler-output\", \($0), 1, \"line \($0)\\n\"]\n" }.joined()
    }
    /// Whether the task runs now.
    var isRunning: Bool { hasStarted && !hasExited }

    private var simulation: Simulation { compute.simulation }
    private var number: UInt64 { launch.job.number }
    private var resultName: String { "\(launch.prefix)/results/\(launch.taskID).pkl" }

    /// The run of an instance; nil for a stranger's.
    init?(_ compute: SimulatedCompute, _ instance: SimulatedInstance) {
        guard let launch = instance.launch else { return nil }
        self.compute = compute
        self.instance = instance
        self.launch = launch
    }

    /// Starts the job runner.
    func start() {
        instance.run = self
        instance.containerState = .active
        instance.exitCode = 0
        simulation.after(compute.draw(compute.settings.containerStartTime, "container start", instance)) {
            self.load()
        }
    }

    /// The container is killed, for its instance is being deleted.
    func kill() {
        if hasExited { return }
        hasExited = true
        end(.deleted)
    }

    /// The instance is gone, and with it whatever its container had not brought away.
    func vanish() { end(.deleted) }

    // MARK: - The run

    private func load() {
        if hasExited { return }
        if let name = launch.inputName, compute.bucket[name] == nil {
            // Whoever deletes the instance of a task may delete its payload as well.
            simulation.judge(
                "payload",
                instance.isDeletionAccepted,
                "\(name) is gone before \(instance.id) has read it"
            )
            return exit(storing: StoredOutcome.payloadMissing(), .failed, exitCode: 1)
        }
        hasStarted = true
        startedAt = .now
        compute.book.runStarted(number, in: instance.id)
        if simulation.faults.strikes(.containerHangs, number) {
            // Its time limit ends it: the task fails before its instance is gone.
            return compute.book.mayFail(number)
        }
        simulation.after(.milliseconds(Int64(launch.job.milliseconds))) { self.finish() }
    }

    private func finish() {
        if hasExited { return }
        let faults = simulation.faults
        if faults.strikes(.resultForged, number) { forge() }
        if let share = faults.draw(.containerCrashes, number) { return crash(share) }
        if let share = faults.draw(.garbageStored, number) {
            return exit(storing: StoredOutcome.garbage(share, of: launch), .failed, exitCode: 0)
        }
        let raises = faults.strikes(.taskRaises, number)
        let payload = raises ? StoredOutcome.exception("task \(number) raises") : launch.job.result
        let outcome = StoredOutcome.outcome(payload, isSuccess: !raises, of: launch)
        exit(
            storing: outcome,
            raises ? .raised : .result,
            exitCode: 0,
            late: faults.draw(.storedLate, number)
        )
    }

    /// Tries to answer for some tasks that run now, and to replace their payloads, with what it knows: its own environment, and
    /// their ids, though no container is told those.
    private func forge() {
        let others = compute.living.lazy.compactMap(\.launch).filter { $0.taskID != self.launch.taskID }
        for victim in others.prefix(5) {
            let outcome = StoredOutcome.outcome(Array("forged".utf8), isSuccess: true, of: victim)
            compute.bucket.forge(outcome, of: victim.taskID, with: launch.prefix)
        }
    }

    private func crash(_ share: Double) {
        if share < 0.4 {
            return exit(storing: StoredOutcome.processDied(exitCode: 137), .failed, exitCode: 1)
        }
        let codes = [1, 74, 137, 139]
        hasExited = true
        instance.failedAt = .now
        end(.failed)
        let code = codes[Int(share * 1000) % codes.count]
        compute.containerEnded(instance, exitCode: code, details: code == 137 ? "out of memory" : nil)
    }

    /// Ends the process; its outcome is stored by then, or shows `late` (a share of the longest time) afterwards.
    private func exit(storing outcome: [UInt8], _ end: RunEnd, exitCode: Int, late: Double? = nil) {
        hasExited = true
        compute.containerEnded(instance, exitCode: exitCode, details: nil)
        guard let late else { return store(outcome, end) }
        compute.book.mayFail(number)
        simulation.after(.seconds(late * compute.settings.lateResultMax)) { self.store(outcome, end) }
    }

    private func store(_ outcome: [UInt8], _ end: RunEnd) {
        if isOver { return }
        compute.bucket.put(resultName, outcome)
        simulation.note("cloud", "stored", resultName)
        // Whoever deletes an instance that still runs does not wait for its result.
        if hasStarted, instance.isDeletionAccepted { compute.book.runLost(number) }
        self.end(end)
    }

    private func end(_ end: RunEnd) {
        if isOver { return }
        isOver = true
        if hasStarted { compute.book.runEnded(number, end) }
    }
}
