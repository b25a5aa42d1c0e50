// SPDX-License-Identifier: Apache-2.0
//
// How many requests to send where some of them are refused.
//
// Rule: where a share of all requests is refused, the others are worth sending; where all are refused, none is. So what is
// sent follows what was accepted of the last requests, by the formula of Google's "Site Reliability Engineering" (chapter
// Handling Overload): the part max(0, (requests - K * accepts) / (requests + 1)) is held back, with K = 2.
// Consequence: while one half is accepted nothing is held back; below that, fewer may be under way at a time.
// Rule: while none of the last requests was accepted, the only news is that of the next one.
// Consequence: one request at a time probes. The pause before it is a part of the time for which all were refused, so what
// was full for a moment is found free in a moment, and at last a few probes a minute are lost.
// Rule: where the first probe is accepted, there is room for one, and no more is known.
// Consequence: from there on as many more may be under way as were accepted, so that the number doubles with each answer time.
// Where few outcomes are remembered, the formula alone would send most of what waits into the first free place.
// Rule: an acceptance may be taken back long after.
// Consequence: where that happened, an accepted request counts when it is proven, as late as a refused one.
// Rejected: drawing for each request whether it is sent. What holds one back must then be asked again after a time, and the
// right time is that of a request; fewer at a time is the same share without knowing it.

/// Follows the outcomes of requests of one kind to one place, and says how many may be under way; pure.
struct AdaptiveThrottle: Sendable {
    /// A probe waits for this part of the time for which all were refused, between two limits.
    private static let pauseDivisor = 4
    private static let pauseMax: Duration = .seconds(15)
    /// So much of a pause is added to it at most, so that several daemons do not ask at the same moment.
    private static let jitter = 0.2
    /// K of the formula: requests that are sent for each accepted one.
    private static let requestsPerAccept = 2

    /// How many outcomes are remembered, 1 to 32.
    private let memory: Int
    private let pauseMin: Duration
    /// The last outcomes, the newest in the lowest bit; 1 for an acceptance.
    private var outcomes: UInt32 = 0
    private var requestCount = 0
    /// How many were accepted since all were refused; nil if that never was.
    private(set) var acceptCountSinceShut: Int?
    /// When the first was refused since the last acceptance.
    private var refusedSince: Duration?
    private var nextProbe: Duration = .zero
    /// So many accepted requests count only when they are proven.
    private var doubtfulCount = 0

    /// Knows nothing yet; `memory` is how many outcomes tell whether all are refused, 1 to 32.
    init(memory: Int, pauseMin: Duration) {
        precondition((1...32).contains(memory))
        self.memory = memory
        self.pauseMin = pauseMin
    }

    private var acceptCount: Int { outcomes.nonzeroBitCount }

    /// Whether none of the last requests was accepted.
    var isShut: Bool { requestCount > 0 && acceptCount == 0 }

    /// When the next probe may be sent; nil where none is needed.
    var probeTime: Duration? { isShut ? nextProbe : nil }

    /// How many requests may be under way at `now`, of `countMax` where all are accepted.
    func allowance(of countMax: Int, at now: Duration) -> Int {
        if isShut { return nextProbe <= now ? 1 : 0 }
        let heldBack = max(0, requestCount - Self.requestsPerAccept * acceptCount)
        let share = Double(requestCount + 1 - heldBack) / Double(requestCount + 1)
        let bold = acceptCountSinceShut.map { $0 * 2 } ?? countMax
        return min(max(1, Int((share * Double(countMax)).rounded())), max(1, bold), countMax)
    }

    /// One is sent at `now`; `random` draws evenly from 0 ..< 1.
    mutating func sent(at now: Duration, random: () -> Double) {
        if isShut { nextProbe = now + pause(at: now, random) }
    }

    /// One was accepted.
    mutating func accepted() { if doubtfulCount == 0 { note(1) } }

    /// One that was accepted has proven to be.
    mutating func proven() {
        guard doubtfulCount > 0 else { return }
        doubtfulCount -= 1
        note(1)
    }

    /// One was refused at `now`; `isLate` if it had been accepted.
    mutating func refused(at now: Duration, isLate: Bool = false, random: () -> Double) {
        if isLate, doubtfulCount == 0, acceptCount > 0 {
            // The acceptance that it takes back was counted.
            outcomes &= outcomes - 1
        } else {
            note(0)
        }
        if isLate { doubtfulCount = memory }
        if refusedSince == nil { refusedSince = now }
        if isShut, nextProbe <= now { nextProbe = now + pause(at: now, random) }
    }

    private mutating func note(_ outcome: UInt32) {
        outcomes = (outcomes << 1 | outcome) & UInt32.max >> (32 - memory)
        requestCount = min(requestCount + 1, memory)
        if outcome == 1 {
            refusedSince = nil
            acceptCountSinceShut? += 1
        } else if isShut {
            acceptCountSinceShut = 0
        }
    }

    private func pause(at now: Duration, _ random: () -> Double) -> Duration {
        let age = now - (refusedSince ?? now)
        return max(min(age / Self.pauseDivisor, Self.pauseMax), pauseMin) * (1 + Self.jitter * random())
    }
}
