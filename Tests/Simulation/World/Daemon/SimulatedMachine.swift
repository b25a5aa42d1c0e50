// SPDX-License-Identifier: Apache-2.0

internal import Configuration
package import EventLoop
internal import Transport

/// The machine that daemons run on, one after the other or side by side.
@LoopActor
package final class SimulatedMachine {
    /// Which process holds each name.
    private var holders: [String: SimulatedProcess] = [:]
    /// Called when a process has got a name for which it may have waited.
    var onHeld: (@LoopActor (SimulatedProcess) -> Void)?
    /// What every sample of usage says; real numbers would differ from run to run.
    fileprivate let usage: ProcessUsage
    private var processCount: Int32 = 0
    /// Temporary files that a process may have open: few, so that some must wait.
    private static let spoolCountMax = 3

    /// Where temporary files are.
    let disk: SimulatedDisk

    /// A machine where nothing runs yet.
    package init(_ simulation: Simulation) {
        disk = SimulatedDisk(simulation)
        var sampler = ProcessUsageSampler()
        usage = sampler.sample()
    }

    /// The machine as a new process sees it.
    func host(for process: SimulatedProcess) -> SimulatedHost {
        processCount += 1
        return SimulatedHost(self, process, processID: 1000 + processCount)
    }

    /// What a process may hold in memory and on disk at once.
    func budgets(_ settings: Settings) -> HostBudgets {
        HostBudgets(
            limit: Resources(
                memoryBytes: settings.memoryLimitMB << 20,
                diskBytes: settings.spoolLimitMB << 20,
                fileCount: Self.spoolCountMax
            )
        )
    }

    fileprivate func hold(_ name: String, _ process: SimulatedProcess) -> Bool {
        if let holder = holders[name] { return holder === process }
        holders[name] = process
        onHeld?(process)
        return true
    }

    /// Whether a name is held by another process.
    func isHeld(byOtherThan process: SimulatedProcess) -> Bool {
        holders.values.contains { $0 !== process }
    }

    /// Frees what a process held that has ended.
    func ended(_ process: SimulatedProcess) {
        holders = holders.filter { $0.value !== process }
        disk.ended(process)
    }
}

/// The machine as one process sees it.
@LoopActor
final class SimulatedHost: Host {
    let name = "simulated-host"
    let processID: Int32
    private let machine: SimulatedMachine
    private let process: SimulatedProcess

    fileprivate init(_ machine: SimulatedMachine, _ process: SimulatedProcess, processID: Int32) {
        self.machine = machine
        self.process = process
        self.processID = processID
    }

    func hold(name: String) throws(TransportError) -> Bool { machine.hold(name, process) }

    func holder(ofName name: String) -> NameHolder? { NameHolder(processID: 0, userID: 0, ownUserID: 0) }

    func usageSampler() -> @LoopActor () -> ProcessUsage { { self.machine.usage } }

    func releaseMemory() {}
}
