// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SchedulerMessages

@Suite
struct DesiredConcurrencyTests {
    private static let gpu = Capability(name: "gpu", value: -1)
    private static let memory = Capability(name: "mem", value: 64)

    private static func request(
        _ count: UInt32,
        _ capabilities: Capability...
    ) -> DesiredTaskConcurrencyRequest {
        DesiredTaskConcurrencyRequest(taskConcurrency: count, capabilities: capabilities)
    }

    @Test(arguments: [
        ([], 0),
        ([request(3)], 3),
        ([request(3), request(4)], 7),
        ([request(3, gpu), request(4, memory), request(5, gpu, memory), request(6)], 18),
        // Values must be equal, even where -1 means any amount.
        ([request(3, Capability(name: "gpu", value: 1))], 0),
        ([request(3, gpu, Capability(name: "fpga", value: -1))], 0),
        // The last of two amounts counts.
        ([request(3, Capability(name: "gpu", value: 1), gpu)], 3),
        ([request(3, gpu, Capability(name: "gpu", value: 1))], 0),
        ([request(.max), request(.max), request(.max, gpu)], 3 * 4_294_967_295),
    ])
    func `requests count whose capabilities are offered with the same amounts`(
        requests: [DesiredTaskConcurrencyRequest],
        expected: Int
    ) {
        #expect(desiredConcurrency(requests, capabilities: [Self.gpu, Self.memory]) == expected)
    }

    @Test
    func `a manager that offers nothing serves requests that ask nothing`() {
        #expect(desiredConcurrency([Self.request(2), Self.request(5, Self.gpu)], capabilities: []) == 2)
    }

    @Test(arguments: [
        (0, 100, 0), (1, 100, 1), (100, 100, 1), (101, 100, 2), (7, 1, 7), (4_294_967_295, 2, 2_147_483_648),
    ])
    func `units are rounded up`(concurrency: Int, base: Int, units: Int) {
        #expect(desiredUnits(forConcurrency: concurrency, baseConcurrency: base) == units)
    }
}
