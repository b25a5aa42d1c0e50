// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct LoadGateTests {
    @Test func `so many are let through, and the next when one has its instance`() async throws {
        try await onLoop {
            let gate = LoadGate(placeCount: 2)
            let first = try await gate.enter()
            first.loaded()
            let second = try await gate.enter()
            second.loaded()
            let third = spawn { try? await gate.enter() }
            while gate.waitingCount == 0 { await yieldToOthers() }
            first.leave()
            first.leave()
            let place = await third.value
            #expect(place != nil)
            #expect(gate.waitingCount == 0)
            place?.leave()
            second.leave()
            _ = try await gate.enter()
            _ = try await gate.enter()
        }
    }

    @Test func `inputs that do not come keep nobody waiting for long`() async throws {
        try await onLoop {
            let gate = LoadGate(placeCount: 1)
            let stuck = try await gate.enter()
            let next = try await gate.enter()
            stuck.leave()
            next.loaded()
            let last = spawn { try? await gate.enter() }
            while gate.waitingCount == 0 { await yieldToOthers() }
            last.cancel()
            #expect(await last.value == nil)
            next.leave()
        }
    }
}
