// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@Suite struct HostTests {
    @Test func `a name is held until its holder is gone, and only once`() async throws {
        try await onLoop {
            let name = "scaler-oci-hpc test \(UInt64.random(in: 0 ... .max))"
            var first: (any Host)? = SystemHost()
            let second: any Host = SystemHost()
            var outcomes = [try first?.hold(name: name), try second.hold(name: name)]
            first = nil
            outcomes.append(try second.hold(name: name))
            #expect(outcomes == [true, false, true])
        }
    }

    @Test func `a holder can be asked more often than its queue of connections is long`() async throws {
        try await onLoop {
            let name = "scaler-oci-hpc test \(UInt64.random(in: 0 ... .max))"
            let host = SystemHost()
            let isHeld = try host.hold(name: name)
            #expect(isHeld)
            var answerCount = 0
            for _ in 0..<50_000 where answerCount < 6000 {
                if host.holder(ofName: name)?.isTrusted == true {
                    answerCount += 1
                } else {
                    await yieldToOthers()
                }
            }
            #expect(answerCount == 6000)
        }
    }

    @Test func `two samplers measure each its own span`() async throws {
        try await onLoop {
            let host = SystemHost()
            #expect(!host.name.isEmpty && host.processID > 0)
            let (first, second) = (host.usageSampler(), host.usageSampler())
            #expect(first().residentBytes > 0 && second().cpuSeconds > 0)
        }
    }
}
