// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// What can go wrong in the simulated world.
package enum FaultKind: Int, Sendable, CaseIterable {
    // The network.
    /// Nobody listens, or the connection is refused on the way.
    case connectRefused
    /// A connection attempt is never answered.
    case connectLost
    /// The connection is reset before the request arrives.
    case requestLost
    /// The request is carried out, and the connection is reset before the answer.
    case answerLost
    /// The connection is reset, or closed in order, in the middle of the answer.
    case answerCut
    /// A message or an answer takes much longer than usual.
    case slow
    /// A connection to the scheduler or its storage is reset at any byte.
    case linkReset
    /// A connection to Scaler's storage carries nothing any more, and nobody is told; new ones do.
    case linkFrozen
    /// A new connection to the scheduler is reset again within seconds.
    case resetAgain
    /// A party cannot be reached for a while; it is named by `Outages.Party`.
    case outage
    /// Every party goes out of reach, one by one, and they return in another order.
    case swizzle
    /// Every signature is refused for a while, as when a key is replaced.
    case accessLost

    // Services of the cloud.
    /// 429 TooManyRequests.
    case throttled
    /// 500, 502, 503 or 504.
    case serverError
    /// A create is refused: out of host capacity.
    case noCapacity
    /// A create is refused: a service limit is reached.
    case limitReached
    /// A create is accepted, and its work request fails for want of capacity.
    case lateNoCapacity
    /// An instance is not seen by listings for a while after its creation, or is still seen in its former state.
    case staleListing
    /// An instance takes much longer than usual to start.
    case slowStart
    /// A deletion takes much longer than usual.
    case slowDeletion
    /// A deletion is answered with 404, as for want of a permission, and the instance lives on.
    case deletionForbidden
    /// A deletion of many objects leaves one of them there, for a 429 or 503 of its own.
    case objectStays
    /// Container Instances goes out of reach right after it has made an instance, and nobody hears of that.
    case lostAfterCreate
    /// A create whose token was used before is answered as the first time, whatever has become of the instance since.
    case staleReplay

    // Containers.
    /// The task raises an exception, which is its result.
    case taskRaises
    /// The container ends without a result.
    case containerCrashes
    /// The container runs on until it is deleted.
    case containerHangs
    /// The container stores bytes that are no result.
    case garbageStored
    /// The container stores results and payloads for other tasks, under every name that it can make up.
    case resultForged
    /// The result is stored a while after the container has ended.
    case storedLate

    // Scheduler and clients.
    /// A client cancels a task.
    case clientCancels
    /// The scheduler takes a queued task back to place it elsewhere.
    case balanceCancel
    /// The scheduler forgets a worker, or restarts.
    case schedulerRestarts
    /// Scaler's object storage restarts.
    case storageRestarts
    /// While the scheduler is away, something else greets at its address and closes every connection.
    case greetsAlone
    /// The scheduler forgets for a while how many tasks a worker takes, and sends all that wait to one.
    case schedulerFloods

    // The daemon and its host.
    /// The daemon is killed and started again.
    case killed
    /// It is killed right after it handed bytes to the network, which arrive whole, in part or not at all.
    case killedAtWrite
    /// It is killed right after bytes have reached it, such as an answer or a confirmation.
    case killedAtRead
    /// Nothing passes between daemon and scheduler any more, and a while later the daemon is killed: what it has said since
    /// then may be lost.
    case killedInSilence
    /// The daemon gets SIGTERM and is started again.
    case terminated
    /// The daemon gets SIGTERM within seconds after its start.
    case terminatedEarly
    /// The daemon stands still for a while, as after SIGSTOP; it may be killed meanwhile.
    case frozen
    /// Another process of the same owner is started on the daemon's host while the daemon lives.
    case rivalStarted
    /// The host is so busy that each job takes milliseconds.
    case overloaded
    /// The host's clock is set.
    case clockStep
    /// Others fill the disk with the temporary files for a while.
    case fullDisk
    /// Each write to that disk takes milliseconds for a while, and the process with it.
    case slowDisk
    /// No file can be opened for a while: the process has no descriptors left.
    case descriptorShortage

    private static let names = allCases.map { "\($0)" }

    /// Its name, as traces and command lines write it.
    package var name: String { Self.names[rawValue] }

    /// The kind of a name; nil if there is none.
    package init?(name: String) {
        guard let index = Self.names.firstIndex(of: name) else { return nil }
        self = Self.allCases[index]
    }
}

/// One fault of a run; the same for the same seed, whatever else happens.
package struct FaultID: Sendable, Hashable, CustomStringConvertible {
    /// What goes wrong.
    package let kind: FaultKind
    /// Whom it befalls, such as a task's number.
    package let party: UInt64
    /// Which of this party's chances of this kind, from 0.
    package let ordinal: UInt64

    package var description: String { "\(kind.name)/\(party)/\(ordinal)" }

    /// The fault of a description; nil if it is none.
    package init?(_ text: String) {
        let parts = text.split(separator: "/")
        guard parts.count == 3, let kind = FaultKind(name: String(parts[0])),
            let party = UInt64(parts[1]),
            let ordinal = UInt64(parts[2])
        else { return nil }
        self.init(kind: kind, party: party, ordinal: ordinal)
    }

    init(kind: FaultKind, party: UInt64, ordinal: UInt64) {
        self.kind = kind
        self.party = party
        self.ordinal = ordinal
    }
}

/// Decides which faults strike: each is a function of seed, kind, party and ordinal alone, so that leaving one out moves no
/// other.
@LoopActor
package final class Faults {
    private let seed: UInt64
    /// Probability of a fault at one chance, 0 to 1, by the kind's raw value.
    private let rates: [Double]
    /// Faults that do not strike although they would.
    private let leftOut: Set<FaultID>
    /// The only faults that may strike; nil: any.
    private let only: Set<FaultID>?
    /// Whether faults strike at all; a run that looks for progress ends them.
    package var areOver = false
    /// What the rates of some kinds are multiplied with at present; 1 where there is none.
    package var factors: [FaultKind: Double] = [:]
    /// Those that struck, in order.
    package private(set) var struck: [FaultID] = []
    /// How many chances each kind and party has had, by a hash of both: there are some for each task of a run.
    private var ordinals: [UInt64: UInt32] = [:]
    weak var simulation: Simulation?

    /// Faults of a seed at these rates, without those in `leftOut`, and none but those in `only` where that is given.
    package nonisolated init(
        seed: UInt64,
        rates: [FaultKind: Double],
        leftOut: Set<FaultID> = [],
        only: Set<FaultID>? = nil
    ) {
        self.seed = seed
        self.rates = FaultKind.allCases.map { rates[$0] ?? 0 }
        self.leftOut = leftOut
        self.only = only
    }

    /// Whether a fault strikes at this chance.
    ///
    /// `party` is a number that stays the same when other faults are left out, such as a task's.
    package func strikes(_ kind: FaultKind, _ party: UInt64) -> Bool { draw(kind, party) != nil }

    /// A number in 0 ..< 1 that says how badly the fault strikes; nil if it does not.
    package func draw(_ kind: FaultKind, _ party: UInt64) -> Double? {
        let rate = rates[kind.rawValue]
        guard rate > 0 else { return nil }
        let ordinal = nextOrdinal(kind, party)
        if areOver { return nil }
        let drawn = stableHash(kind.name.utf8, from: seed ^ mix(party) ^ mix(ordinal &+ 0x5EED))
        guard unit(drawn) < rate * (factors[kind] ?? 1) else { return nil }
        let id = FaultID(kind: kind, party: party, ordinal: ordinal)
        if leftOut.contains(id) || only?.contains(id) == false { return nil }
        struck.append(id)
        simulation?.note("fault", "strikes", "\(id)")
        return unit(mix(drawn))
    }

    private func nextOrdinal(_ kind: FaultKind, _ party: UInt64) -> UInt64 {
        let key = mix(party) &+ UInt64(kind.rawValue)
        let ordinal = ordinals[key, default: 0]
        ordinals[key] = ordinal + 1
        return UInt64(ordinal)
    }

    private func unit(_ value: UInt64) -> Double { Double(value >> 11) * 0x1p-53 }
}
