// SPDX-License-Identifier: Apache-2.0
//
// Where to create the next instance.
//
// Rule: "Out of host capacity" and a service limit say that a place is full now. Asking again at once earns a rate
// limit; and when a thousand tasks wait, letting all of them ask the moment one pause is over is the same mistake.
// Consequence: each place has a circuit breaker. It opens when a create finds no room, and lets nothing through for a
// pause that doubles each time. Then it is half open: one create probes; if that succeeds two may be under way, then
// four, and so on until the breaker is closed again.
// Consequence: where a limit is what makes a place full, each instance of ours that is gone lets one create through an
// open breaker, for that is what the limit counts. More than one would be refused: room for one says nothing of others.
//
// Rule: a subnet that is gone, or a policy that is missing, is a fault of one place; and it may be mended.
// Consequence: a place that refuses is as good as full while another may take the task, or when one has taken tasks before.
// Only where neither holds is it a mistake in the configuration, of which the task is told.

/// One place where an instance can be created.
package struct Placement: Hashable, Sendable {
    /// Full name, as the service has it.
    package let availabilityDomain: String
    /// OCID of the subnet.
    package let subnetID: String
    /// Name of the shape.
    package let shape: String

    /// Names a place.
    package init(availabilityDomain: String, subnetID: String, shape: String) {
        self.availabilityDomain = availabilityDomain
        self.subnetID = subnetID
        self.shape = shape
    }
}

/// The places to try, in order of preference, and which of them are known to be full; pure.
package struct Placements: Sendable {
    /// Why a place is full.
    package enum Fullness: Hashable, Sendable {
        /// The cloud has no hardware left there; only time helps.
        case capacity
        /// A limit or quota of ours is reached; the end of an instance of ours helps, too.
        case limit
        /// It refuses: something that it names is not there, or not ours to use; only a person helps.
        case refusal
    }

    /// The breaker of a place that was found full; a place without one has its breaker closed.
    private struct Breaker {
        /// What opened it.
        var fullness: Fullness
        /// Open until then, half open from then on.
        var openUntil: Duration
        /// The length of the last pause.
        var pause: Duration
        /// So many creates may be under way while it is half open.
        var window = 1
        /// How many creates found the place full that were let through because an instance of ours was gone.
        var failedProbeCount = 0
    }

    /// So many creates may be under way in a place that is not known to be full: each is lost if it is by now.
    package var windowMax: Int

    /// In order of preference; never empty.
    package let all: [Placement]
    private var breakers: [Placement: Breaker] = [:]
    /// Those that have taken a create.
    private var proven: Set<Placement> = []
    private var underWay: [Placement: Int] = [:]
    /// So many creates may be tried where a limit is reached: things of ours that are gone since.
    private var freedCount = 0
    private let firstPause: Duration
    private let longestPause: Duration

    /// All combinations: shapes vary slowest, then availability domains, then subnets.
    package init(
        availabilityDomains: [String],
        subnetIDs: [String],
        shapes: [String],
        firstPause: Duration = .seconds(15),
        longestPause: Duration = .seconds(120),
        windowMax: Int = 8
    ) {
        self.windowMax = windowMax
        all = shapes.flatMap { shape in
            availabilityDomains.flatMap { domain in
                subnetIDs.map { Placement(availabilityDomain: domain, subnetID: $0, shape: shape) }
            }
        }
        precondition(!all.isEmpty, "no place to create an instance in")
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    /// Takes the first place where a create may be tried at `now`; `created`, `full` or `nothingLearned` gives it back.
    package mutating func take(at now: Duration) -> Placement? {
        var free = all.first { letsThrough($0, at: now) }
        // One that is busy and not known to be full is waited for: the next is not as good.
        if let place = free, underWay[place, default: 0] >= windowMax { return nil }
        let limited = likeliestFreed(at: now)
        // What was freed before a breaker opened again says nothing of the place's room now.
        if limited == nil { freedCount = 0 }
        if free == nil, freedCount > 0, let limited {
            free = limited
            freedCount -= 1
        }
        if let free { underWay[free, default: 0] += 1 }
        return free
    }

    /// When an open breaker becomes half open; nil if none is open, so that only the end of a create under way can help.
    package func nextProbe(after now: Duration) -> Duration? {
        breakers.values.map(\.openUntil).filter { $0 > now }.min()
    }

    /// How many creates may be under way at once.
    package var createCountMax: Int { windowMax * all.count }

    /// Whether any place's breaker is closed.
    package var isAnyClosed: Bool { all.contains { breakers[$0] == nil } }

    /// A create in a place that was taken has succeeded, as was learned at `now`.
    package mutating func created(in place: Placement, at now: Duration) {
        giveBack(place)
        proven.insert(place)
        // One that was under way when the place was found full says nothing about now.
        guard var breaker = breakers[place], breaker.openUntil <= now else { return }
        breaker.window *= 2
        breakers[place] = breaker.window > windowMax ? nil : breaker
    }

    /// A create in a place that was taken was told at `now` that there is no room.
    ///
    /// Several answers to creates that overlapped count once.
    package mutating func full(_ place: Placement, _ fullness: Fullness, at now: Duration) {
        giveBack(place)
        open(place, fullness, at: now)
    }

    /// A create in a place that was taken was refused at `now`; false if no place can be hoped for.
    package mutating func refused(_ place: Placement, at now: Duration) -> Bool {
        giveBack(place)
        let isHope = all.contains { other in
            proven.contains(other) || other != place && breakers[other]?.fullness != .refusal
        }
        if isHope { open(place, .refusal, at: now) }
        return isHope
    }

    /// The cloud said at `now`, long after a create, that there had been no room for it.
    package mutating func turnedOutFull(_ place: Placement, _ fullness: Fullness, at now: Duration) {
        open(place, fullness, at: now)
    }

    /// A create in a place that was taken ended without telling whether there is room.
    package mutating func nothingLearned(of place: Placement) { giveBack(place) }

    /// An instance of ours is gone for certain: where a limit opened a breaker, one create may be tried.
    package mutating func roomFreed(at now: Duration) {
        if likeliestFreed(at: now) != nil { freedCount += 1 }
    }

    private func letsThrough(_ place: Placement, at now: Duration) -> Bool {
        guard let breaker = breakers[place] else { return true }
        return breaker.openUntil <= now && underWay[place, default: 0] < breaker.window
    }

    /// Of the places whose breaker a limit opened, the one where what is gone of ours most likely was: where that helped
    /// before.
    private func likeliestFreed(at now: Duration) -> Placement? {
        var least: (place: Placement, count: Int)?
        for place in all {
            guard let breaker = breakers[place], breaker.fullness == .limit, breaker.openUntil > now else {
                continue
            }
            if breaker.failedProbeCount < least?.count ?? .max { least = (place, breaker.failedProbeCount) }
        }
        return least?.place
    }

    private mutating func open(_ place: Placement, _ fullness: Fullness, at now: Duration) {
        guard let known = breakers[place] else {
            breakers[place] = Breaker(fullness: fullness, openUntil: now + firstPause, pause: firstPause)
            return
        }
        if known.openUntil > now { return note(fullness, of: place, openedBy: known.fullness) }
        // A place where creates succeeded since is full anew, not still.
        let pause = known.window > 1 ? firstPause : min(known.pause * 2, longestPause)
        breakers[place] = Breaker(fullness: fullness, openUntil: now + pause, pause: pause)
    }

    /// A create found a place full whose breaker is open already.
    private mutating func note(_ fullness: Fullness, of place: Placement, openedBy known: Fullness) {
        switch (known, fullness) {
        case (.limit, .limit): breakers[place]?.failedProbeCount += 1
        case (.limit, .capacity), (.limit, .refusal):
            // It lacks more than what the limit counts, so what is gone of ours is of no use here, and may be elsewhere.
            breakers[place]?.fullness = fullness
            freedCount += 1
        case (.capacity, _), (.refusal, _): break
        }
    }

    private mutating func giveBack(_ place: Placement) {
        guard let count = underWay[place] else { return }
        underWay[place] = count > 1 ? count - 1 : nil
    }
}
