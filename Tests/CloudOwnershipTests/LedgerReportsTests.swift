// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import TaskEngine
import TestSupport
import Testing

@testable import CloudOwnership

@Suite struct LedgerReportsTests {
    @Test func `a deletion warns only where a person may have to do something, and then says what`()
        async throws
    {
        try await onLoop {
            let log = RecordedLog()
            let reports = LedgerReports(log.logger)
            reports.deletion(of: "ocid1.a", of: TaskKey("01"), because: .hasResult)
            #expect(log.messages.isEmpty)
            reports.deletion(of: "ocid1.b", of: nil, because: .stuck)
            let line =
                "warning an instance does not go away although its deletion was accepted; deleting it again"
            let facts = try #require(log.facts(of: line).first)
            #expect(facts["instance"] == "ocid1.b")
            #expect(facts["next_step"]?.contains("manage compute-container-family") == true)
        }
    }

    @Test func `the end of the trouble is said once nothing is in doubt`() async throws {
        try await onLoop {
            let log = RecordedLog(level: .info)
            let reports = LedgerReports(log.logger)
            reports.deletion(of: "ocid1.a", of: TaskKey("01"), because: .doubtful)
            reports.write(.noDeletionStuck, CloudLedger(slotLimit: 1, periods: .init(grace: .seconds(60))))
            #expect(
                log.messages == [
                    "warning cannot delete an instance; trying again", "info no deletion is in doubt",
                ]
            )
        }
    }
}
