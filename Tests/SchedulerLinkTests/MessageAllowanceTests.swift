// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import SchedulerLink

@Suite struct MessageAllowanceTests {
    private let start = Deadline.now

    @Test func `a number is taken at once, and then so many a second`() {
        for rate in [MessageAllowance.meaningless, MessageAllowance.deletions] {
            var allowance = MessageAllowance(rate, at: start)
            let pauses = (0..<Int(rate.atOnce)).map { _ in allowance.note(at: start) }
            #expect(pauses.allSatisfy { $0 == .zero })
            var now = start
            for _ in 0..<Int(10 * rate.perSecond) { now = now + allowance.note(at: now) }
            #expect(abs(now.duration(since: start) / .seconds(1) - 10) < 0.01)
        }
    }

    @Test func `a few now and then are never waited for`() {
        var allowance = MessageAllowance(MessageAllowance.meaningless, at: start)
        let pauses = (0..<10_000).map { allowance.note(at: start + .milliseconds(10 * $0)) }
        #expect(pauses.allSatisfy { $0 == .zero })
    }
}
