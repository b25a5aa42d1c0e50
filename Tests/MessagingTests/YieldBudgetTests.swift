// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import Messaging

/// How often others had the loop.
@LoopActor private final class OthersTurns {
    private(set) var count = 0

    /// Has something else wait for the loop.
    func enter() { spawn { self.count += 1 } }
}

@Suite struct YieldBudgetTests {
    @Test func `a flood lets others have the loop after 64 messages, and again after 64 more`() async throws {
        try await onLoop {
            let budget = YieldBudget()
            let others = OthersTurns()
            others.enter()
            for _ in 0..<64 { try await budget.spend() }
            #expect(others.count == 0)
            try await budget.spend()
            #expect(others.count == 1)
            others.enter()
            for _ in 0..<63 { try await budget.spend() }
            #expect(others.count == 1)
            try await budget.spend()
            #expect(others.count == 2)
        }
    }

    @Test func `a receiver that was cancelled ends at its next turn, however many messages there are`()
        async throws
    {
        try await onLoop {
            let budget = YieldBudget()
            let flood = spawn { () async -> (Int, MessagingError?) in
                var count = 0
                do throws(MessagingError) {
                    while count < 1_000_000 {
                        try await budget.spend()
                        count += 1
                    }
                    return (count, nil)
                } catch {
                    return (count, error)
                }
            }
            flood.cancel()
            let (count, error) = await flood.value
            #expect(count == 64 && error == .cancelled)
        }
    }
}
