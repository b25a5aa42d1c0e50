// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@Suite struct BroadcastTests {
    /// A caller that waits, and says how its wait ended.
    @LoopActor
    private static func waiter(
        for broadcast: Broadcast,
        until deadline: Deadline = .never
    ) -> Spawned<WaitError?> {
        spawn { () async -> WaitError? in
            do throws(WaitError) {
                try await broadcast.wait(until: deadline)
                return nil
            } catch {
                return error
            }
        }
    }

    @Test func `everyone who waits is woken, and who comes later waits for the next time`() async throws {
        try await onLoop {
            let broadcast = Broadcast()
            let early = (0..<3).map { _ in Self.waiter(for: broadcast) }
            await yieldToOthers()
            broadcast.send()
            let late = Self.waiter(for: broadcast, until: .after(.milliseconds(1)))
            for waiter in early { #expect(await waiter.value == nil) }
            #expect(await late.value == .deadlinePassed)
        }
    }

    @Test func `a broadcast that nobody waits for is not kept`() async throws {
        try await onLoop {
            let broadcast = Broadcast()
            broadcast.send()
            #expect(
                await Self.waiter(for: broadcast, until: .after(.milliseconds(1))).value == .deadlinePassed
            )
        }
    }

    @Test func `one who is cancelled leaves the others waiting`() async throws {
        try await onLoop {
            let broadcast = Broadcast()
            let leaving = Self.waiter(for: broadcast)
            let staying = Self.waiter(for: broadcast)
            await yieldToOthers()
            leaving.cancel()
            #expect(await leaving.value == .cancelled)
            broadcast.send()
            #expect(await staying.value == nil)
        }
    }
}
