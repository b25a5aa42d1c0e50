// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import OCIServices

@Suite struct RateGateTests {
    @Test func `calls beyond the burst wait their turn and keep their order`() async throws {
        try await onLoop {
            let gate = RateGate(ceiling: 200)
            let start = Deadline.now
            let order = Mailbox<Int>()
            let calls = (0..<240).map { index in
                spawn {
                    try? await gate.pass(.write, until: .never)
                    order.send(index)
                }
            }
            for call in calls { await call.value }
            #expect(Deadline.now.duration(since: start) >= .milliseconds(190))
            for index in 0..<240 { #expect(order.poll() == index) }
        }
    }

    @Test func `a call that gives up leaves its place to others`() async throws {
        try await onLoop {
            let gate = RateGate(ceiling: 0.01)
            try await gate.pass(.delete, until: .never)
            await #expect(throws: WaitError.deadlinePassed) {
                try await gate.pass(.delete, until: .after(.milliseconds(5)))
            }
            let cancelled = spawn { () async -> WaitError? in
                do throws(WaitError) {
                    try await gate.pass(.delete, until: .never)
                    return nil
                } catch {
                    return error
                }
            }
            await yieldToOthers()
            cancelled.cancel()
            #expect(await cancelled.value == .cancelled)
            try await gate.pass(.read, until: .never)
        }
    }
}
