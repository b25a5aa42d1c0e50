// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@Suite struct PlacementsTests {
    private func twoDomains() -> Placements {
        Placements(availabilityDomains: ["AD-1", "AD-2"], subnetIDs: ["subnet"], shapes: ["E4", "E3"])
    }

    private func oneDomain() -> Placements {
        Placements(availabilityDomains: ["AD-1"], subnetIDs: ["s"], shapes: ["E4"])
    }

    private func take(_ placements: inout Placements, at now: Duration) throws -> Placement {
        let place = placements.take(at: now)
        return try #require(place)
    }

    /// Has the first place answer at the origin of time that there is no room.
    private func fill(_ placements: inout Placements, _ fullness: Placements.Fullness) throws {
        let place = try take(&placements, at: .zero)
        placements.full(place, fullness, at: .zero)
    }

    @Test func `places are tried in order of preference`() {
        var placements = twoDomains()
        var order: [String] = []
        while let place = placements.take(at: .zero) {
            order.append("\(place.shape) \(place.availabilityDomain)")
            placements.full(place, .capacity, at: .zero)
        }
        #expect(order == ["E4 AD-1", "E4 AD-2", "E3 AD-1", "E3 AD-2"])
        #expect(placements.nextProbe(after: .zero) == .seconds(15))
        #expect(placements.take(at: .seconds(15))?.availabilityDomain == "AD-1")
    }

    @Test func `what is under way in a place is bounded, and no reason to take a worse one`() throws {
        var placements = twoDomains()
        var taken: [Placement] = []
        while let place = placements.take(at: .zero) { taken.append(place) }
        #expect(taken == Array(repeating: placements.all[0], count: 8))
        #expect(placements.isAnyClosed)
        placements.created(in: taken[0], at: .seconds(1))
        #expect(try take(&placements, at: .seconds(1)) == placements.all[0])
        placements.full(taken[1], .capacity, at: .seconds(2))
        #expect(try take(&placements, at: .seconds(2)) == placements.all[1])
    }

    @Test func `a place that stays full is asked less and less often`() throws {
        var placements = oneDomain()
        var now = Duration.zero
        var pauses: [Duration] = []
        for _ in 0..<5 {
            let place = try take(&placements, at: now)
            placements.full(place, .capacity, at: now)
            let next = try #require(placements.nextProbe(after: now))
            pauses.append(next - now)
            now = next
        }
        #expect(pauses == [.seconds(15), .seconds(30), .seconds(60), .seconds(120), .seconds(120)])
    }

    @Test func `several answers of one moment count as one`() throws {
        var placements = oneDomain()
        let places = (0..<8).compactMap { _ in placements.take(at: .zero) }
        #expect(places.count == 8)
        for place in places { placements.full(place, .capacity, at: .seconds(1)) }
        #expect(placements.nextProbe(after: .seconds(1)) == .seconds(16))
    }

    @Test func `after a pause one create tries, then two, then four, then all`() throws {
        var placements = oneDomain()
        try fill(&placements, .capacity)
        let now = Duration.seconds(15)
        var rounds: [Int] = []
        while !placements.isAnyClosed {
            var taken: [Placement] = []
            while let place = placements.take(at: now) { taken.append(place) }
            rounds.append(taken.count)
            try #require(!taken.isEmpty)
            placements.created(in: taken[0], at: now)
            for place in taken.dropFirst() { placements.nothingLearned(of: place) }
        }
        #expect(rounds == [1, 2, 4, 8])
    }

    @Test func `a create that was under way when the breaker opened does not close it`() throws {
        var placements = oneDomain()
        let second = try take(&placements, at: .zero)
        try fill(&placements, .capacity)
        placements.created(in: second, at: .seconds(1))
        let probe = placements.take(at: .seconds(15))
        #expect(probe != nil)
        #expect(placements.take(at: .seconds(15)) == nil)
    }

    @Test func `while a place is tried the others wait for what comes of it, and no timer helps`() throws {
        var placements = oneDomain()
        try fill(&placements, .capacity)
        let probe = try take(&placements, at: .seconds(15))
        #expect(placements.take(at: .seconds(15)) == nil)
        #expect(placements.nextProbe(after: .seconds(15)) == nil)
        placements.nothingLearned(of: probe)
        #expect(placements.take(at: .seconds(15)) != nil)
    }

    @Test
    func `room of ours lets a create through a breaker that a limit opened, and not where hardware lacks`()
        throws
    {
        for (fullness, isOpened) in [(Placements.Fullness.limit, true), (.capacity, false)] {
            var placements = oneDomain()
            try fill(&placements, fullness)
            placements.roomFreed(at: .seconds(1))
            #expect((placements.take(at: .seconds(1)) != nil) == isOpened)
        }
    }

    @Test func `room of ours lets as many creates through as there is room, and no more`() throws {
        var placements = oneDomain()
        try fill(&placements, .limit)
        for _ in 0..<2 { placements.roomFreed(at: .seconds(1)) }
        let first = try take(&placements, at: .seconds(1))
        let second = try take(&placements, at: .seconds(1))
        #expect(placements.take(at: .seconds(1)) == nil)
        placements.created(in: first, at: .seconds(2))
        #expect(placements.take(at: .seconds(2)) == nil)
        placements.full(second, .limit, at: .seconds(2))
        #expect(placements.take(at: .seconds(2)) == nil)
        #expect(placements.nextProbe(after: .seconds(2)) == .seconds(15))
        _ = try take(&placements, at: .seconds(15))
    }

    @Test func `room that was freed before the breaker opened again is no room now`() throws {
        var placements = oneDomain()
        try fill(&placements, .limit)
        for _ in 0..<5 { placements.roomFreed(at: .seconds(1)) }
        let probe = try take(&placements, at: .seconds(15))
        placements.full(probe, .limit, at: .seconds(16))
        #expect(placements.take(at: .seconds(16)) == nil)
    }

    @Test func `what is gone of ours is looked for where that helped before`() throws {
        var placements = Placements(availabilityDomains: ["AD-1", "AD-2"], subnetIDs: ["s"], shapes: ["E4"])
        for _ in 0..<2 {
            let place = try take(&placements, at: .zero)
            placements.full(place, .limit, at: .zero)
        }
        var tried: [String] = []
        for second in 1...6 {
            placements.roomFreed(at: .seconds(second))
            let place = try take(&placements, at: .seconds(second))
            tried.append(place.availabilityDomain)
            #expect(placements.take(at: .seconds(second)) == nil)
            if place.availabilityDomain == "AD-2" {
                placements.created(in: place, at: .seconds(second))
            } else {
                placements.full(place, .limit, at: .seconds(second))
            }
        }
        #expect(tried == ["AD-1", "AD-2", "AD-2", "AD-2", "AD-2", "AD-2"])
    }

    @Test func `room of ours that a place without hardware could not use goes to the next`() throws {
        var placements = Placements(availabilityDomains: ["AD-1", "AD-2"], subnetIDs: ["s"], shapes: ["E4"])
        for _ in 0..<2 {
            let place = try take(&placements, at: .zero)
            placements.full(place, .limit, at: .zero)
        }
        placements.roomFreed(at: .seconds(1))
        let first = try take(&placements, at: .seconds(1))
        placements.full(first, .capacity, at: .seconds(1))
        #expect(try take(&placements, at: .seconds(1)).availabilityDomain == "AD-2")
        #expect(placements.take(at: .seconds(1)) == nil)
    }

    @Test func `a place where creates succeeded meanwhile is full anew, with the first pause`() throws {
        var placements = oneDomain()
        try fill(&placements, .limit)
        let probe = try take(&placements, at: .seconds(15))
        placements.created(in: probe, at: .seconds(16))
        placements.turnedOutFull(placements.all[0], .limit, at: .seconds(20))
        #expect(placements.nextProbe(after: .seconds(20)) == .seconds(35))
    }

    @Test func `a place that refuses is left for the next, and without a next the refusal counts`() throws {
        var placements = twoDomains()
        for count in 1...4 {
            let place = try take(&placements, at: .zero)
            #expect(place == placements.all[count - 1])
            let isHope = placements.refused(place, at: .zero)
            #expect(isHope == (count < 4))
        }
        // The last is asked at once by the next task, and the first in a while.
        #expect(try take(&placements, at: .zero) == placements.all[3])
        #expect(try take(&placements, at: .seconds(15)) == placements.all[0])
    }

    @Test func `a place that has taken a create before is waited for when it refuses`() throws {
        var placements = oneDomain()
        placements.created(in: try take(&placements, at: .zero), at: .zero)
        let isHope = placements.refused(try take(&placements, at: .zero), at: .zero)
        #expect(isHope && !placements.isAnyClosed)
        #expect(placements.take(at: .zero) == nil)
        placements.roomFreed(at: .seconds(1))
        #expect(placements.take(at: .seconds(1)) == nil, "what is gone of ours is no permission")
        #expect(placements.nextProbe(after: .zero) == .seconds(15))
        #expect(try take(&placements, at: .seconds(15)) == placements.all[0])
    }

    @Test func `a place that is full is hope, whatever the others refuse`() throws {
        var placements = Placements(availabilityDomains: ["1", "2"], subnetIDs: ["s"], shapes: ["E4"])
        try fill(&placements, .limit)
        let isHope = placements.refused(try take(&placements, at: .zero), at: .zero)
        #expect(isHope)
        #expect(placements.take(at: .zero) == nil)
    }
}
