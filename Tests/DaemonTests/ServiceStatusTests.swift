// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@testable import Daemon

@Suite struct ServiceStatusTests {
    private func manager(
        _ id: String = "m",
        _ tasks: [TaskState: Int] = [:],
        isRegistered: Bool = true,
        withoutRoom: Int = 0,
        withoutHost: Int = 0,
        isAccessLost: Bool = false
    ) -> Metrics {
        exampleMetrics(
            id,
            tasks,
            isRegistered: isRegistered,
            withoutRoom: withoutRoom,
            withoutHost: withoutHost,
            isAccessLost: isAccessLost
        )
    }

    private func words(_ managers: [Metrics], starting: Int = 0, isStopping: Bool = false) -> String {
        ServiceStatus.words(managers, startingCount: starting, isStopping: isStopping)
    }

    @Test func `tasks are counted by state, and slots over all managers`() {
        #expect(words([manager()]) == "no tasks; 0 of 10 slots in use")
        let two = [manager("a", [.running: 3, .queued: 2]), manager("b", [.running: 1])]
        #expect(words(two) == "tasks: 2 queued, 4 running; 4 of 20 slots in use")
    }

    @Test func `what is waited for is named`() {
        #expect(words([], starting: 1) == "waiting for OCI")
        #expect(
            words([manager("a", isRegistered: false), manager("b")])
                == "no tasks; 0 of 20 slots in use; waiting for the scheduler (a)"
        )
        #expect(words([manager(withoutRoom: 4)]).hasSuffix("; waiting for room at OCI: 4"))
        #expect(
            words([manager(withoutHost: 2)]).hasSuffix("; waiting for disk, memory or descriptors here: 2")
        )
        #expect(
            words([manager(isAccessLost: true)]).contains("OCI refuses what it allowed before; tasks wait")
        )
    }

    @Test func `a stop is said first, and waits for no scheduler`() {
        let text = words([manager("a", [.cleaning: 1], isRegistered: false)], isStopping: true)
        #expect(text == "stopping; tasks: 1 cleaning; 0 of 10 slots in use")
    }
}
