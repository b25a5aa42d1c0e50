// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import TestSupport
import Testing

/// A cloud without enough room, and more tasks than it will ever take; nothing but the rules of `Placements` decides.
private struct SimulatedRoom {
    /// What happens at a moment.
    private enum Event {
        case answer(Placements.Turn)
        /// An accepted create is refused after all, or its instance begins its work.
        case decided(Placement, isRefused: Bool)
        case ended
    }

    /// What one place was asked.
    struct Tally {
        /// Seconds at which creates were sent, and those at which one was accepted for good or not.
        var sent: [Double] = []
        var accepted: [Double] = []
        var limitRefusalCount = 0
    }

    /// The share of creates refused for want of hardware, by place and second.
    var refusedShare: (_ place: Int, _ second: Double) -> Double = { _, _ in 0 }
    /// The share of accepted creates that are refused later.
    var lateShare = 0.0
    /// How many instances there may be, by second.
    var limit: (_ second: Double) -> Int = { _ in .max }
    /// Seconds that an instance exists, where a limit counts them.
    var runSeconds = 5.0
    /// Seconds that an answer takes, about.
    var latency = 0.4

    private(set) var placements: Placements
    private(set) var tallies: [Tally]
    /// Instances that did their work.
    private(set) var goodCount = 0
    private var random: SeededRandom
    private var pending: [(second: Double, event: Event)] = []
    private var instanceCount = 0
    private var now = 0.0

    init(placeCount: Int = 1, seed: UInt64) {
        placements = Placements(
            availabilityDomains: (1...placeCount).map { "AD-\($0)" },
            subnetIDs: ["subnet"],
            shapes: ["shape"]
        )
        tallies = Array(repeating: Tally(), count: placeCount)
        random = SeededRandom(seed: seed)
    }

    mutating func run(seconds end: Double) {
        while now < end {
            sendAll()
            let probe = placements.nextProbe(after: .seconds(now)).map { $0 / .seconds(1) + 1e-6 }
            if let probe, probe < pending.last?.second ?? .infinity {
                now = probe
            } else if let next = pending.popLast() {
                now = next.second
                handle(next.event)
            }
        }
    }

    private mutating func sendAll() {
        while let turn = decide({ $0.take(at: $1, random: $2) }) {
            tallies[index(of: turn.placement)].sent.append(now)
            schedule(.answer(turn), in: latency * .random(in: 0.7...1.3, using: &random))
        }
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .answer(let turn): answer(turn, at: index(of: turn.placement))
        case .decided(let place, isRefused: true):
            decide { $0.turnedOutFull(place, .capacity, at: $1, random: $2) }
        case .decided(let place, isRefused: false):
            goodCount += 1
            decide { placements, _, _ in placements.proven(place) }
        case .ended:
            instanceCount -= 1
            decide { placements, _, _ in placements.roomFreed() }
        }
    }

    private mutating func answer(_ turn: Placements.Turn, at index: Int) {
        if .random(in: 0..<1, using: &random) < refusedShare(index, now) {
            return decide { $0.full(turn, .capacity, at: $1, random: $2) }
        }
        if instanceCount >= limit(now) {
            tallies[index].limitRefusalCount += 1
            return decide { $0.full(turn, .limit, at: $1, random: $2) }
        }
        decide { placements, _, _ in placements.created(turn) }
        tallies[index].accepted.append(now)
        if lateShare > 0 {
            let isLate = .random(in: 0..<1, using: &random) < lateShare
            schedule(.decided(turn.placement, isRefused: isLate), in: .random(in: 5...15, using: &random))
        }
        if limit(now) < .max {
            instanceCount += 1
            schedule(.ended, in: runSeconds)
        }
    }

    /// Has the rules decide with the time and a source of random numbers.
    private mutating func decide<Decision>(
        _ body: (inout Placements, Duration, () -> Double) -> Decision
    ) -> Decision {
        var random = self.random
        defer { self.random = random }
        return body(&placements, .seconds(now)) { .random(in: 0..<1, using: &random) }
    }

    private mutating func schedule(_ event: Event, in seconds: Double) {
        let second = now + seconds
        // The next is the last.
        var (low, high) = (0, pending.count)
        while low < high {
            let middle = (low + high) / 2
            if pending[middle].second > second { low = middle + 1 } else { high = middle }
        }
        pending.insert((second, event), at: low)
    }

    private func index(of place: Placement) -> Int { placements.all.firstIndex(of: place) ?? 0 }
}

extension [Double] {
    /// The most of these moments within any minute that begins after `start`.
    fileprivate func mostInAMinute(after start: Double) -> Int {
        let late = filter { $0 > start }
        var (most, end) = (0, 0)
        for (begin, moment) in late.enumerated() {
            while end < late.count, late[end] < moment + 60 { end += 1 }
            most = Swift.max(most, end - begin)
        }
        return most
    }

    fileprivate func count(in range: Range<Double>) -> Int { filter { range.contains($0) }.count }
}

/// The goals for want of room, over the whole range of it.
@Suite(.timeLimit(.minutes(1))) struct RoomSimulationTests {
    private static let latencies = [0.03, 0.4, 1.0]
    private static let seeds: [UInt64] = [1, 2, 3]

    /// Creates accepted in so many seconds where none is refused: eight at a time.
    private func unrefused(_ room: SimulatedRoom, seconds: Double) -> Double { 8 / room.latency * seconds }

    /// Long enough for 6,000 creates.
    private func seconds(_ latency: Double) -> Double { 6000 * latency / 8 }

    @Test(arguments: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], latencies)
    func `where a share is refused, half of what could be accepted is`(share: Double, latency: Double) {
        for (seed, placeCount) in zip(Self.seeds, [1, 1, 3]) {
            var room = SimulatedRoom(placeCount: placeCount, seed: seed)
            room.latency = latency
            room.refusedShare = { _, _ in share }
            room.run(seconds: seconds(latency))
            let accepted = Double(room.tallies.map(\.accepted.count).reduce(0, +))
            let goal = (1 - share) / 2 * unrefused(room, seconds: seconds(latency))
            #expect(accepted >= goal, "seed \(seed), \(placeCount) places")
        }
    }

    @Test(arguments: [0.8, 0.9, 0.95], latencies)
    func `where most are refused, a few are sent, and some of them accepted`(
        share: Double,
        latency: Double
    ) {
        for seed in Self.seeds {
            var room = SimulatedRoom(seed: seed)
            room.latency = latency
            room.refusedShare = { _, _ in share }
            room.run(seconds: max(600, seconds(latency)))
            let most = 2.5 * (1 - share) * unrefused(room, seconds: max(600, seconds(latency)))
            #expect(Double(room.tallies[0].sent.count) <= most, "seed \(seed)")
            #expect(room.tallies[0].accepted.count >= 2, "seed \(seed)")
        }
    }

    @Test(arguments: [1, 3], latencies)
    func `where all are refused, four a minute are sent to each place once that is known`(
        placeCount: Int,
        latency: Double
    ) {
        for seed in Self.seeds {
            var room = SimulatedRoom(placeCount: placeCount, seed: seed)
            room.latency = latency
            room.refusedShare = { _, second in second < 100 ? 0 : 1 }
            room.run(seconds: 600)
            for tally in room.tallies {
                #expect(tally.sent.mostInAMinute(after: 170) <= 4, "seed \(seed)")
                // Those that were under way, those that it takes to know, and the probes of the first minute.
                #expect(tally.sent.count(in: 100..<170) <= 8 + 32 + 30, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [110, 130, 200, 3000], latencies)
    func `room that comes back is used within 20 seconds`(end: Double, latency: Double) {
        for seed in Self.seeds {
            var room = SimulatedRoom(seed: seed)
            room.latency = latency
            room.refusedShare = { _, second in (100..<end).contains(second) ? 1 : 0 }
            room.run(seconds: end + 60)
            let accepted = room.tallies[0].accepted
            #expect(accepted.count(in: end..<end + 20) > 0, "seed \(seed)")
            let rate = Double(accepted.count(in: end + 40..<end + 60))
            #expect(rate >= 0.95 * unrefused(room, seconds: 20), "seed \(seed)")
        }
    }

    @Test(arguments: [0.9, 1], latencies)
    func `a full first place never blocks a free second one`(share: Double, latency: Double) {
        for seed in Self.seeds {
            var room = SimulatedRoom(placeCount: 2, seed: seed)
            room.latency = latency
            // It is trusted when it becomes full.
            room.refusedShare = { place, second in place == 0 && second >= 100 ? share : 0 }
            room.run(seconds: 200)
            let second = Double(room.tallies[1].accepted.count(in: 110..<200))
            #expect(second >= 0.95 * unrefused(room, seconds: 90), "seed \(seed)")
        }
    }

    @Test(arguments: [0, 0.3, 0.6], latencies)
    func `up to a limit the room is used, and the limit refuses few`(
        share: Double,
        latency: Double
    ) {
        for (seed, placeCount) in zip(Self.seeds, [1, 2, 3]) {
            var room = SimulatedRoom(placeCount: placeCount, seed: seed)
            room.latency = latency
            room.limit = { _ in 10 }
            room.refusedShare = { _, _ in share }
            room.run(seconds: 300)
            // Ten at a time, of which each has to be made anew after its end, as often as that is refused.
            let possible = 300 / (room.runSeconds + latency / (1 - share)) * 10
            let accepted = room.tallies.map(\.accepted.count).reduce(0, +)
            let refused = room.tallies.map(\.limitRefusalCount).reduce(0, +)
            #expect(Double(accepted) >= 0.8 * possible, "seed \(seed)")
            #expect(refused <= 2 * accepted, "seed \(seed)")
        }
    }

    @Test(arguments: latencies)
    func `a limit that others make room in is found so within 20 seconds`(latency: Double) {
        for seed in Self.seeds {
            var room = SimulatedRoom(placeCount: 2, seed: seed)
            room.latency = latency
            room.runSeconds = 10_000
            room.limit = { $0 < 300 ? 10 : 40 }
            room.run(seconds: 340)
            let accepted = room.tallies.flatMap(\.accepted)
            #expect(accepted.count(in: 0..<300) == 10)
            #expect(accepted.count(in: 300..<320) > 0, "seed \(seed)")
            #expect(accepted.count == 40, "seed \(seed)")
            for tally in room.tallies {
                #expect(tally.sent.filter { $0 < 300 }.mostInAMinute(after: 100) <= 4, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [0.1, 0.3, 0.5, 0.7, 1])
    func `where a share is refused late, half of what could be accepted is`(share: Double) {
        for seed in Self.seeds {
            var room = SimulatedRoom(seed: seed)
            room.lateShare = share
            room.run(seconds: 600)
            let goal = (1 - share) / 2 * unrefused(room, seconds: 600)
            #expect(Double(room.goodCount) >= goal, "seed \(seed)")
            guard share == 1 else { continue }
            // The last that were sent at full speed are refused after 30 seconds.
            #expect(room.tallies[0].sent.mostInAMinute(after: 120) <= 4, "seed \(seed)")
        }
    }
}
