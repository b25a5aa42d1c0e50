// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import TaskEngine

/// Lets creates through to the places that may have room, first come, first served; the rest wait.
@LoopActor
final class LaunchQueue {
    /// A place in the queue.
    @LoopActor
    private final class Turn {
        let hasCome = Latch()
        var placement: Placement?
    }

    private static let reportInterval: Duration = .seconds(60)

    private let log: Logger
    private let origin = Deadline.now
    private var placements: Placements
    private var waiting: [Turn] = []
    private var lastRefusal: Logger.Metadata = [:]
    private let change = Wakeup()
    private var isWatching = false
    private var nextReport = Deadline.now

    init(_ placements: Placements, log: Logger) {
        self.placements = placements
        self.log = log
    }

    /// How many launches wait for room; those that only wait for others to be answered do not.
    var waitingCount: Int { placements.isAnyOpen ? 0 : waiting.count }

    /// Waits until a place is worth a try; what came of it must be told with one of the other functions.
    func turn() async throws(WaitError) -> Placement {
        if waiting.isEmpty, let placement = placements.take(at: now) { return placement }
        let turn = Turn()
        waiting.append(turn)
        startWatch()
        do throws(WaitError) {
            try await turn.hasCome.wait()
        } catch {
            waiting.removeAll { $0 === turn }
            if let placement = turn.placement { nothingLearned(of: placement) }
            throw error
        }
        guard let placement = turn.placement else { preconditionFailure("a turn that has come has a place") }
        return placement
    }

    /// An instance was created in `placement`.
    func created(in placement: Placement) {
        placements.created(in: placement, at: now)
        letThrough()
    }

    /// The create was told that there is no room; `refusal` is for the log.
    func full(_ placement: Placement, _ fullness: Placements.Fullness, refusal: Logger.Metadata) {
        placements.full(placement, fullness, at: now)
        lastRefusal = refusal
        letThrough()
    }

    /// The cloud said long after the create that there had been no room.
    func turnedOutFull(_ placement: Placement, _ fullness: Placements.Fullness, refusal: Logger.Metadata) {
        placements.turnedOutFull(placement, fullness, at: now)
        lastRefusal = refusal
    }

    /// The create ended without telling whether there is room.
    func nothingLearned(of placement: Placement) {
        placements.nothingLearned(of: placement)
        letThrough()
    }

    /// An instance of ours is gone for certain.
    func roomFreed() {
        placements.roomFreed(at: now)
        letThrough()
    }

    private var now: Duration { Deadline.now.duration(since: origin) }

    private func letThrough() {
        handOut()
        change.ring()
    }

    private func handOut() {
        while let turn = waiting.first, let placement = placements.take(at: now) {
            waiting.removeFirst()
            turn.placement = placement
            turn.hasCome.open()
        }
    }

    /// Opens closed places when their time has come, and says at most once a minute that tasks wait, while any do.
    private func startWatch() {
        if isWatching { return }
        isWatching = true
        spawn {
            var isTold = false
            while !self.waiting.isEmpty {
                if self.waitingCount > 0, self.nextReport.isPast {
                    self.report()
                    isTold = true
                }
                let nextReport = self.waitingCount > 0 ? self.nextReport : .never
                let opening = self.placements.nextOpening(after: self.now).map { self.origin + $0 }
                // Nobody cancels this; a deadline that passes is what it waits for.
                try? await self.change.wait(until: min(opening ?? .never, nextReport))
                self.handOut()
            }
            self.isWatching = false
            if isTold { self.log.info("no task waits for room any more") }
        }
    }

    private func report() {
        var metadata = lastRefusal
        metadata["waiting"] = "\(waiting.count)"
        log.warning("the cloud has no room; tasks wait for it", metadata: metadata)
        nextReport = .after(Self.reportInterval)
    }
}
