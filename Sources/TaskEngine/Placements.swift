// SPDX-License-Identifier: Apache-2.0
//
// Where to create the next instance.
//
// Rule: a create is refused for want of hardware, at a service limit of ours, or because a place names what is not there or
// not ours to use. Each of these comes and goes by itself, and what one says of a place the others do not.
// Consequence: each place has a throttle for each of them, and a create is sent where all let it through.
// Consequence: a place that is held back leaves the rest to the next one; one that is only busy is waited for.
// Rule: a limit counts what there is of ours, so an instance that is gone makes room for exactly one.
// Consequence: where a limit refuses all, each instance of ours that is gone lets one create through besides the probes.
// What comes of it says nothing of the limit; and where it was refused for another reason, the room is still there.
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

/// The places to try, in order of preference, and what their last creates were told; pure, time is that of any steady clock.
package struct Placements: Sendable {
    /// Why a place is full.
    package enum Fullness: String, Sendable, CaseIterable {
        /// The cloud has no hardware left there; only time helps.
        case capacity
        /// A limit or quota of ours is reached; the end of an instance of ours helps, too.
        case limit
        /// It refuses: something that it names is not there, or not ours to use; only a person helps.
        case refusal
    }

    /// The right to send one create, to be given back with what came of it.
    package struct Turn: Hashable, Sendable {
        /// Where to create.
        package let placement: Placement
        /// Whether it goes where a limit is reached, for an instance of ours that is gone.
        package let usesFreedRoom: Bool

        /// Makes a turn.
        package init(_ placement: Placement, usesFreedRoom: Bool = false) {
            self.placement = placement
            self.usesFreedRoom = usesFreedRoom
        }
    }

    /// The shortest pauses before a place where all creates are refused is probed.
    package struct Pauses: Sendable {
        let hardware: Duration
        let others: Duration

        /// Pauses where hardware is short, and for other reasons.
        package init(hardware: Duration = .milliseconds(250), others: Duration = .seconds(5)) {
            self.hardware = hardware
            self.others = others
        }
    }

    /// What is known of one place.
    private struct Place {
        let placement: Placement
        var hardware: AdaptiveThrottle
        var limit: AdaptiveThrottle
        var permission: AdaptiveThrottle
        /// Creates under way, and those of them for which an instance of ours is gone.
        var underWay = 0
        var underWayInFreedRoom = 0
        /// How many creates for which an instance of ours was gone were refused at the limit.
        var vainCount = 0
        /// Whether it has taken a create.
        var isProven = false
        /// How many creates it has taken, and refused for each reason.
        var createdCount = 0
        var refusalCounts: [Fullness: Int] = [:]

        init(_ placement: Placement, _ pauses: Pauses) {
            self.placement = placement
            // Hardware is short for a moment as often as for an hour; a limit seldom changes from one create to the next, and a
            // permission only when a person acts.
            hardware = AdaptiveThrottle(memory: 32, pauseMin: pauses.hardware)
            limit = AdaptiveThrottle(memory: 4, pauseMin: pauses.others)
            permission = AdaptiveThrottle(memory: 1, pauseMin: pauses.others)
        }

        var isShut: Bool { hardware.isShut || limit.isShut || permission.isShut }

        /// How many creates may be under way, whatever the limit says.
        func allowance(of countMax: Int, at now: Duration) -> Int {
            min(hardware.allowance(of: countMax, at: now), permission.allowance(of: countMax, at: now))
        }

        /// Whether room that is ours can be used at `now`.
        func canUseFreedRoom(_ countMax: Int, at now: Duration) -> Bool {
            limit.isShut && underWay < allowance(of: countMax, at: now)
        }

        subscript(_ fullness: Fullness) -> AdaptiveThrottle {
            get {
                switch fullness {
                case .capacity: hardware
                case .limit: limit
                case .refusal: permission
                }
            }
            set {
                switch fullness {
                case .capacity: hardware = newValue
                case .limit: limit = newValue
                case .refusal: permission = newValue
                }
            }
        }
    }

    /// So many creates may be under way in a place where none is refused: each is lost if it is full by now.
    package var windowMax: Int

    /// In order of preference; never empty.
    private var places: [Place]
    /// So many creates may be tried where a limit is reached: things of ours that are gone since.
    private var freedCount = 0
    /// So many instances of ours were never counted by a limit, and make no room when they are gone.
    private var uncountedCount = 0

    /// All combinations: shapes vary slowest, then availability domains, then subnets.
    package init(
        availabilityDomains: [String],
        subnetIDs: [String],
        shapes: [String],
        pauses: Pauses = Pauses(),
        windowMax: Int = 8
    ) {
        self.windowMax = windowMax
        places = shapes.flatMap { shape in
            availabilityDomains.flatMap { domain in
                subnetIDs.map {
                    Place(Placement(availabilityDomain: domain, subnetID: $0, shape: shape), pauses)
                }
            }
        }
        precondition(!places.isEmpty, "no place to create an instance in")
    }

    /// In order of preference.
    package var all: [Placement] { places.map(\.placement) }

    /// What is known of each place at `now`, in order of preference.
    package func reports(at now: Duration) -> [PlaceReport] {
        places.map { place in
            let probe = Fullness.allCases.compactMap { place[$0].probeTime }.max()
            return PlaceReport(
                placement: place.placement,
                underWayCount: place.underWay,
                createdCount: place.createdCount,
                refusalCounts: place.refusalCounts,
                full: Fullness.allCases.filter { place[$0].isShut },
                nextProbe: probe.map { max(.zero, $0 - now) }
            )
        }
    }

    /// How many creates may be under way at once.
    package var createCountMax: Int { windowMax * places.count }

    /// Whether some place takes creates, as far as is known.
    package var isAnyOpen: Bool { places.contains { !$0.isShut } }

    /// When the next of the full places may be probed; nil if none waits for a time, so that only the end of a create under way
    /// can help.
    package func nextProbe(after now: Duration) -> Duration? {
        places.lazy.flatMap { place in Fullness.allCases.compactMap { place[$0].probeTime } }
            .filter { $0 > now }.min()
    }

    /// Takes the first place where a create may be tried at `now`, to be given back with what came of it.
    ///
    /// Here as below, `random` draws evenly from 0 ..< 1.
    package mutating func take(at now: Duration, random: () -> Double) -> Turn? {
        if let turn = takeFreedRoom(at: now, random) { return turn }
        for index in places.indices {
            let place = places[index]
            let allowance = place.allowance(of: windowMax, at: now)
            let limitAllowance = place.limit.allowance(of: windowMax, at: now)
            if place.underWay < allowance, place.underWay - place.underWayInFreedRoom < limitAllowance {
                return send(to: index, usesFreedRoom: false, at: now, random)
            }
            // One that is busy and does not refuse is waited for: the next is not as good.
            if min(allowance, limitAllowance) == windowMax { return nil }
        }
        return nil
    }

    /// A create has succeeded.
    package mutating func created(_ turn: Turn) {
        giveBack(turn) { place in
            place.isProven = true
            place.createdCount += 1
            for fullness in Fullness.allCases where !(fullness == .limit && turn.usesFreedRoom) {
                place[fullness].accepted()
            }
        }
    }

    /// A create was told at `now` that there is no room.
    package mutating func full(_ turn: Turn, _ fullness: Fullness, at now: Duration, random: () -> Double) {
        giveBack(turn) { place in
            place.refusalCounts[fullness, default: 0] += 1
            if turn.usesFreedRoom, fullness == .limit {
                place.vainCount += 1
            } else {
                place[fullness].refused(at: now, random: random)
            }
        }
        if fullness != .limit { keepFreedRoom(of: turn) }
    }

    /// A create was refused at `now`, and not for want of room; false if no place can be hoped for.
    package mutating func refused(_ turn: Turn, at now: Duration, random: () -> Double) -> Bool {
        let isHope = places.contains {
            $0.isProven || $0.placement != turn.placement && !$0.permission.isShut
        }
        if isHope {
            full(turn, .refusal, at: now, random: random)
        } else {
            nothingLearned(of: turn)
        }
        return isHope
    }

    /// A create ended without telling whether there is room.
    package mutating func nothingLearned(of turn: Turn) {
        giveBack(turn) { _ in }
        keepFreedRoom(of: turn)
    }

    /// The instance of a create that had succeeded has begun its work.
    package mutating func proven(_ placement: Placement) {
        change(placement) { place in for fullness in Fullness.allCases { place[fullness].proven() } }
    }

    /// The cloud said at `now`, long after a create, that there had been no room for it.
    package mutating func turnedOutFull(
        _ placement: Placement,
        _ fullness: Fullness,
        at now: Duration,
        random: () -> Double
    ) {
        change(placement) { place in
            place.refusalCounts[fullness, default: 0] += 1
            place[fullness].refused(at: now, isLate: true, random: random)
        }
        if fullness == .limit { uncountedCount += 1 }
    }

    /// An instance of ours is gone for certain: where a limit refuses all, one create may be tried.
    package mutating func roomFreed() {
        if uncountedCount > 0 {
            uncountedCount -= 1
        } else if places.contains(where: \.limit.isShut) {
            freedCount += 1
        }
    }

    /// Of the places where a limit is reached, the one where what is gone of ours most likely was: where that helped before.
    private mutating func takeFreedRoom(at now: Duration, _ random: () -> Double) -> Turn? {
        // What was freed before a limit was reached again says nothing of the place's room now.
        if !places.contains(where: \.limit.isShut) { freedCount = 0 }
        guard freedCount > 0 else { return nil }
        let usable = places.indices.filter { places[$0].canUseFreedRoom(windowMax, at: now) }
        guard let index = usable.min(by: { places[$0].vainCount < places[$1].vainCount }) else { return nil }
        freedCount -= 1
        return send(to: index, usesFreedRoom: true, at: now, random)
    }

    private mutating func send(
        to index: Int,
        usesFreedRoom: Bool,
        at now: Duration,
        _ random: () -> Double
    ) -> Turn {
        let turn = Turn(places[index].placement, usesFreedRoom: usesFreedRoom)
        places[index].underWay += 1
        if usesFreedRoom { places[index].underWayInFreedRoom += 1 }
        for fullness in Fullness.allCases where !(fullness == .limit && usesFreedRoom) {
            places[index][fullness].sent(at: now, random: random)
        }
        return turn
    }

    private mutating func giveBack(_ turn: Turn, _ learn: (inout Place) -> Void) {
        change(turn.placement) { place in
            place.underWay -= 1
            if turn.usesFreedRoom { place.underWayInFreedRoom -= 1 }
            learn(&place)
        }
    }

    private mutating func keepFreedRoom(of turn: Turn) { if turn.usesFreedRoom { freedCount += 1 } }

    private mutating func change(_ placement: Placement, _ body: (inout Place) -> Void) {
        guard let index = places.firstIndex(where: { $0.placement == placement }) else { return }
        body(&places[index])
    }
}
