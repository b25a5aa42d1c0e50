// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Holds calls of one service back until its rate buckets let them through.
@LoopActor
final class RateGate {
    private var buckets: RateBuckets
    private var waiting: [RateBuckets.Ticket: Latch] = [:]
    private var isPumping = false
    private let origin = Deadline.now

    init(ceiling: Double) {
        buckets = RateBuckets(ceiling: ceiling, now: .zero)
    }

    /// Suspends until one call may be sent.
    func pass(_ lane: RateBuckets.Lane, until deadline: Deadline) async throws(WaitError) {
        let latch = Latch()
        let ticket = buckets.enqueue(lane)
        waiting[ticket] = latch
        openGranted()
        if latch.isOpen { return }
        startPump()
        do throws(WaitError) {
            try await latch.wait(until: deadline)
        } catch {
            waiting[ticket] = nil
            buckets.withdraw(ticket, from: lane)
            throw error
        }
    }

    /// Notes a 429; returns the new rate if that halved it.
    func throttled(_ lane: RateBuckets.Lane) -> Double? {
        buckets.throttled(lane, now: now)
    }

    /// How many calls a second a lane lets through at present.
    func rate(of lane: RateBuckets.Lane) -> Double {
        buckets.rate(of: lane)
    }

    private var now: Duration { Deadline.now.duration(since: origin) }

    private func openGranted() {
        for ticket in buckets.takeGranted(now: now) { waiting.removeValue(forKey: ticket)?.open() }
    }

    /// One sleeper for all who wait, and none when nobody does: an idle daemon has no timer.
    private func startPump() {
        if isPumping { return }
        isPumping = true
        spawn {
            while let delay = self.buckets.delayOfNextGrant(now: self.now) {
                // Nobody cancels the pump, so the sleep cannot throw.
                try? await sleep(for: delay)
                self.openGranted()
            }
            self.isPumping = false
        }
    }
}
