// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@Suite struct ProcessUsageTests {
    @Test func `a sample says what this process uses`() async throws {
        try await onLoop {
            var sampler = ProcessUsageSampler()
            let usage = sampler.sample()
            // A Swift program has more than a megabyte, and every machine that runs the tests less than a tebibyte.
            #expect((1 << 20..<1 << 40).contains(usage.residentBytes))
            #expect(usage.memory.availableBytes > 0)
            #expect(usage.cpuSeconds > 0)
            #expect(usage.timerCount == EventLoop.armedTimerCount)
        }
    }

    @Test func `the share is of the time since the last sample, and the total only grows`() async throws {
        try await onLoop {
            var sampler = ProcessUsageSampler()
            let first = sampler.sample()
            // Work until the clock of the process has moved, however coarse it is.
            var last = sampler.sample()
            while last.cpuSeconds < first.cpuSeconds + 0.002 { last = sampler.sample() }
            #expect(last.cpuSeconds > first.cpuSeconds)
            #expect(last.cpuTenthsOfPercent > 0)
        }
    }
}
