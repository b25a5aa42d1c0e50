// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@Suite struct BackoffTests {
    @Test func `pauses are drawn under a doubling ceiling that has a limit`() {
        var backoff = Backoff(initial: .seconds(1), limit: .seconds(10))
        let ceilings = (0..<6).map { _ in backoff.next { 1 } }
        #expect(ceilings == [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(10), .seconds(10)])
        backoff.reset()
        let afterReset = backoff.next { 0.5 }
        #expect(afterReset == .milliseconds(500))
    }

    @Test func `the ceiling needs no memory of the pauses before, and does not overflow`() {
        let backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
        let ceilings = [1, 2, 5, 6, 1_000_000].map { backoff.ceiling(after: $0) }
        #expect(ceilings == [1, 2, 16, 30, 30].map { .seconds($0) })
    }
}
