// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TaskEngine

@Suite struct AdaptiveThrottleTests {
    private func throttle(_ outcomes: String, memory: Int = 8) -> AdaptiveThrottle {
        var throttle = AdaptiveThrottle(memory: memory, pauseMin: .seconds(1))
        for outcome in outcomes {
            if outcome == "+" { throttle.accepted() } else { throttle.refused(at: .zero, random: { 0 }) }
        }
        return throttle
    }

    @Test(
        arguments: [
            ("", 8), ("+", 8), ("++++++++", 8), ("+-", 8), ("++++----", 8),
            // (1 - (8 - 2 * 3) / 9) * 8, and so on.
            ("+++-----", 6), ("++------", 4), ("+-------", 3), ("+--", 6),
            // The oldest are forgotten.
            ("+++++++++++-----", 6), ("--------++++", 8),
        ]
    )
    func `how many may be under way follows what was accepted`(outcomes: String, allowance: Int) {
        #expect(throttle(outcomes).allowance(of: 8, at: .zero) == allowance)
    }

    @Test func `one may always be under way while any of the last was accepted`() {
        #expect(throttle("+-------").allowance(of: 1, at: .zero) == 1)
        #expect(
            throttle("+" + String(repeating: "-", count: 31), memory: 32).allowance(of: 2, at: .zero) == 1
        )
    }

    @Test(arguments: ["-", "--", "--------", "+--------"])
    func `where all are refused one probes after a pause`(outcomes: String) {
        var throttle = throttle(outcomes)
        #expect(throttle.isShut)
        #expect(throttle.probeTime == .seconds(1))
        #expect(throttle.allowance(of: 8, at: .milliseconds(999)) == 0)
        #expect(throttle.allowance(of: 8, at: .seconds(1)) == 1)
        throttle.sent(at: .seconds(1), random: { 0 })
        #expect(throttle.allowance(of: 8, at: .seconds(1)) == 0)
        throttle.accepted()
        #expect(!throttle.isShut && throttle.probeTime == nil)
    }

    /// Of four outcomes one acceptance would let 12 of 20 through, of which a limit with room for one refuses 11.
    @Test func `once a probe is accepted, as many more may be under way as were accepted since`() {
        var throttle = throttle("----", memory: 4)
        for (accepted, allowance) in [(1, 2), (2, 4), (3, 6), (4, 8), (9, 18), (10, 20), (11, 20)] {
            while throttle.acceptCountSinceShut ?? 0 < accepted { throttle.accepted() }
            #expect(throttle.allowance(of: 20, at: .zero) == allowance)
        }
        for _ in 0..<4 { throttle.refused(at: .zero, random: { 0 }) }
        throttle.accepted()
        #expect(throttle.allowance(of: 20, at: .zero) == 2)
    }

    @Test func `the pause is a quarter of the time for which all were refused, within limits, and drawn`() {
        var pauses: [Double: [Duration]] = [:]
        for draw in [0, 0.5] {
            var throttle = throttle("+--------")
            for _ in 0..<30 {
                guard let now = throttle.probeTime else { break }
                throttle.sent(at: now, random: { draw })
                throttle.refused(at: now, random: { draw })
                pauses[draw, default: []].append((throttle.probeTime ?? now) - now)
            }
        }
        #expect(pauses[0]?.prefix(6) == [1, 1, 1, 1, 1.25, 1.5625].map { .seconds($0) }[...])
        #expect(pauses[0]?.last == .seconds(15))
        #expect(pauses[0] == pauses[0]?.sorted())
        #expect((pauses[0.5]?.last ?? .zero) > .milliseconds(16_499))
    }

    @Test func `a refusal of one that was sent before does not put off the next probe`() {
        var throttle = throttle("--------")
        throttle.refused(at: .milliseconds(900), random: { 0 })
        #expect(throttle.probeTime == .seconds(1))
    }

    @Test func `after an acceptance was taken back, others count when they are proven`() {
        var throttle = throttle("++++++++")
        for _ in 0..<8 { throttle.refused(at: .zero, isLate: true, random: { 0 }) }
        #expect(throttle.isShut)
        throttle.accepted()
        #expect(throttle.isShut)
        for _ in 0..<8 { throttle.proven() }
        #expect(throttle.allowance(of: 8, at: .zero) == 8)
        // All that it remembers was proven, so an acceptance is believed again, and a proof says nothing new.
        for _ in 0..<8 { throttle.refused(at: .zero, random: { 0 }) }
        throttle.proven()
        #expect(throttle.isShut)
        throttle.accepted()
        #expect(!throttle.isShut)
    }
}
