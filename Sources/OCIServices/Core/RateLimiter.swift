// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Holds calls of one service back until its rate buckets let them through, in order within each lane.
@LoopActor
final class RateLimiter {
    private(set) var buckets: RateBuckets
    private let queues: [RateBuckets.Lane: TicketQueue<Void>]
    /// When the pump wakes by itself; nil while there is none.
    private var pumpWakes: Deadline?
    private let bell = Wakeup()
    private let origin = Deadline.now

    init(ceiling: Double) {
        buckets = RateBuckets(ceiling: ceiling, now: .zero)
        queues = Dictionary(uniqueKeysWithValues: RateBuckets.Lane.allCases.map { ($0, TicketQueue()) })
    }

    func waitForTurn(_ lane: RateBuckets.Lane, until deadline: Deadline) async throws(WaitError) {
        guard let queue = queues[lane] else { preconditionFailure("every lane has a queue") }
        let ticket = queue.enter()
        grantDue()
        startPump()
        try await queue.wait(for: ticket, until: deadline)
    }

    /// Notes a 429; returns the new rate if that halved it.
    func throttled(_ lane: RateBuckets.Lane) -> Double? { buckets.throttled(lane, now: now) }

    /// Lets through up to `ceiling` writes a second where fewer were let through before.
    func raiseWrites(to ceiling: Double) {
        buckets.raiseWrites(to: ceiling, now: now)
        grantDue()
        wakePumpIfEarlier()
    }

    private var now: Duration { Deadline.now.duration(since: origin) }

    private var waitingLanes: Set<RateBuckets.Lane> {
        Set(RateBuckets.Lane.allCases.filter { queues[$0]?.isEmpty == false })
    }

    private func grantDue() {
        while let lane = buckets.take(for: waitingLanes, now: now) { queues[lane]?.grantNext(()) }
    }

    /// One sleeper for all who wait, and none when nobody does: an idle daemon has no timer.
    private func startPump() {
        if pumpWakes != nil { return wakePumpIfEarlier() }
        if waitingLanes.isEmpty { return }
        pumpWakes = .now
        spawn {
            while let delay = self.buckets.delayOfNextToken(for: self.waitingLanes, now: self.now) {
                let due = Deadline.after(delay)
                self.pumpWakes = due
                try? await self.bell.wait(until: due)
                self.grantDue()
            }
            self.pumpWakes = nil
        }
    }

    /// Wakes the pump if somebody's turn comes before it would wake by itself: another lane may open earlier.
    private func wakePumpIfEarlier() {
        guard let pumpWakes, let delay = buckets.delayOfNextToken(for: waitingLanes, now: now) else { return }
        if .after(delay) < pumpWakes { bell.ring() }
    }
}
