// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Judges how fast the daemon calls.
///
/// The daemon promises a token bucket each for the reads and the writes of a service. Its rate begins at 20 a second, doubles
/// in a second at the most and never passes the ceiling; it holds a second's worth of tokens, at least one and at most 20. So
/// no second sees more than what the bucket holds and what flows into it meanwhile. Requests may pile up behind a connection
/// that is lost or slow after they have got their tokens; for a minute after a fault of the network only the sum since the
/// start of the process is judged.
@LoopActor
final class RequestBudget {
    private struct Lane {
        /// When the requests of the last second came.
        var recent: [Duration] = []
        var count = 0
        let start: Duration
        /// How many answers in a row, each two seconds after the other at least, say that there are too many requests; and the
        /// last of them.
        var refusalCount = 0
        var lastRefusal: Duration?
    }

    private static let networkFaults: Set<FaultKind> = [
        .connectRefused, .connectLost, .requestLost, .answerLost, .answerCut, .slow, .linkReset, .killed,
        .killedAtWrite, .killedAtRead,
    ]
    private static let startRate = 20.0
    /// How much the delays of the network may press a second together, as a share of it.
    private static let jitter = 0.25

    private let simulation: Simulation
    private let rate: Double
    private let name: String
    private var lanes: [Bool: Lane] = [:]
    private var seenFaultCount = 0
    private var lastFault: Duration?

    init(_ simulation: Simulation, rate: Double, name: String) {
        self.simulation = simulation
        self.rate = rate
        self.name = name
    }

    /// A request is answered; with 429 or otherwise.
    func answered(_ request: SimulatedRequest, isThrottled: Bool) {
        let isRead = isRead(request)
        guard isThrottled, var lane = lanes[isRead] else {
            lanes[isRead]?.refusalCount = 0
            return
        }
        let now = simulation.elapsed
        if let last = lane.lastRefusal, now - last < .seconds(2) { return }
        lane.refusalCount += 1
        lane.lastRefusal = now
        lanes[isRead] = lane
    }

    private func isRead(_ request: SimulatedRequest) -> Bool {
        request.method == "GET" || request.path.hasSuffix("/retrieveLogs")
    }

    /// A request has come.
    func count(_ request: SimulatedRequest) {
        let now = simulation.elapsed
        let isRead = isRead(request)
        var lane = lanes[isRead] ?? Lane(start: now)
        lane.count += 1
        lane.recent.removeAll { now - $0 >= .seconds(1) }
        lane.recent.append(now)
        lanes[isRead] = lane
        noteFaults(now)
        let burst = max(1, min(rate, Self.startRate))
        let words = "\(isRead ? "reads" : "writes") of \(name)"
        let life = seconds(now - lane.start) + 1
        simulation.judge(
            "budget",
            Double(lane.count) <= burst + rate * life + 2 + Double(simulation.faults.struck.count),
            "\(lane.count) \(words) in the \(life) s since the process began"
        )
        if Deadline.now < simulation.requestsHeldUntil + .seconds(60) { return }
        judgeThrottled(lane, words, now)
        if let lastFault, now - lastFault < .seconds(60) { return }
        let grown = min(rate, Self.startRate * Double(1 << min(20, Int(life))))
        simulation.judge(
            "budget",
            Double(lane.recent.count) <= (burst + grown * (1 + Self.jitter) + 2).rounded(.up),
            "\(lane.recent.count) \(words) within a second, and the budget is \(grown) a second by now"
        )
    }

    /// Whoever was told five times, seconds apart, that there are too many must have slowed down to a quarter.
    private func judgeThrottled(_ lane: Lane, _ words: String, _ now: Duration) {
        guard lane.refusalCount >= 5, let last = lane.lastRefusal, now - last < .seconds(4) else { return }
        simulation.judge(
            "budget",
            Double(lane.recent.count) <= max(3, min(rate, Self.startRate) / 4),
            "\(lane.recent.count) \(words) within a second after all were refused again and again"
        )
    }

    private func noteFaults(_ now: Duration) {
        let struck = simulation.faults.struck
        for fault in struck[seenFaultCount...] where Self.networkFaults.contains(fault.kind) {
            lastFault = now
        }
        seenFaultCount = struck.count
    }
}

/// A duration as a number of seconds.
func seconds(_ duration: Duration) -> Double {
    let (seconds, attoseconds) = duration.components
    return Double(seconds) + Double(attoseconds) * 1e-18
}
