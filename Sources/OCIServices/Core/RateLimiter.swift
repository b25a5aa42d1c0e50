// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Holds calls of one service back until its rate buckets let them through, in order within each lane.
@LoopActor
final class RateLimiter {
    private(set) var buckets: RateBuckets
    private let queues: [RateBuckets.Lane: TicketQueue<RateBuckets.Pass>]
    /// When the pump wakes by itself; nil while there is none.
    private var pumpWakes: Deadline?
    private let bell = Wakeup()
    private let origin = Deadline.now

    init(ceiling: Double) {
        buckets = RateBuckets(ceiling: ceiling, now: .zero)
        queues = Dictionary(uniqueKeysWithValues: RateBuckets.Lane.allCases.map { ($0, TicketQueue()) })
    }

    /// Suspends until a call may be sent; what it returns is told with its answer, if there is one.
    func waitForTurn(
        _ lane: RateBuckets.Lane,
        until deadline: Deadline
    ) async throws(WaitError) -> RateBuckets.Pass {
        guard let queue = queues[lane] else { preconditionFailure("every lane has a queue") }
        let ticket = queue.enter()
        grantDue()
        startPump()
        return try await queue.wait(for: ticket, until: deadline)
    }

    /// Notes an answer that is no 429.
    func accepted(_ pass: RateBuckets.Pass) { buckets.accepted(pass, now: now) }

    /// Notes a 429 that asks for a pause; returns the new rate if that lowered it.
    func refused(_ pass: RateBuckets.Pass, retryAfter: Duration) -> Double? {
        buckets.refused(pass, retryAfter: retryAfter, now: now)
    }

    /// Lets through up to `ceiling` writes a second where fewer were let through before.
    func raiseWrites(to ceiling: Double) {
        buckets.raiseWrites(to: ceiling)
        grantDue()
        wakePumpIfEarlier()
    }

    /// How many calls wait for their turn.
    func waitingCount(in lane: RateBuckets.Lane) -> Int { queues[lane]?.count ?? 0 }

    private var now: Duration { Deadline.now.duration(since: origin) }

    private var waitingLanes: Set<RateBuckets.Lane> {
        Set(RateBuckets.Lane.allCases.filter { queues[$0]?.isEmpty == false })
    }

    private func grantDue() {
        while let pass = buckets.take(for: waitingLanes, now: now) { queues[pass.lane]?.grantNext(pass) }
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
