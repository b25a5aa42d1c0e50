// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import TestSupport

/// What one process of the daemon has open, and where it may die: at each border between it and the network.
@LoopActor
final class NetworkLife {
    /// How much of the last bytes that a process wrote arrives.
    enum LastBytes {
        case all
        /// This share of them, 0 to 1.
        case part(Double)
        case nothing
    }

    private let simulation: Simulation
    let process: SimulatedProcess
    private let number: UInt64
    private let died: @LoopActor () -> Void
    private var streams: [SimulatedStream] = []

    init(
        _ simulation: Simulation,
        _ process: SimulatedProcess,
        number: UInt64,
        died: @escaping @LoopActor () -> Void
    ) {
        self.simulation = simulation
        self.process = process
        self.number = number
        self.died = died
    }

    func hold(_ stream: SimulatedStream) {
        streams.removeAll(where: \.isGone)
        streams.append(stream)
    }

    /// Resets the streams to an address whose server does not look after them itself.
    func reset(_ address: String) {
        for stream in streams where !stream.isGone && stream.address == address { stream.server.reset() }
    }

    /// What becomes of bytes that the process hands over now; nil if it lives on.
    ///
    /// The job that hands them over is the last that runs.
    func deathAtWrite() -> LastBytes? {
        // The rest of that job, which no longer reaches anybody.
        if process.isDead { return .nothing }
        guard let share = dies(.killedAtWrite) else { return nil }
        return share < 0.3 ? .nothing : share < 0.6 ? .part((share - 0.3) / 0.3) : .all
    }

    /// Whether the job that takes bytes now is the last of the process.
    func deathAtRead() { _ = dies(.killedAtRead) }

    private func dies(_ kind: FaultKind) -> Double? {
        guard !process.isDead, let share = simulation.faults.draw(kind, number) else { return nil }
        process.kill()
        simulation.after(.zero) { [self] in died() }
        return share
    }

    /// The process is dead: a part of what is on its way is lost with it.
    func end() {
        var chance = simulation.generator("cuts \(number)")
        for stream in streams where !stream.isGone {
            stream.processDied(cut: Bool.random(using: &chance) ? .random(in: 0..<1, using: &chance) : nil)
        }
    }
}
