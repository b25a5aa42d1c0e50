// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import OCIServices

@Suite struct RateLimiterTests {
    @Test func `calls beyond the burst wait their turn and keep their order`() async throws {
        try await onLoop {
            let limiter = RateLimiter(ceiling: 200)
            let start = Deadline.now
            let order = Mailbox<Int>()
            let calls = (0..<26).map { index in
                spawn {
                    _ = try? await limiter.waitForTurn(.write, until: .never)
                    order.send(index)
                }
            }
            for call in calls { await call.value }
            #expect(Deadline.now.duration(since: start) >= .milliseconds(190))
            for index in 0..<26 { #expect(order.poll() == index) }
        }
    }

    @Test func `a call that gives up leaves its place to others`() async throws {
        try await onLoop {
            let limiter = RateLimiter(ceiling: 0.01)
            _ = try await limiter.waitForTurn(.delete, until: .never)
            await #expect(throws: WaitError.deadlinePassed) {
                _ = try await limiter.waitForTurn(.delete, until: .after(.milliseconds(5)))
            }
            let cancelled = spawn { () async -> WaitError? in
                do throws(WaitError) {
                    _ = try await limiter.waitForTurn(.delete, until: .never)
                    return nil
                } catch {
                    return error
                }
            }
            await yieldToOthers()
            cancelled.cancel()
            #expect(await cancelled.value == .cancelled)
            _ = try await limiter.waitForTurn(.read, until: .never)
        }
    }

    @Test func `a call that left holds nobody up, and the next in its lane goes in its turn`() async throws {
        try await onLoop {
            // Half a second to the next token: time enough to leave, however busy the machine is.
            let limiter = RateLimiter(ceiling: 2)
            for _ in 0..<2 { _ = try await limiter.waitForTurn(.write, until: .never) }
            let leaver = spawn { try? await limiter.waitForTurn(.delete, until: .never) }
            let stayer = spawn { try? await limiter.waitForTurn(.delete, until: .never) }
            await yieldToOthers()
            leaver.cancel()
            #expect(await leaver.value == nil)
            #expect(await stayer.value != nil)
        }
    }

    @Test func `a call whose lane opens earlier does not wait for one that waits already`() async throws {
        try await onLoop {
            // Two seconds to the next token of each bucket.
            let limiter = RateLimiter(ceiling: 0.5)
            _ = try await limiter.waitForTurn(.read, until: .never)
            try await sleep(for: .milliseconds(1200))
            _ = try await limiter.waitForTurn(.write, until: .never)
            let isWritten = Latch()
            let write = spawn {
                _ = try? await limiter.waitForTurn(.write, until: .never)
                isWritten.open()
            }
            await yieldToOthers()
            _ = try await limiter.waitForTurn(.read, until: .never)
            await yieldToOthers()
            #expect(!isWritten.isOpen)
            write.cancel()
        }
    }
}
