// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Synchronization
import TestSupport
import Testing

@Suite struct LoopClockTests {
    @Test func `the time of day lies in this century`() {
        #expect(LoopClock.epochSeconds > 1_700_000_000)
        #expect(LoopClock.epochSeconds < 4_102_444_800)
    }

    /// A process has one clock, so this runs in a process of its own.
    @Test func `deadlines, sleeps and the time of day obey a clock that was put in place of the host's`()
        async
    {
        await #expect(processExitsWith: .success) {
            let clock = HandSetClock()
            clock.install(epochSeconds: 1_000)
            let start = Deadline.now
            let hour = Deadline.after(.seconds(3600))
            precondition(LoopClock.epochSeconds == 1_000 && !hour.isPast && hour.remaining == .seconds(3600))
            try await onLoop {
                let isOver = Latch()
                // The host's clock goes on meanwhile; a timer that it rings finds the deadline not reached.
                let minute = Deadline.after(.milliseconds(1))
                let sleeper = spawn {
                    try? await sleep(until: minute)
                    isOver.open()
                }
                await #expect(throws: WaitError.deadlinePassed) { try await isOver.wait(until: .now) }
                precondition(!isOver.isOpen && !minute.isPast)
                clock.advance(by: .seconds(3600))
                await sleeper.value
                precondition(isOver.isOpen)
                try await sleep(until: hour)
            }
            precondition(hour.isPast && hour.remaining == .zero)
            precondition(Deadline.now.duration(since: start) == .seconds(3600))
            precondition(LoopClock.epochSeconds == 4_600)
        }
    }

    @Test func `a loop that runs keeps its clock`() async {
        await #expect(processExitsWith: .failure) {
            try await onLoop {}
            HandSetClock().install(epochSeconds: 0)
        }
    }
}

/// A clock that stands still until it is advanced.
private final class HandSetClock: Sendable {
    private let nanoseconds = Mutex<Int64>(1)

    func install(epochSeconds: Int64) {
        LoopClock.replace(
            monotonic: { UInt64(self.nanoseconds.withLock { $0 }) },
            wall: { epochSeconds * 1_000_000_000 + self.nanoseconds.withLock { $0 } }
        )
    }

    func advance(by duration: Duration) {
        nanoseconds.withLock { $0 += Int64(duration / .nanoseconds(1)) }
    }
}
