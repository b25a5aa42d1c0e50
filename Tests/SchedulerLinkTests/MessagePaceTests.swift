// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@testable import SchedulerLink

/// How fast `SchedulerChannel` takes messages that have no other bound.
@Suite struct MessagePaceTests {
    @Test func `a number is taken at once, and then so many a second`() {
        for (pace, atOnce, perSecond) in [
            (SchedulerChannel.meaninglessPace, 1000, 250), (SchedulerChannel.deletionPace, 10_000, 2000),
        ] {
            var pace = pace
            let first = (0..<atOnce).map { _ in pace.next(at: .zero) }
            #expect(first.allSatisfy { $0 == .zero })
            var now = Duration.zero
            for _ in 0..<10 * perSecond { now = pace.next(at: now) }
            #expect(abs(now / .seconds(1) - 10) < 0.01)
        }
    }

    @Test func `a few now and then are never waited for`() {
        var pace = SchedulerChannel.meaninglessPace
        let isNeverLate = (0..<10_000).allSatisfy { number in
            let now = Duration.milliseconds(10 * number)
            return pace.next(at: now) == now
        }
        #expect(isNeverLate)
    }
}
