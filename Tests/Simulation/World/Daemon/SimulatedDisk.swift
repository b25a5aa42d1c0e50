// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import Transport

/// Where the temporary files of simulated processes are: memory that is gone with the process, and a disk that is full, slow
/// or out of file descriptors at times.
@LoopActor
final class SimulatedDisk {
    /// Bytes that all files have room for while the disk is full.
    private static let fullRoom = 1 << 20

    private let simulation: Simulation
    private var spoolCount: UInt64 = 0
    private var refusalCount = 0
    private var writeCount: UInt64 = 0
    /// Spools that were not given back, with their processes.
    private var spools: [Weak] = []
    /// Until when others fill the disk, have the descriptors, or keep the disk busy.
    private var fullUntil = Deadline.now
    private var shortUntil = Deadline.now
    private var slowUntil = Deadline.now

    private struct Weak {
        weak var spool: MemorySpool?
        let process: SimulatedProcess?
    }

    /// A disk that all spools of this run are on.
    init(_ simulation: Simulation) {
        self.simulation = simulation
        SpoolFile.makeStore = { [unowned self] _ throws(SystemCallError) in try make() }
    }

    /// Looks each minute for a reason to take room, descriptors or speed away.
    func begin() {
        simulation.after(.seconds(60)) { [self] in
            spools.removeAll { $0.spool == nil }
            if let share = simulation.faults.draw(.fullDisk, 0) { fullUntil = later(share, "full") }
            if let share = simulation.faults.draw(.descriptorShortage, 0) {
                shortUntil = later(share, "short")
            }
            if let share = simulation.faults.draw(.slowDisk, 0) { slowUntil = later(share, "slow") }
            begin()
        }
    }

    /// The end of a phase: mostly after seconds, at times after ten minutes.
    private func later(_ share: Double, _ what: String) -> Deadline {
        let length = Duration.seconds(10 + 600 * share * share * share)
        simulation.note("host", "disk", "\(what) for \(length)")
        return .after(length)
    }

    private func make() throws(SystemCallError) -> any SpoolStore {
        if !shortUntil.isPast { throw refusal("open", EMFILE, ENFILE) }
        spoolCount += 1
        let spool = MemorySpool(self)
        spools.append(Weak(spool: spool, process: .current))
        return spool
    }

    /// How many bytes a write stores: not more than a quarter of a mebibyte at once, for a write may be short.
    fileprivate func room(for byteCount: Int) throws(SystemCallError) -> Int {
        writeCount += 1
        if !slowUntil.isPast { simulation.time.pass(nanoseconds: 200_000 * (writeCount % 100)) }
        let taken = min(byteCount, 256 * 1024)
        if fullUntil.isPast { return taken }
        let used = spools.reduce(0) { $0 + ($1.spool?.bytes.count ?? 0) }
        guard used + taken <= Self.fullRoom else { throw refusal("pwrite", ENOSPC, EDQUOT) }
        return taken
    }

    /// The two words of a system for the same shortage, in turns.
    private func refusal(_ call: String, _ own: Int32, _ shared: Int32) -> SystemCallError {
        refusalCount += 1
        return SystemCallError(call: call, number: refusalCount % 2 == 0 ? own : shared)
    }

    /// How many spools a process has open.
    func openCount(of process: SimulatedProcess) -> Int {
        spools.count { $0.spool != nil && $0.process === process }
    }

    /// Forgets what a process had stored.
    func ended(_ process: SimulatedProcess) {
        for entry in spools where entry.process === process { entry.spool?.bytes = [] }
        spools.removeAll { $0.process === process }
    }
}

/// One spool.
@LoopActor
private final class MemorySpool: SpoolStore {
    private let disk: SimulatedDisk
    fileprivate var bytes: [UInt8] = []

    init(_ disk: SimulatedDisk) { self.disk = disk }

    func write(_ part: ArraySlice<UInt8>, at position: Int) throws(SystemCallError) -> Int {
        let taken = part.prefix(try disk.room(for: part.count))
        bytes.removeSubrange(min(position, bytes.count)...)
        bytes += taken
        return taken.count
    }

    func read(at position: Int, count: Int) throws(SystemCallError) -> [UInt8] {
        Array(bytes.dropFirst(position).prefix(count))
    }
}
