// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import TestSupport

/// Who goes out of reach, when and how; each comes back.
@LoopActor
final class Outages {
    /// Who can be out of reach of the daemon.
    enum Party: UInt64, CaseIterable {
        case compute, storage
        case scheduler, scalerStorage
        /// All of the network at once.
        case everything
    }

    /// How an outage shows.
    private enum Manner {
        case refusing, silent
        /// Services answer 503.
        case unavailable
    }

    private let simulation: Simulation
    private let network: SimulatedNetwork
    private let cloud: SimulatedCloud
    private let scheduler: SimulatedScheduler

    init(
        _ simulation: Simulation,
        _ network: SimulatedNetwork,
        _ cloud: SimulatedCloud,
        _ scheduler: SimulatedScheduler
    ) {
        self.simulation = simulation
        self.network = network
        self.cloud = cloud
        self.scheduler = scheduler
    }

    /// Looks each minute for a reason to cut somebody off.
    func begin() {
        simulation.after(.seconds(60)) { [self] in
            for party in Party.allCases {
                guard let share = simulation.faults.draw(.outage, party.rawValue) else { continue }
                // Mostly seconds, at times 20 minutes.
                strike(party, for: .seconds(5 + 1200 * share * share * share), mix(share.bitPattern))
            }
            if let share = simulation.faults.draw(.swizzle, 0) { swizzle(mix(share.bitPattern)) }
            if let share = simulation.faults.draw(.accessLost, 0) { denyAccess(share) }
            begin()
        }
    }

    /// Refuses every signature for seconds, at times for 20 minutes.
    private func denyAccess(_ share: Double) {
        guard !cloud.deniesAccess else { return }
        let length = Duration.seconds(1 + 1200 * share * share * share)
        simulation.note("cloud", "denies", "for \(length)")
        simulation.holdRequests(for: length)
        simulation.denyAccess(for: length)
        cloud.deniesAccess = true
        simulation.after(length) { [self] in
            cloud.deniesAccess = false
            simulation.note("cloud", "allows")
        }
    }

    /// Cuts the parties off one after the other, and lets them return in another order.
    private func swizzle(_ seed: UInt64) {
        var chance = SeededRandom(seed: seed)
        for party in Party.allCases where party != .everything && Bool.random(using: &chance) {
            let start = Duration.seconds(Double.random(in: 0..<60, using: &chance))
            let length = Duration.seconds(Double.random(in: 10..<300, using: &chance))
            let choice = chance.next()
            simulation.after(start) { [self] in strike(party, for: length, choice) }
        }
    }

    /// Lets nothing pass between daemon and scheduler.
    func silenceScheduler(for length: Duration) { cut(scheduler.settings.address, .silent, length) }

    private func strike(_ party: Party, for length: Duration, _ choice: UInt64) {
        let manner: Manner = choice & 3 == 0 ? .unavailable : choice & 1 == 0 ? .silent : .refusing
        switch party {
        case .compute: stop(.compute, SimulatedCloud.computeHost, manner, length)
        case .storage: stop(.storage, SimulatedCloud.storageHost, manner, length)
        case .scheduler: cut(scheduler.settings.address, manner, length)
        case .scalerStorage: cut(scheduler.settings.storageAddress, manner, length)
        case .everything:
            stop(.compute, SimulatedCloud.computeHost, .silent, length)
            stop(.storage, SimulatedCloud.storageHost, .silent, length)
            cut(scheduler.settings.address, .silent, length)
            cut(scheduler.settings.storageAddress, .silent, length)
        }
    }

    private func stop(_ service: SimulatedCloud.Service, _ host: String, _ manner: Manner, _ length: Duration)
    {
        simulation.holdRequests(for: length)
        if manner != .unavailable {
            return network.cutOff(host, for: length, isSilent: manner == .silent)
        }
        simulation.note("cloud", "unavailable", "\(service.rawValue) for \(length)")
        cloud.brokenServices.insert(service)
        simulation.after(length) { [cloud] in cloud.brokenServices.remove(service) }
    }

    private func cut(_ address: String, _ manner: Manner, _ length: Duration) {
        network.cutOff(address, for: length, isSilent: manner == .silent)
        if address == scheduler.settings.address {
            simulation.excuse(for: length + scheduler.settings.heartbeatInterval)
            if manner != .silent { scheduler.breakConnections() }
        } else if manner != .silent {
            scheduler.storage.breakConnections()
        }
    }
}

/// How bad things are at present: the rates of kinds that belong together rise and fall in phases of minutes.
@LoopActor
final class Weather {
    private static let fronts: [[FaultKind]] = [
        [.connectRefused, .connectLost, .requestLost, .answerLost, .answerCut, .slow, .linkReset],
        [.throttled, .serverError, .staleListing, .slowDeletion],
        [.noCapacity, .limitReached, .lateNoCapacity],
    ]

    private let simulation: Simulation
    private var chance: SeededRandom

    init(_ simulation: Simulation) {
        self.simulation = simulation
        chance = simulation.generator("weather")
    }

    /// Changes each front again and again, each at its own times.
    func begin() { for front in Self.fronts { change(front) } }

    private func change(_ front: [FaultKind]) {
        let factors: [Double] = [0, 0.2, 1, 3]
        let factor = factors.randomElement(using: &chance) ?? 1
        for kind in front { simulation.faults.factors[kind] = factor }
        simulation.note("weather", "changes", "\(front[0].rawValue) by \(factor)")
        let length = Double.random(in: 60..<900, using: &chance)
        simulation.after(.seconds(length)) { [self] in change(front) }
    }
}
