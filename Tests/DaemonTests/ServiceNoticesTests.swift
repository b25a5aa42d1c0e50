// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import Daemon

@Suite struct ServiceNoticesTests {
    private let start = Deadline.now

    private func lines(
        _ notices: inout ServiceNotices,
        _ phase: ServiceNotices.Phase,
        _ status: String = "s",
        after seconds: Double
    ) -> [String] {
        let state = ServiceNotices.State(phase: phase, status: status)
        let message = notices.message(of: state, at: start + .seconds(seconds))
        return message.map { $0.split(separator: "\n").map(String.init) } ?? []
    }

    @Test func `a life is told in order, and each step once`() {
        var notices = ServiceNotices(watchdogInterval: nil)
        let more = "EXTEND_TIMEOUT_USEC=30000000"
        #expect(lines(&notices, .starting, "waiting", after: 0) == ["STATUS=waiting", more])
        #expect(lines(&notices, .starting, "waiting", after: 1) == [])
        #expect(lines(&notices, .working, "no tasks", after: 2) == ["READY=1", "STATUS=no tasks"])
        #expect(lines(&notices, .working, "no tasks", after: 3) == [])
        #expect(lines(&notices, .stopping, "stopping", after: 4) == ["STOPPING=1", "STATUS=stopping", more])
        #expect(lines(&notices, .stopping, "stopping", after: 5) == [])
    }

    @Test func `a start and a stop ask for more time again and again, long before it is over`() {
        for phase in [ServiceNotices.Phase.starting, .stopping] {
            var notices = ServiceNotices(watchdogInterval: nil)
            let asked = (0..<60).filter { second in
                lines(&notices, phase, after: Double(second)).contains { $0.hasPrefix("EXTEND_TIMEOUT_USEC") }
            }
            #expect(asked == [0, 10, 20, 30, 40, 50])
        }
    }

    @Test func `signs of life come three times in the interval that systemd was told`() {
        var notices = ServiceNotices(watchdogInterval: .seconds(6))
        let seconds = stride(from: 0.0, to: 12, by: 0.5)
        let signs = seconds.filter { lines(&notices, .working, after: $0).contains("WATCHDOG=1") }
        #expect(signs == [0, 2, 4, 6, 8, 10])
        #expect(notices.pause <= .seconds(1.5))
    }

    @Test func `without a watchdog no sign of life is given`() {
        var notices = ServiceNotices(watchdogInterval: nil)
        #expect(!(0..<100).contains { lines(&notices, .working, after: Double($0)).contains("WATCHDOG=1") })
    }

    @Test func `a reload is told while the process works, and only then`() throws {
        var notices = ServiceNotices(watchdogInterval: nil)
        #expect(notices.reloadMessages(at: start) == nil)
        _ = lines(&notices, .working, after: 0)
        let messages = try #require(notices.reloadMessages(at: start))
        #expect(messages.before == "RELOADING=1\nMONOTONIC_USEC=\(start.microseconds)")
        #expect(messages.after == "READY=1")
        _ = lines(&notices, .stopping, after: 1)
        #expect(notices.reloadMessages(at: start) == nil)
    }
}
