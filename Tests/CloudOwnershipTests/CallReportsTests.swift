// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import OCIServices
import TestSupport
import Testing

@testable import CloudOwnership

@Suite(.timeLimit(.minutes(1))) struct CallReportsTests {
    private static let outage = "warning OCI is not reachable; trying again"
    private static let failure = OCIError.deadlinePassed(.listContainerInstances)

    @Test func `a call that is tried again is told while the daemon starts, and not while it works`()
        async throws
    {
        try await onLoop {
            let log = RecordedLog(level: .info)
            let reports = CallReports(log.logger)
            reports.note(.retrying(Self.failure, failureCount: 1, after: .seconds(1)))
            reports.note(.retrying(Self.failure, failureCount: 2, after: .seconds(1)))
            #expect(log.messages == [Self.outage])
            #expect(log.facts(of: Self.outage).first?["error"] == "\(Self.failure)")
            let working = RecordedLog(level: .info)
            let others = CallReports(working.logger)
            others.started()
            others.note(.retrying(Self.failure, failureCount: 1, after: .seconds(1)))
            #expect(working.messages == [])
        }
    }

    @Test func `a start that has no answer says so, and that it has one later`() async throws {
        try await onLoop {
            let log = RecordedLog(level: .info)
            let answer = Latch()
            let reports = CallReports(log.logger)
            let start = spawn {
                _ = try? await reports.untilReachable(silenceMax: .milliseconds(1)) {
                    () async throws(OCIError) in
                    _ = try? await answer.wait()
                }
            }
            while log.messages.isEmpty { try await sleep(for: .milliseconds(1)) }
            #expect(log.facts(of: Self.outage).first?["error"] == "no complete answer so far")
            answer.open()
            await start.value
            #expect(log.messages == [Self.outage, "info OCI is reachable"])
        }
    }

    @Test func `what a person must mend ends the start, and a quick one says nothing`() async throws {
        try await onLoop {
            let log = RecordedLog(level: .info)
            let reports = CallReports(log.logger)
            let fatal = OCIError.authentication(.configuration("no key"))
            await #expect(throws: OCIError.self) {
                try await reports.untilReachable { () async throws(OCIError) in throw fatal }
            }
            let value = try await reports.untilReachable { () async throws(OCIError) in 7 }
            #expect(value == 7)
            #expect(log.messages == [])
        }
    }
}
