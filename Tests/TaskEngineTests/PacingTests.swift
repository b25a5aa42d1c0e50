// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@Suite struct PacingTests {
    @Test(arguments: [
        (Duration.zero, Duration.milliseconds(250)), (.seconds(2), .milliseconds(250)),
        (.seconds(8), .seconds(1)), (.seconds(3600), .seconds(5)),
    ])
    func `the older the freshest thing, the slower the beat`(_ age: Duration, _ interval: Duration) {
        let pace = PollingPace(fastest: .milliseconds(250), slowest: .seconds(5))
        #expect(pace.interval(freshestAge: age) == interval)
    }

    @Test func `missing workers start at once and surplus ones stop after the cooldown`() {
        var scaling = UnitScaling(cooldown: .seconds(30))
        #expect(scaling.target(desired: 3, live: 1, now: .seconds(0)) == 3)
        #expect(scaling.target(desired: 1, live: 3, now: .seconds(10)) == 3)
        #expect(scaling.target(desired: 0, live: 3, now: .seconds(39)) == 3)
        #expect(scaling.target(desired: 2, live: 3, now: .seconds(40)) == 2)
    }

    @Test func `a wish for as many as live ends the streak`() {
        var scaling = UnitScaling(cooldown: .seconds(30))
        #expect(scaling.target(desired: 0, live: 2, now: .seconds(0)) == 2)
        #expect(scaling.target(desired: 2, live: 2, now: .seconds(20)) == 2)
        #expect(scaling.target(desired: 0, live: 2, now: .seconds(31)) == 2)
        #expect(scaling.target(desired: 0, live: 2, now: .seconds(61)) == 0)
    }

    @Test func `without a cooldown surplus workers stop at once`() {
        var scaling = UnitScaling(cooldown: .zero)
        #expect(scaling.target(desired: 0, live: 2, now: .seconds(0)) == 0)
    }

    @Test func `what ends again and again is started again a few times at once, then at its pace`() {
        var pace = BurstPace(burst: 3, interval: .seconds(2))
        let starts = (0..<6).map { _ in pace.next(at: .seconds(10)) }
        #expect(starts == [10, 10, 10, 12, 14, 16].map { .seconds($0) })
        #expect(pace.next(at: .seconds(17)) == .seconds(18))
        #expect(pace.next(at: .seconds(100)) == .seconds(100))
    }
}
