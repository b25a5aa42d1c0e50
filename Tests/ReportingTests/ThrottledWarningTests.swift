// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import Reporting
import TestSupport
import Testing

@Suite struct ThrottledWarningTests {
    @Test func `a condition is logged when it begins and when it is over, and not in between`() async throws {
        try await onLoop {
            let log = RecordedLog(level: .info)
            let warning = ThrottledWarning("cannot", recovery: "can again", log: log.logger)
            warning.ended()
            for _ in 0..<100 { warning.occurred(["error": "x"]) }
            warning.ended()
            warning.ended()
            #expect(log.messages == ["warning cannot", "info can again"])
        }
    }

    @Test func `after the interval it is logged again, with how often it happened meanwhile`() async throws {
        try await onLoop {
            let log = RecordedLog(level: .info)
            let warning = ThrottledWarning("cannot", recovery: "can", log: log.logger, interval: .zero)
            warning.occurred([:])
            warning.occurred([:])
            #expect(log.messages == ["warning cannot", "warning cannot"])
        }
    }
}
