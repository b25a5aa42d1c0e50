// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(1))) struct ServiceReporterTests {
    @LoopActor private static func reporter(
        _ environment: [String: String],
        _ log: RecordedLog = RecordedLog()
    ) -> ServiceReporter? {
        ServiceReporter(environment: environment, processID: 7, log: log.logger) {
            ServiceNotices.State(phase: .working, status: "no tasks")
        }
    }

    @Test func `nothing is told where nobody asked`() async throws {
        try await onLoop {
            let log = RecordedLog()
            #expect(Self.reporter([:], log) == nil)
            #expect(Self.reporter(["NOTIFY_SOCKET": ""], log) == nil)
            #expect(log.messages == [])
            #expect(Self.reporter(["NOTIFY_SOCKET": "vsock:2:1"], log) == nil)
            #expect(log.messages == ["warning cannot tell the service manager how it stands"])
        }
    }

    @Test func `signs of life fail to come while the loop is blocked, and come again afterwards`()
        async throws
    {
        let manager = NotifyListener()
        let environment = ["NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "60000"]
        let (run, early) = try await onLoop {
            let reporter = try #require(Self.reporter(environment))
            let run = spawn { await reporter.run() }
            try await sleep(for: .milliseconds(100))
            var early: [[String]] = []
            while let lines = manager.nextNow() { early.append(lines) }
            // Far longer than the interval.
            usleep(300_000)
            #expect(manager.nextNow() == nil)
            return (run, early)
        }
        #expect(early.first == ["READY=1", "STATUS=no tasks", "WATCHDOG=1"])
        #expect(manager.next() == ["WATCHDOG=1"])
        try await onLoop {
            run.cancel()
            await run.value
        }
    }

    @Test func `a reload is told before and after it`() async throws {
        let manager = NotifyListener()
        try await onLoop {
            let reporter = try #require(Self.reporter(["NOTIFY_SOCKET": manager.address]))
            reporter.tell()
            #expect(manager.nextNow() == ["READY=1", "STATUS=no tasks"])
            await reporter.reload { #expect(manager.nextNow()?.first == "RELOADING=1") }
            #expect(manager.nextNow() == ["READY=1"])
        }
    }

    @Test func `once nobody listens it is said once`() async throws {
        try await onLoop {
            var manager: NotifyListener? = NotifyListener(isAbstract: false)
            let log = RecordedLog()
            let reporter = try #require(Self.reporter(["NOTIFY_SOCKET": manager?.address ?? ""], log))
            manager = nil
            for _ in 0..<3 { reporter.tell() }
            #expect(log.messages == ["warning the service manager does not listen; trying again"])
        }
    }

    @Test(
        arguments: [
            (["WATCHDOG_USEC": "30000000"], 30), (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"], 30),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"], nil), (["WATCHDOG_USEC": "x"], nil),
            (["WATCHDOG_USEC": "0"], nil), ([:], nil),
        ] as [([String: String], Int?)]
    )
    func `signs of life are given where this process is to give them`(
        _ environment: [String: String],
        _ seconds: Int?
    ) async throws {
        let interval = try await onLoop { ServiceReporter.watchdogInterval(environment, 7) }
        #expect(interval == seconds.map { .seconds($0) })
    }
}
