// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc
internal import Transport

/// Where the spools of simulated processes are: memory that is gone with the process, and that may be full, slow, or out of
/// file descriptors.
@LoopActor
package final class SimulatedDisk {
    private let simulation: Simulation
    private var spoolCount: UInt64 = 0
    /// Spools that were not given back, with their processes.
    private var spools: [Weak] = []
    /// How many spools were ever made.
    package var count: UInt64 { spoolCount }

    private struct Weak {
        weak var spool: MemorySpool?
        let process: SimulatedProcess?
    }

    /// A disk that all spools of this run are on.
    package init(_ simulation: Simulation) {
        self.simulation = simulation
        SpoolFile.makeStore = { [unowned self] _ throws(SystemCallError) in try make() }
    }

    private func make() throws(SystemCallError) -> any SpoolStore {
        spoolCount += 1
        if simulation.faults.strikes(.descriptorShortage, spoolCount) {
            throw SystemCallError(call: "open", number: EMFILE)
        }
        let spool = MemorySpool(simulation, number: spoolCount)
        spools.removeAll { $0.spool == nil }
        spools.append(Weak(spool: spool, process: .current))
        return spool
    }

    /// Spools of a process that nothing refers to any more must be gone: as many as are not.
    package func openCount(of process: SimulatedProcess?) -> Int {
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
    private let simulation: Simulation
    private let number: UInt64
    fileprivate var bytes: [UInt8] = []

    init(_ simulation: Simulation, number: UInt64) {
        self.simulation = simulation
        self.number = number
    }

    func write(_ part: ArraySlice<UInt8>, at position: Int) throws(SystemCallError) -> Int {
        if let share = simulation.faults.draw(.slowDisk, number) {
            simulation.time.pass(nanoseconds: UInt64(500_000_000 * share * share))
        }
        if simulation.faults.strikes(.fullDisk, number) {
            throw SystemCallError(call: "pwrite", number: ENOSPC)
        }
        // Not more than a quarter of a mebibyte at once, for a write may be short.
        let taken = part.prefix(256 * 1024)
        bytes.removeSubrange(min(position, bytes.count)...)
        bytes += taken
        return taken.count
    }

    func read(at position: Int, count: Int) throws(SystemCallError) -> [UInt8] {
        Array(bytes.dropFirst(position).prefix(count))
    }
}
