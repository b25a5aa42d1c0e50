// SPDX-License-Identifier: Apache-2.0

import Configuration
import SchedulerMessages
import Testing

@testable import Tasks

@Suite struct InstanceSizeTests {
    private func size(_ asked: [(String, Int64)]) -> InstanceSize {
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.instanceOCPUs = 2
        settings.instanceMemoryGB = 8
        return InstanceSize(settings, asked: asked.map { SchedulerMessages.Capability(name: $0, value: $1) })
    }

    @Test func `a task gets what it asks for, and the settings' size otherwise`() {
        #expect(size([]) == size([("ocpus", 2), ("memory_gb", 8)]))
        #expect(size([("ocpus", 4)]).ocpus == 4)
        #expect(size([("ocpus", 4)]).memoryGB == 8)
        #expect(size([("memory_gb", 32), ("gpu", 1)]).memoryGB == 32)
        #expect(size([("ocpus", 4), ("ocpus", 6)]).ocpus == 6)
    }

    @Test(arguments: [Int64.min, -1, 0])
    func `an amount that is none asks for nothing`(_ amount: Int64) {
        #expect(size([("ocpus", amount), ("memory_gb", amount)]) == size([]))
    }
}
