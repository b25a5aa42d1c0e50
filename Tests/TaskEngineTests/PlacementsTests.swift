// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@Suite struct PlacementsTests {
    private func twoDomains() -> Placements {
        Placements(availabilityDomains: ["AD-1", "AD-2"], subnetIDs: ["subnet"], shapes: ["E4", "E3"])
    }

    private func domains(_ count: Int) -> Placements {
        Placements(availabilityDomains: (1...count).map { "AD-\($0)" }, subnetIDs: ["s"], shapes: ["E4"])
    }

    private func next(_ placements: inout Placements, at now: Duration) -> Placements.Turn? {
        placements.take(at: now, random: { 0 })
    }

    private func take(_ placements: inout Placements, at now: Duration = .zero) throws -> Placements.Turn {
        let turn = next(&placements, at: now)
        return try #require(turn)
    }

    private func refuse(
        _ placements: inout Placements,
        _ turn: Placements.Turn,
        _ fullness: Placements.Fullness,
        at now: Duration = .zero
    ) {
        placements.full(turn, fullness, at: now, random: { 0 })
    }

    /// Has the first `count` places answer at the origin of time that there is no room.
    private func fill(_ placements: inout Placements, _ fullness: Placements.Fullness, count: Int = 1) throws
    {
        for _ in 0..<count { refuse(&placements, try take(&placements), fullness) }
    }

    @Test func `places are tried in order of preference`() {
        var placements = twoDomains()
        var order: [String] = []
        while let turn = next(&placements, at: .zero) {
            order.append("\(turn.placement.shape) \(turn.placement.availabilityDomain)")
            refuse(&placements, turn, .capacity)
        }
        #expect(order == ["E4 AD-1", "E4 AD-2", "E3 AD-1", "E3 AD-2"])
        #expect(placements.nextProbe(after: .zero) == .milliseconds(250))
        #expect(next(&placements, at: .milliseconds(250))?.placement.availabilityDomain == "AD-1")
    }

    @Test func `each place tells what it took and refused, and why it is held back`() throws {
        var placements = domains(2)
        let taken = try take(&placements)
        placements.created(taken)
        refuse(&placements, try take(&placements), .capacity)
        placements.turnedOutFull(taken.placement, .limit, at: .zero, random: { 0 })
        let waiting = try take(&placements)
        let reports = placements.reports(at: .seconds(1))
        #expect(reports.map(\.placement) == placements.all)
        #expect(reports[0].createdCount == 1)
        #expect(reports[0].refusalCounts == [.capacity: 1, .limit: 1])
        #expect(reports[0].full == [.limit] && reports[0].nextProbe == .seconds(4))
        #expect(waiting.placement == placements.all[1] && reports[1].underWayCount == 1)
        #expect(reports[1].full.isEmpty && reports[1].nextProbe == nil)
    }

    @Test func `what is under way in a place is bounded, and no reason to take a worse one`() throws {
        var placements = twoDomains()
        var taken: [Placements.Turn] = []
        while let turn = next(&placements, at: .zero) { taken.append(turn) }
        #expect(taken.map(\.placement) == Array(repeating: placements.all[0], count: 8))
        #expect(placements.isAnyOpen)
        placements.created(taken[0])
        #expect(try take(&placements).placement == placements.all[0])
        for turn in taken.dropFirst() { refuse(&placements, turn, .capacity) }
        // One of eight was accepted, and one more is under way.
        let places = [try take(&placements), try take(&placements), try take(&placements)].map(\.placement)
        #expect(places == [placements.all[0], placements.all[0], placements.all[1]])
    }

    @Test func `a place that refuses a part of all is sent more than the rest goes elsewhere`() throws {
        var placements = domains(2)
        for number in 0..<32 {
            let turn = try take(&placements)
            if number % 4 == 0 { placements.created(turn) } else { refuse(&placements, turn, .capacity) }
        }
        var counts: [Placement: Int] = [:]
        while let turn = next(&placements, at: .zero) { counts[turn.placement, default: 0] += 1 }
        #expect(placements.all.map { counts[$0] } == [4, 8])
    }

    @Test func `while a place is probed the others wait for what comes of it, and no timer helps`() throws {
        var placements = domains(1)
        try fill(&placements, .capacity)
        #expect(!placements.isAnyOpen)
        let now = Duration.milliseconds(250)
        #expect(placements.nextProbe(after: .zero) == now)
        let probe = try take(&placements, at: now)
        #expect(next(&placements, at: .seconds(60)) == nil)
        #expect(placements.nextProbe(after: .seconds(60)) == nil)
        placements.nothingLearned(of: probe)
        _ = try take(&placements, at: .seconds(60))
    }

    @Test func `what one kind of refusal says of a place, the others do not`() throws {
        var placements = domains(1)
        // Hardware was found by all, and the limit refuses.
        for _ in 0..<8 { placements.created(try take(&placements)) }
        try fill(&placements, .limit, count: 4)
        #expect(!placements.isAnyOpen)
        #expect(placements.nextProbe(after: .zero) == .seconds(5))
        placements.roomFreed()
        refuse(&placements, try take(&placements), .capacity)
        // The room is still there, and one refusal of nine says little of the hardware.
        placements.created(try take(&placements))
        #expect(next(&placements, at: .zero) == nil)
    }

    @Test func `room of ours lets a create through where a limit is reached, and not where hardware lacks`()
        throws
    {
        for (fullness, isOpened) in [(Placements.Fullness.limit, true), (.capacity, false)] {
            var placements = domains(1)
            try fill(&placements, fullness)
            placements.roomFreed()
            #expect((next(&placements, at: .zero)?.usesFreedRoom == true) == isOpened)
        }
    }

    @Test func `room of ours lets as many creates through as there is room, and no more`() throws {
        var placements = domains(1)
        try fill(&placements, .limit)
        for _ in 0..<2 { placements.roomFreed() }
        let first = try take(&placements, at: .seconds(1))
        let second = try take(&placements, at: .seconds(1))
        #expect(next(&placements, at: .seconds(1)) == nil)
        placements.created(first)
        #expect(next(&placements, at: .seconds(2)) == nil)
        refuse(&placements, second, .limit, at: .seconds(2))
        #expect(next(&placements, at: .seconds(2)) == nil)
        #expect(placements.nextProbe(after: .seconds(2)) == .seconds(5))
        #expect(try !take(&placements, at: .seconds(5)).usesFreedRoom)
    }

    @Test func `room of ours that was not used for another reason is still there`() throws {
        var placements = domains(1)
        try fill(&placements, .limit)
        placements.roomFreed()
        placements.nothingLearned(of: try take(&placements))
        #expect(try take(&placements).usesFreedRoom)
    }

    @Test func `room that was freed before a limit was reached again is no room now`() throws {
        var placements = domains(1)
        try fill(&placements, .limit)
        let probe = try take(&placements, at: .seconds(5))
        for _ in 0..<5 { placements.roomFreed() }
        placements.created(probe)
        let turns = (0..<3).compactMap { _ in next(&placements, at: .seconds(5)) }
        #expect(turns.count == 2 && !turns.contains(where: \.usesFreedRoom))
        for turn in turns { refuse(&placements, turn, .limit, at: .seconds(6)) }
        for _ in 0..<2 { try fill(&placements, .limit) }
        #expect(next(&placements, at: .seconds(6)) == nil)
    }

    @Test func `an instance that a limit ended late makes no room when it is gone`() throws {
        var placements = domains(1)
        let turn = try take(&placements)
        placements.created(turn)
        for _ in 0..<4 { placements.turnedOutFull(turn.placement, .limit, at: .zero, random: { 0 }) }
        for _ in 0..<4 { placements.roomFreed() }
        #expect(next(&placements, at: .zero) == nil)
        placements.roomFreed()
        #expect(try take(&placements).usesFreedRoom)
    }

    @Test func `what is gone of ours is looked for where that helped before`() throws {
        var placements = domains(2)
        try fill(&placements, .limit, count: 2)
        var tried: [String] = []
        for _ in 1...6 {
            placements.roomFreed()
            let turn = try take(&placements)
            tried.append(turn.placement.availabilityDomain)
            #expect(next(&placements, at: .zero) == nil)
            if turn.placement.availabilityDomain == "AD-2" {
                placements.created(turn)
            } else {
                refuse(&placements, turn, .limit)
            }
        }
        #expect(tried == ["AD-1", "AD-2", "AD-2", "AD-2", "AD-2", "AD-2"])
    }

    @Test func `room of ours that a place without hardware could not use goes to the next`() throws {
        var placements = domains(2)
        try fill(&placements, .limit, count: 2)
        placements.roomFreed()
        refuse(&placements, try take(&placements), .capacity)
        #expect(try take(&placements).placement.availabilityDomain == "AD-2")
        #expect(next(&placements, at: .zero) == nil)
    }

    @Test func `a place that turns out full is believed again when an instance has begun its work`() throws {
        var placements = domains(1)
        let turn = try take(&placements)
        placements.created(turn)
        placements.turnedOutFull(turn.placement, .capacity, at: .zero, random: { 0 })
        placements.created(try take(&placements, at: .milliseconds(250)))
        #expect(!placements.isAnyOpen)
        placements.proven(turn.placement)
        #expect(placements.isAnyOpen)
    }

    @Test func `a place that refuses is left for the next, and without a next the refusal counts`() throws {
        var placements = twoDomains()
        for count in 1...4 {
            let turn = try take(&placements)
            #expect(turn.placement == placements.all[count - 1])
            let isHope = placements.refused(turn, at: .zero, random: { 0 })
            #expect(isHope == (count < 4))
        }
        // The last is asked at once by the next task, and the first in a while.
        #expect(try take(&placements).placement == placements.all[3])
        #expect(try take(&placements, at: .seconds(5)).placement == placements.all[0])
    }

    @Test func `a place that has taken a create before is waited for when it refuses`() throws {
        var placements = domains(1)
        placements.created(try take(&placements))
        let isHope = placements.refused(try take(&placements), at: .zero, random: { 0 })
        #expect(isHope && !placements.isAnyOpen)
        #expect(next(&placements, at: .zero) == nil)
        placements.roomFreed()
        #expect(next(&placements, at: .zero) == nil, "what is gone of ours is no permission")
        #expect(placements.nextProbe(after: .zero) == .seconds(5))
        _ = try take(&placements, at: .seconds(5))
    }

    @Test func `a place that is full is hope, whatever the others refuse`() throws {
        var placements = domains(2)
        try fill(&placements, .limit)
        let isHope = placements.refused(try take(&placements), at: .zero, random: { 0 })
        #expect(isHope)
        #expect(next(&placements, at: .zero) == nil)
    }
}
