// SPDX-License-Identifier: Apache-2.0
//
// How fast one service is called, and whose turn it is.
//
// Rule: OCI answers 429 to callers that are too fast and, to those that do not slow down, for minutes. It counts reads and
// writes apart.
// Consequence: reads and writes have a rate each (`RequestPace`), found out from what the service accepts.
// Consequence: deletes and other writes share a rate but not a queue, and take turns: a burst of ten thousand
// creates must not keep the instances of finished tasks alive and paid for. So do listings and other reads: the
// listing that finds a result must not wait behind the results of a thousand other tasks.
// Rejected: one rate for all. The listings that find results would stop while creates are throttled.

/// The rates and tokens of one service, and whose turn it is; pure, time arrives as an argument.
package struct RateBuckets: Sendable {
    /// Which queue a call waits in.
    package enum Lane: String, Sendable, CaseIterable {
        /// Calls that ask what there is; they share their tokens with `read`.
        case list
        /// Other calls that change nothing.
        case read
        /// Calls that remove; they share their tokens with `write`.
        case delete
        /// Calls that create or change.
        case write

        fileprivate var isRead: Bool { self == .list || self == .read }
    }

    /// What a call that was let through hands back with its answer.
    package struct Pass: Sendable {
        /// The queue whose turn it was.
        package let lane: Lane
        fileprivate let pass: RequestPace.Pass
    }

    /// A service may ask for a longer pause; the call that it refused waits for so long, and all others for this at most.
    private static let pauseMax: Duration = .seconds(10)

    private var reads: Side
    private var writes: Side

    /// Buckets that let through up to `ceiling` requests a second, for reads and for writes each; `now` counts from
    /// any origin that stays the same.
    package init(ceiling: Double, now: Duration) {
        let pace = RequestPace(ceiling: ceiling, now: now)
        reads = Side(pace, [.list, .read])
        writes = Side(pace, [.delete, .write])
    }

    /// How many requests a second are sent before anything is known of a service: what it can be planned with.
    package static func rateAtStart(ceiling: Double) -> Double { min(ceiling, RequestPace.startPerSecond) }

    /// Takes a token for a call of one of the lanes in which calls wait; nil when none of them may be sent now.
    package mutating func take(for waiting: Set<Lane>, now: Duration) -> Pass? {
        let read = reads.take(for: waiting, now: now)
        let write = read == nil ? writes.take(for: waiting, now: now) : nil
        return read ?? write
    }

    /// How long after `now` `take` will have something, at most; zero if it has, nil if nobody waits.
    package func delayOfNextToken(for waiting: Set<Lane>, now: Duration) -> Duration? {
        [reads, writes].filter { $0.next(waiting) != nil }.map { $0.pace.delay(now) }.min()
    }

    /// Notes that the service has answered, and not with a 429.
    package mutating func accepted(_ pass: Pass, now: Duration) {
        self[pass.lane].pace.accepted(pass.pass, now: now)
    }

    /// Notes that the service has answered 429 and asks for a pause; returns the new rate if that lowered it.
    package mutating func refused(_ pass: Pass, retryAfter: Duration, now: Duration) -> Double? {
        self[pass.lane].pace.refused(pass.pass, retryAfter: min(retryAfter, Self.pauseMax), now: now)
    }

    /// Lets through up to `ceiling` writes a second, at once unless the service has refused some.
    package mutating func raiseWrites(to ceiling: Double) { writes.pace.raise(to: ceiling) }

    /// How many calls a second a lane lets through at present.
    package func rate(of lane: Lane) -> Double { self[lane].pace.perSecond }

    private subscript(_ lane: Lane) -> Side {
        get { lane.isRead ? reads : writes }
        set {
            if lane.isRead {
                reads = newValue
            } else {
                writes = newValue
            }
        }
    }

    /// Two lanes that share a rate and take turns.
    private struct Side: Sendable {
        var pace: RequestPace
        /// Whose turn is first goes first.
        private var order: [Lane]

        init(_ pace: RequestPace, _ order: [Lane]) {
            self.pace = pace
            self.order = order
        }

        func next(_ waiting: Set<Lane>) -> Lane? { order.first(where: waiting.contains) }

        mutating func take(for waiting: Set<Lane>, now: Duration) -> Pass? {
            let next = next(waiting)
            pace.advance(to: now, isWanted: next != nil)
            guard let next, let pass = pace.take() else { return nil }
            if next == order[0] { order.reverse() }
            return Pass(lane: next, pass: pass)
        }
    }
}

extension Duration {
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
