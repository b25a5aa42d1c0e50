// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Who has power over the daemon's host: kills the daemon, stops it, starts it again, sets the clock.
@LoopActor
final class Operator {
    private let simulation: Simulation
    private let manager: SimulatedDaemon
    private let interval: Duration
    /// Called when the daemon is told to stop, and when it has.
    private let stops: @LoopActor () -> Void
    /// Called when it has stopped, and whether it says that it has left nothing.
    private let stopped: @LoopActor (_ isClean: Bool) -> Void
    /// Lets nothing pass between daemon and scheduler for a while.
    private let silences: @LoopActor (Duration) -> Void
    /// Called when a process is alone and begins to work, and after it has died.
    private let works: @LoopActor () -> Void
    private let died: @LoopActor () -> Void
    private var minute: UInt64 = 0
    private var deathCount = 0
    private var startCount: UInt64 = 0

    init(
        _ simulation: Simulation,
        _ manager: SimulatedDaemon,
        interval: Duration,
        stops: @escaping @LoopActor () -> Void,
        stopped: @escaping @LoopActor (_ isClean: Bool) -> Void,
        silences: @escaping @LoopActor (Duration) -> Void,
        works: @escaping @LoopActor () -> Void,
        died: @escaping @LoopActor () -> Void
    ) {
        self.simulation = simulation
        self.manager = manager
        self.interval = interval
        self.stops = stops
        self.stopped = stopped
        self.silences = silences
        self.works = works
        self.died = died
    }

    /// Starts the daemon and then looks again and again for a reason to trouble it.
    func begin() {
        manager.onWork = works
        manager.onDeath = { [unowned self] in
            deathCount += 1
            dead(restartAfter: pause(Double(deathCount % 61) / 61))
        }
        start()
        look()
    }

    private func look() {
        simulation.after(interval) { [self] in
            minute += 1
            if let share = simulation.faults.draw(.killed, minute) {
                // Anywhere within the interval, at the nanosecond.
                simulation.after(interval * share) { [self] in kill(pause(share)) }
            } else if let share = simulation.faults.draw(.terminated, minute) {
                simulation.after(interval * share) { [self] in terminate(pause(share)) }
            }
            if let share = simulation.faults.draw(.killedInSilence, minute) { killInSilence(share) }
            if let share = simulation.faults.draw(.frozen, minute) { freeze(share) }
            if let share = simulation.faults.draw(.rivalStarted, minute) {
                simulation.after(interval * share) { [self] in if manager.isAlive { manager.startRival() } }
            }
            if let share = simulation.faults.draw(.overloaded, minute) { overload(share) }
            if let share = simulation.faults.draw(.clockStep, minute) {
                simulation.note("host", "clock step")
                // Up to an hour, in both directions.
                simulation.time.wallOffset += Int64((share - 0.5) * 7_200_000_000_000)
            }
            look()
        }
    }

    /// Stops the daemon for a second to a quarter of an hour; half of the time somebody kills it then, and at times starts
    /// another beside it first.
    private func freeze(_ share: Double) {
        guard manager.isAlive else { return }
        let length = Duration.seconds(1 + 900 * share * share * share)
        let choice = mix(share.bitPattern)
        simulation.excuse(for: length + .seconds(4))
        simulation.holdRequests(for: length)
        manager.freeze(for: length)
        if choice & 2 == 0 { simulation.after(length * 0.3) { [self] in manager.startRival() } }
        if choice & 1 == 0 { simulation.after(length * 0.5) { [self] in kill(pause(share)) } }
    }

    /// Cuts the daemon off from its scheduler and kills it meanwhile: mostly for seconds, at times until the next process has
    /// waited for the scheduler for longer than its grace time.
    private func killInSilence(_ share: Double) {
        guard manager.isAlive else { return }
        let choice = mix(share.bitPattern)
        let length = choice & 3 == 0 ? Duration.seconds(120 + 1200 * share) : .seconds(3 + 40 * share)
        silences(length)
        let unit = Double(choice >> 11) * 0x1p-53
        simulation.after(min(length, .seconds(60)) * (0.2 + 0.75 * unit)) { [self] in kill(pause(share)) }
    }

    /// Makes each job of the host take 1 to 20 ms for a while.
    private func overload(_ share: Double) {
        let usual = simulation.time.nanosecondsPerJob
        guard usual <= 1_000 else { return }
        simulation.time.nanosecondsPerJob = 1_000_000 + UInt64(19_000_000 * share * share)
        simulation.note("host", "overloaded", "\(simulation.time.nanosecondsPerJob) ns a job")
        let length = Duration.seconds(10 + 300 * (1 - share))
        simulation.excuse(for: length + .seconds(4))
        simulation.holdRequests(for: length)
        simulation.after(length) { [self] in
            simulation.time.nanosecondsPerJob = usual
            simulation.note("host", "free again")
        }
    }

    /// How long the daemon stays down: mostly at once as a supervisor has it, at times minutes.
    private func pause(_ share: Double) -> Duration {
        let unit = Double(mix(UInt64(share * 0x1p53)) >> 11) * 0x1p-53
        return .seconds(0.1 + 600 * unit * unit * unit * unit)
    }

    private func start() {
        if manager.isAlive { return }
        manager.start()
        startCount += 1
        guard let share = simulation.faults.draw(.terminatedEarly, startCount) else { return }
        simulation.after(.seconds(1 + 20 * share)) { [self] in terminate(pause(share)) }
    }

    private func kill(_ pause: Duration) {
        guard manager.isAlive else { return }
        manager.kill()
        dead(restartAfter: pause)
    }

    private func dead(restartAfter pause: Duration) {
        // What it had deleted on its way out was in vain.
        if manager.isStopping { stops() }
        died()
        simulation.after(pause) { [self] in start() }
    }

    private func terminate(_ pause: Duration) {
        if !manager.isAlive || manager.isStopping { return }
        stops()
        manager.terminate { [self] isClean in
            stopped(isClean)
            stops()
            died()
            simulation.after(pause) { [self] in start() }
        }
    }
}
