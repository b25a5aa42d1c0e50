// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// What a manager asks of the machine that it runs on; a simulation answers otherwise.
@LoopActor
package protocol Host: AnyObject, Sendable {
    /// Name of the machine.
    var name: String { get }

    /// Number of this process.
    var processID: Int32 { get }

    /// Holds a name for as long as the process lives; false if another process of the machine holds it. Throws where the
    /// machine has no such locks.
    func hold(name: String) throws(TransportError) -> Bool

    /// Who holds a name; nil for one that does not say who it is, which a process of this program does.
    func holder(ofName name: String) -> NameHolder?

    /// Samples this process's usage; the CPU share is that between two samples of one sampler.
    func usageSampler() -> @LoopActor () -> ProcessUsage

    /// Gives back memory that is not in use.
    func releaseMemory()
}

/// The machine as it is.
package final class SystemHost: Host {
    /// Names that this process holds, until its end.
    private var locks: [ProcessLock] = []

    /// A view of this machine.
    package init() {}

    package var name: String { ProcessIdentity.hostName }

    package var processID: Int32 { ProcessIdentity.processID }

    package func hold(name: String) throws(TransportError) -> Bool {
        guard let lock = try ProcessLock(named: name) else { return false }
        lock.letVisitorsGo()
        locks.append(lock)
        return true
    }

    package func holder(ofName name: String) -> NameHolder? { NameHolder(of: name) }

    package func usageSampler() -> @LoopActor () -> ProcessUsage {
        var sampler = ProcessUsageSampler()
        return { sampler.sample() }
    }

    package func releaseMemory() { ResidentPages.release() }
}
