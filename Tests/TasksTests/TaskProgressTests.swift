// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import TaskEngine
import TestSupport
import Testing

@testable import Tasks

@Suite struct TaskProgressTests {
    @Test
    func `a report names task, state and seconds, and the instance and a lost worker where there are such`()
        async throws
    {
        try await onLoop {
            let key = TaskKey("2adc465564d81950e235aede9928f868")
            var progress = TaskProgress(TaskStatistics())
            let queued = progress.report(key, in: nil, isLost: false).fields
            #expect(queued.keys.sorted() == ["seconds", "state", "task"])
            #expect(queued["task"] == "\(key)" && queued["state"] == "queued" && queued["seconds"] == "0")

            progress.advance(.slotGranted)
            progress.advance(.instanceAdopted)
            let running = progress.report(key, in: "ocid1.x", isLost: true).fields
            #expect(running["instance"] == "ocid1.x" && running["worker"] == "lost")
            #expect(running["state"] == "running")
        }
    }
}
