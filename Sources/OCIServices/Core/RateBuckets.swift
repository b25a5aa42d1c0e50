// SPDX-License-Identifier: Apache-2.0
//
// How fast one service is called.
//
// Rule: OCI publishes no request rates; it answers 429 and, to callers that do not slow down, for minutes.
// Consequence: a token bucket each for reads and writes, for the service counts them apart. Its rate halves on a 429
// and creeps up afterwards, so it stays a little below what the service accepts (the additive increase and multiplicative
// decrease of TCP). The many 429 that were under way together count once.
// Consequence: deletes and other writes share a bucket but not a queue, and take turns: a burst of ten thousand
// creates must not keep the instances of finished tasks alive and paid for.
// Rejected: one bucket for all. The listings that find results would stop while creates are throttled.

/// The rates and tokens of one service, and whose turn it is; pure, time arrives as an argument.
package struct RateBuckets: Sendable {
    /// Which queue a call waits in.
    package enum Lane: String, Sendable, CaseIterable {
        /// Calls that change nothing.
        case read
        /// Calls that create or change.
        case write
        /// Calls that remove; they share their tokens with `write`.
        case delete
    }

    private var reads: TokenBucket
    private var writes: TokenBucket
    /// Who goes first when a delete and another write both wait.
    private var isDeletesTurn = true

    /// Buckets that let through up to `ceiling` requests a second, for reads and for writes each; `now` counts from
    /// any origin that stays the same.
    package init(ceiling: Double, now: Duration) {
        precondition(ceiling > 0 && ceiling.isFinite, "a rate is positive and finite")
        reads = TokenBucket(ceiling: ceiling, now: now)
        writes = reads
    }

    /// Takes a token for a call of one of the lanes in which calls wait, and returns whose turn it was; nil when none
    /// of them may be sent now.
    package mutating func take(for waiting: Set<Lane>, now: Duration) -> Lane? {
        reads.refill(now)
        writes.refill(now)
        if waiting.contains(.read), reads.take() { return .read }
        guard let lane = nextWriteLane(waiting), writes.take() else { return nil }
        isDeletesTurn = lane == .write
        return lane
    }

    /// How long after `now` `take` will have something, zero if it has, nil if nobody waits.
    package func delayOfNextToken(for waiting: Set<Lane>, now: Duration) -> Duration? {
        var delays: [Duration] = []
        if waiting.contains(.read) { delays.append(reads.delay(now)) }
        if nextWriteLane(waiting) != nil { delays.append(writes.delay(now)) }
        return delays.min()
    }

    /// Notes that the service answered 429; returns the new rate if that halved it.
    package mutating func throttled(_ lane: Lane, now: Duration) -> Double? {
        lane == .read ? reads.halve(now) : writes.halve(now)
    }

    /// Lets through up to `ceiling` writes a second where fewer were let through before; a rate that the service brought down
    /// climbs from where it is.
    package mutating func raiseWrites(to ceiling: Double, now: Duration) {
        writes.refill(now)
        let isAtCeiling = writes.rate == writes.ceiling
        writes.ceiling = max(writes.ceiling, ceiling)
        if isAtCeiling { writes.rate = writes.ceiling }
    }

    /// How many calls a second a lane lets through at present.
    package func rate(of lane: Lane) -> Double { lane == .read ? reads.rate : writes.rate }

    private func nextWriteLane(_ waiting: Set<Lane>) -> Lane? {
        let order: [Lane] = isDeletesTurn ? [.delete, .write] : [.write, .delete]
        return order.first(where: waiting.contains)
    }
}

/// One bucket: holds at most a second's worth of tokens, and at least one.
private struct TokenBucket: Sendable {
    /// 429s within this time of the last halving answer calls that were sent before it.
    static let halvingInterval: Duration = .seconds(2)
    /// From the floor to the ceiling in this time, if nothing is refused.
    static let climbSeconds = 60.0
    /// Tokens a second below which no number of 429s pushes the rate: after them we would be slow for long.
    static let floor = 0.5

    var ceiling: Double
    var rate: Double
    private var tokens: Double
    private var refilledAt: Duration
    private var halvedAt: Duration?

    init(ceiling: Double, now: Duration) {
        self.ceiling = ceiling
        rate = ceiling
        tokens = max(1, ceiling)
        refilledAt = now
    }

    mutating func refill(_ now: Duration) {
        let seconds = (now - refilledAt).inSeconds
        guard seconds > 0 else { return }
        refilledAt = now
        rate = min(ceiling, rate + ceiling / Self.climbSeconds * seconds)
        tokens = min(max(1, rate), tokens + rate * seconds)
    }

    mutating func take() -> Bool {
        // Sums of fractions miss 1 by less than this.
        guard tokens > 1 - 1e-6 else { return false }
        tokens -= 1
        return true
    }

    func delay(_ now: Duration) -> Duration {
        let missing = 1 - tokens
        guard missing > 1e-6 else { return .zero }
        return max(.zero, .seconds(missing / rate) - (now - refilledAt))
    }

    mutating func halve(_ now: Duration) -> Double? {
        if let halvedAt, now - halvedAt < Self.halvingInterval { return nil }
        refill(now)
        halvedAt = now
        rate = max(min(Self.floor, ceiling), rate / 2)
        tokens = min(tokens, 0)
        return rate
    }
}

extension Duration {
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
