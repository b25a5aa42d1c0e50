// SPDX-License-Identifier: Apache-2.0
//
// How many requests a second one side of a service (its reads, or its writes) is sent.
//
// Rule: OCI publishes no request rates. It answers 429, and which part of the requests is refused is all that a caller learns.
// Consequence: until the first refusals the rate doubles every second while calls wait. From then on it moves as CUBIC
// does (RFC 9438): it falls to 0.7 of what was borne, is back just below that within seconds, stays there, and then probes beyond,
// slowly; where a probe finds room, the rate doubles again.
// Rule: a service that saves up what was not used bears more than its rate for a while. Between two refusals it has
// accepted just what it bears.
// Consequence: what was borne is counted from one fall of the rate to the next.
// Rule: some 429 have nothing to do with the rate, and go on at any rate.
// Consequence: falls that follow each other although few requests are refused were in vain; then the rate goes back to
// where it was, and refusals count only where they are many.
// Rejected: additive increase, multiplicative decrease. From a low rate to a high one it needs minutes, and each random 429
// costs half of the speed.

/// The rate and the tokens of one side of a service; pure, time arrives as an argument.
struct RequestPace: Sendable {
    /// Requests a second before anything is known of a service.
    static let startPerSecond = 20.0
    /// Twice as many requests a second, every second; as a logarithm a second, like all growth here.
    private static let doubling = 0.693
    /// A rate beyond the known does not grow faster than so much for each request a second: a few answers cannot stop it.
    private static let growthPerRequest = 0.1
    /// The growth of a probe, until it is `probeShare` of what was borne: by then a second's worth of saved requests is used.
    private static let probeGrowth = 0.04
    private static let probeShare = 1.3
    /// A fall goes to this part of what was borne, and is over after so many seconds.
    private static let fallShare = 0.7
    private static let returnSeconds = 3.0
    /// What is sent between the return and the next probe, as a part of what was borne.
    private static let settledShare = 0.975
    /// So long after a fall the next probe begins, and by the time of so many requests later, or of so many seconds: each costs
    /// a refusal, which must be rare.
    private static let settledSeconds = 14.0
    private static let settledRequests = 8.0
    private static let settledSecondsMore = 4.0
    /// Below this no refusals push the rate: after them we would be slow for long.
    private static let floor = 0.5
    /// No fall goes below this part of the rate at once.
    private static let deepestShare = 0.1
    /// For so long after a fall little is sent, and what is refused nevertheless says little of the rate.
    private static let trialTime: Duration = .seconds(1.5)
    /// So soon after a fall nothing can be said of what was accepted since.
    private static let countingTime: Duration = .seconds(2)
    /// The share of refusals that does not count, where they are for the rate and where they may not be.
    private static let toleratedShare = 0.05
    private static let toleratedShareMax = 0.1

    /// When a request was let through; handed back with its answer.
    struct Pass: Sendable {
        fileprivate let sentAt: Duration
    }

    /// The most requests a second.
    private(set) var ceiling: Double
    /// Requests a second at present.
    private(set) var perSecond: Double
    private var tokens: Double
    private var countedAt: Duration
    /// Whether calls wait since `countedAt`.
    private var isWanted = false
    /// Nothing is sent before.
    private var pausedUntil: Duration = .zero
    /// The last fall; nil before the first.
    private var fall: Fall?
    private var recent = RecentAnswers()
    /// Whether refusals are known that are not for the rate.
    private var isTolerant = false
    /// How many refusals came beyond the share that is tolerated.
    private var excess = 0.0

    /// Lets through up to `ceiling` requests a second; `now` counts from any origin that stays the same.
    init(ceiling: Double, now: Duration) {
        precondition(ceiling > 0 && ceiling.isFinite, "a rate is positive and finite")
        self.ceiling = ceiling
        perSecond = min(ceiling, Self.startPerSecond)
        tokens = max(1, perSecond)
        countedAt = now
    }

    /// Goes on to `now`; `isWanted` says whether calls wait from now on.
    mutating func advance(to now: Duration, isWanted: Bool) {
        if isWanted, !self.isWanted { recent.begin(now) }
        defer { self.isWanted = isWanted }
        let seconds = (now - countedAt).inSeconds
        guard seconds > 0 else { return }
        countedAt = now
        // At the floor two seconds lie between two requests; those who seem to have waited for longer may have left.
        grow(now, wantedSeconds: self.isWanted ? min(seconds, 2) : 0)
        tokens = min(tokensMax, tokens + perSecond * seconds)
    }

    /// Takes a token; nil if there is none.
    mutating func take() -> Pass? {
        // Sums of fractions miss 1 by less than this.
        guard tokens > 1 - 1e-6, countedAt >= pausedUntil else { return nil }
        tokens -= 1
        // A burst that uses up what was saved up comes faster than the rate, as calls that wait do.
        if fall == nil, tokens >= 1, tokens < tokensMax / 2 {
            perSecond = min(ceiling, perSecond + Self.doubling)
        }
        return Pass(sentAt: countedAt)
    }

    /// How long after `now` there is a token, at most.
    func delay(_ now: Duration) -> Duration {
        let missing = 1 - tokens
        let delay: Duration = missing > 1e-6 ? .seconds(missing / perSecond) - (now - countedAt) : .zero
        return max(.zero, delay, pausedUntil - now)
    }

    /// Lets through up to `ceiling` a second, at once unless the service has refused something.
    mutating func raise(to ceiling: Double) {
        self.ceiling = max(self.ceiling, ceiling)
        if fall == nil { perSecond = max(perSecond, ceiling) }
    }

    /// The service has answered, and not that there are too many requests.
    mutating func accepted(_ pass: Pass, now: Duration) {
        recent.accepted(now)
        learn(pass, isRefused: false, now)
    }

    /// The service has answered that there are too many requests, and to wait for so long; returns the new rate if it fell.
    mutating func refused(_ pass: Pass, retryAfter: Duration, now: Duration) -> Double? {
        recent.refused()
        learn(pass, isRefused: true, now)
        guard excess >= refusalsMin(pass) else { return nil }
        fall = nextFall(now)
        excess = 0
        pausedUntil = now + retryAfter
        tokens = min(tokens, 0)
        grow(now, wantedSeconds: 0)
        return perSecond
    }

    private var floor: Double { min(Self.floor, ceiling) }
    /// At most so many are sent at once.
    private var tokensMax: Double { max(1, min(perSecond, Self.startPerSecond)) }

    private mutating func grow(_ now: Duration, wantedSeconds: Double) {
        defer { perSecond = min(max(perSecond, floor), ceiling) }
        guard let fall else {
            perSecond *= exponential(Self.doubling * wantedSeconds)
            return
        }
        let age = (now - fall.at).inSeconds
        let more = min(Self.settledSecondsMore, Self.settledRequests / fall.borne)
        if age < Self.settledSeconds + more {
            let left = max(0, 1 - age / Self.returnSeconds)
            let share = Self.settledShare - (Self.settledShare - Self.fallShare) * left * left * left
            perSecond = fall.borne * share
        } else {
            let growth =
                perSecond < fall.borne * Self.probeShare
                ? Self.probeGrowth : min(Self.doubling, perSecond * Self.growthPerRequest)
            perSecond *= exponential(growth * wantedSeconds)
        }
    }

    private mutating func learn(_ pass: Pass, isRefused: Bool, _ now: Duration) {
        if let fall {
            // What was sent before the last fall, or at the same moment, that fall has answered.
            if pass.sentAt <= fall.at { return }
            if isSettled(now), Double(fall.cleanCount) >= 30 + 2 * perSecond { isTolerant = false }
            self.fall?.note(isRefused: isRefused)
        }
        let tolerated = isTolerant || isTrial(pass) ? Self.toleratedShareMax : Self.toleratedShare
        excess = max(0, excess - tolerated) + (isRefused ? 1 : 0)
    }

    /// So many refusals beyond what is tolerated make the rate fall.
    private func refusalsMin(_ pass: Pass) -> Double {
        let many = 4 + perSecond / 40
        if isTolerant { return many }
        return isTrial(pass) ? min(many, 1 + perSecond * 0.15) : 1
    }

    /// Whether nothing is known of the rate at which it was sent, or that has just fallen.
    private func isTrial(_ pass: Pass) -> Bool {
        fall.map { pass.sentAt < $0.at + Self.trialTime } ?? true
    }

    /// Whether the last fall is so long ago that the next has another cause.
    private func isSettled(_ now: Duration) -> Bool {
        fall.map { now >= $0.at + .seconds(Self.settledSeconds) } ?? true
    }

    private mutating func nextFall(_ now: Duration) -> Fall {
        let borne = max(floor, borne(now))
        guard let last = fall, !isSettled(now), !isTolerant else {
            return Fall(at: now, borne: borne, rateBefore: perSecond)
        }
        let count = last.countInARow + 1
        if count >= Fall.vainCount, recent.isMostlyAccepted {
            isTolerant = true
            return Fall(at: now, borne: last.rateBefore, rateBefore: last.rateBefore)
        }
        return Fall(at: now, borne: borne, rateBefore: last.rateBefore, countInARow: count)
    }

    /// What the service bears, by what it has accepted.
    private func borne(_ now: Duration) -> Double {
        if let fall, isWanted, recent.start <= fall.at, now - fall.at >= Self.countingTime,
            perSecond <= fall.borne * Self.probeShare * 1.05
        {
            let accepted = Double(fall.acceptedCount) / (now - fall.at).inSeconds
            if isTolerant { return min(perSecond, accepted) }
            // A service that saves nothing up refuses as soon as its rate is reached: the mean since the fall is below it.
            return min(perSecond, accepted + (perSecond - accepted) * (isSettled(now) ? 0.5 : 0.15))
        }
        let believed = isSettled(now) ? perSecond : fall?.borne ?? perSecond
        let measured = isWanted ? recent.perSecond(now) ?? 0 : 0
        return min(believed, max(measured, believed * max(1 - recent.refusedShare, Self.deepestShare)))
    }
}

/// A fall of the rate, and what came of it.
private struct Fall: Sendable {
    /// So many in a row, each from a rate that was thought to be borne, show that refusals are not for the rate.
    static let vainCount = 2

    let at: Duration
    /// What the service was thought to bear then, in requests a second.
    let borne: Double
    /// The rate before the first of the falls in a row that this is the last of, and how many came before this one.
    let rateBefore: Double
    var countInARow = 0
    /// How many requests were accepted of those sent since.
    private(set) var acceptedCount = 0
    /// And of those since the last refusal.
    private(set) var cleanCount = 0

    init(at: Duration, borne: Double, rateBefore: Double, countInARow: Int = 0) {
        self.at = at
        self.borne = borne
        self.rateBefore = rateBefore
        self.countInARow = countInARow
    }

    mutating func note(isRefused: Bool) {
        acceptedCount += isRefused ? 0 : 1
        cleanCount = isRefused ? 0 : cleanCount + 1
    }
}

/// What was answered lately while calls waited.
private struct RecentAnswers: Sendable {
    /// The rate is that of the last second, or of so many answers where there were fewer, or of ten seconds.
    private static let countMin = 16
    private static let timeMin: Duration = .seconds(1)
    private static let timeMax: Duration = .seconds(10)
    private static let countMax = 256
    /// Over so many answers the share of refusals is measured.
    private static let shareAnswers = 12.0

    private var times: [Duration] = []
    /// Since when calls wait.
    private(set) var start: Duration = .zero
    /// The share of refusals, and the same before the last answer.
    private(set) var refusedShare = 0.0
    private var shareBefore = 0.0

    /// Whether so few are refused that it may not be for the rate; a refusal that has just come does not count.
    var isMostlyAccepted: Bool { shareBefore <= 0.1 }

    mutating func begin(_ now: Duration) {
        times = []
        start = now
    }

    mutating func accepted(_ now: Duration) {
        if times.count == Self.countMax { times.removeFirst(Self.countMax / 2) }
        times.append(now)
        note(0)
    }

    mutating func refused() { note(1) }

    private mutating func note(_ refusal: Double) {
        shareBefore = refusedShare
        refusedShare += (refusal - refusedShare) / Self.shareAnswers
    }

    /// So many a second were accepted; nil if calls have not waited long enough to tell.
    func perSecond(_ now: Duration) -> Double? {
        guard now - start >= Self.timeMin else { return nil }
        var (first, count) = (now, 0)
        for time in times.reversed() {
            let age = now - time
            if age > Self.timeMax || age > Self.timeMin && count >= Self.countMin { break }
            first = time
            count += 1
        }
        return Double(max(0, count - 1)) / max(0.1, (now - first).inSeconds)
    }
}

/// e to the power of `x`, for 0 <= x <= 1.4.
private func exponential(_ x: Double) -> Double {
    1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6)))))
}
