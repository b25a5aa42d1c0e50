// SPDX-License-Identifier: Apache-2.0

import SchedulerMessages
import Testing

@testable import SchedulerLink

@Suite struct WorkerProfileTests {
    @Test func `an offer of any size meets each request for one, and nothing else`() {
        func capabilities(_ amounts: [(String, Int64)]) -> [Capability] {
            amounts.map { Capability(name: $0, value: $1) }
        }
        let sizes = ["ocpus", "memory_gb"]
        let request = DesiredTaskConcurrencyRequest(
            taskConcurrency: 3,
            capabilities: capabilities([("ocpus", 4), ("memory_gb", 32), ("gpu", 1)])
        )
        let any = request.withoutSizes(
            sizes,
            offered: capabilities([("ocpus", -1), ("memory_gb", -1), ("gpu", -1)])
        )
        #expect(any.capabilities == capabilities([("gpu", 1)]))
        #expect(any.taskConcurrency == 3)
        let one = request.withoutSizes(sizes, offered: capabilities([("ocpus", 4), ("memory_gb", -1)]))
        #expect(one.capabilities == capabilities([("ocpus", 4), ("gpu", 1)]))
        #expect(request.withoutSizes(sizes, offered: []) == request)
    }
}
