// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import TaskEngine

/// Lets creates through to the places that may have room, first come, first served; the rest wait.
@LoopActor
final class LaunchQueue {
    private static let reportInterval: Duration = .seconds(60)
    /// So many tasks may be at work on their inputs beside those whose create is under way.
    static let loadsAhead = 48
    /// And so many creates under way in a place, of which the loads ahead are a part when these are many.
    private static let createsMax = 64

    private let log: Logger
    private let origin = Deadline.now
    private var placements: Placements
    /// How many creates may be under way in a place.
    private var window: FlightWindow { didSet { placements.windowMax = window.size } }
    private let line = TicketQueue<Placements.Turn>()
    /// Before which tasks wait without their inputs.
    let gate: LoadGate
    private var lastRefusal: Logger.Metadata = [:]
    private let change = Wakeup()
    private var isWatching = false
    private var nextReport = Deadline.now

    init(_ placements: Placements, log: Logger) {
        self.placements = placements
        window = FlightWindow(placements.windowMax, upTo: max(placements.windowMax, Self.createsMax))
        self.log = log
        gate = LoadGate(placeCount: Self.loadsAhead + placements.createCountMax)
    }

    /// How many launches wait for room; those that only wait for others to be answered do not.
    var waitingCount: Int { placements.isAnyOpen ? 0 : line.count + gate.waitingCount }

    /// Waits until a place is worth a try; what came of it must be told with one of the other functions.
    func turn() async throws(WaitError) -> Placements.Turn {
        if line.isEmpty, let turn = takeTurn() { return turn }
        let ticket = line.enter()
        startWatch()
        return try await line.wait(for: ticket)
    }

    /// The create has succeeded after `time`.
    func created(_ turn: Placements.Turn, after time: Duration = .zero) {
        placements.created(turn)
        window.succeeded(after: time, isFull: !line.isEmpty)
        grantTurns()
    }

    /// The create was told that there is no room; `refusal` is for the log.
    func full(_ turn: Placements.Turn, _ fullness: Placements.Fullness, refusal: Logger.Metadata) {
        placements.full(turn, fullness, at: now, random: Self.draw)
        window.failed()
        lastRefusal = refusal
        grantTurns()
    }

    /// The create was refused, and not for want of room; false if no place can be hoped for.
    func refused(_ turn: Placements.Turn, refusal: Logger.Metadata) -> Bool {
        let isHope = placements.refused(turn, at: now, random: Self.draw)
        if isHope { lastRefusal = refusal }
        grantTurns()
        return isHope
    }

    /// The create ended without telling whether there is room.
    func nothingLearned(of turn: Placements.Turn) {
        placements.nothingLearned(of: turn)
        grantTurns()
    }

    /// The instance of a create that had succeeded has begun its work.
    func proven(_ placement: Placement) {
        placements.proven(placement)
        grantTurns()
    }

    /// The cloud said long after the create that there had been no room.
    func turnedOutFull(_ placement: Placement, _ fullness: Placements.Fullness, refusal: Logger.Metadata) {
        placements.turnedOutFull(placement, fullness, at: now, random: Self.draw)
        lastRefusal = refusal
    }

    /// An instance of ours is gone for certain.
    func roomFreed() {
        placements.roomFreed()
        grantTurns()
    }

    private static func draw() -> Double { LoopRandom.number(in: 0..<1) }

    /// What is known of each place now.
    var places: [PlaceReport] { placements.reports(at: now) }

    /// Why launches wait, in the words of the last refusal; nil where none waits for room.
    var trouble: String? {
        guard waitingCount > 0 else { return nil }
        let trouble = "no instance can be made now"
        return lastRefusal["error"].map { "\(trouble): \($0)" } ?? trouble
    }

    private func takeTurn() -> Placements.Turn? { placements.take(at: now, random: Self.draw) }

    private var now: Duration { Deadline.now.duration(since: origin) }

    private func grantTurns() {
        grantNow()
        change.ring()
    }

    private func grantNow() {
        while !line.isEmpty, let turn = takeTurn() { line.grantNext(turn) }
    }

    /// Lets probes through when their time has come, and says at most once a minute that tasks wait, while any do.
    private func startWatch() {
        if isWatching { return }
        isWatching = true
        spawn {
            var isReported = false
            while !self.line.isEmpty {
                if self.waitingCount > 0, self.nextReport.isPast {
                    self.report()
                    isReported = true
                }
                let nextReport = self.waitingCount > 0 ? self.nextReport : .never
                let probe = self.placements.nextProbe(after: self.now).map { self.origin + $0 }
                // Nobody cancels this; a deadline that passes is what it waits for.
                try? await self.change.wait(until: min(probe ?? .never, nextReport))
                self.grantNow()
            }
            self.isWatching = false
            if isReported { self.log.info("no task waits for room any more") }
        }
    }

    private func report() {
        var metadata = lastRefusal
        metadata["waiting"] = "\(waitingCount)"
        log.warning("the cloud has no room; tasks wait for it", metadata: metadata)
        nextReport = .after(Self.reportInterval)
    }
}
