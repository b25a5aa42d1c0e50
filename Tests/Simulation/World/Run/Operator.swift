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
    /// Called before a process starts, and after one has died.
    private let started: @LoopActor () -> Void
    private let died: @LoopActor () -> Void
    private var minute: UInt64 = 0

    init(
        _ simulation: Simulation,
        _ manager: SimulatedDaemon,
        interval: Duration,
        stops: @escaping @LoopActor () -> Void,
        stopped: @escaping @LoopActor (_ isClean: Bool) -> Void,
        started: @escaping @LoopActor () -> Void,
        died: @escaping @LoopActor () -> Void
    ) {
        self.simulation = simulation
        self.manager = manager
        self.interval = interval
        self.stops = stops
        self.stopped = stopped
        self.started = started
        self.died = died
    }

    /// Starts the daemon and then looks again and again for a reason to trouble it.
    func begin() {
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
            if let share = simulation.faults.draw(.clockStep, minute) {
                simulation.note("host", "clock step")
                // Up to an hour, in both directions.
                simulation.time.wallOffset += Int64((share - 0.5) * 7_200_000_000_000)
            }
            look()
        }
    }

    /// How long the daemon stays down: mostly at once as a supervisor has it, at times minutes.
    private func pause(_ share: Double) -> Duration {
        let unit = Double(mix(UInt64(share * 0x1p53)) >> 11) * 0x1p-53
        return .seconds(0.1 + 600 * unit * unit * unit * unit)
    }

    private func start() {
        if manager.isAlive { return }
        started()
        manager.start()
    }

    private func kill(_ pause: Duration) {
        guard manager.isAlive else { return }
        manager.kill()
        died()
        simulation.after(pause) { [self] in start() }
    }

    private func terminate(_ pause: Duration) {
        stops()
        manager.terminate { [self] isClean in
            stopped(isClean)
            stops()
            died()
            simulation.after(pause) { [self] in start() }
        }
    }
}
