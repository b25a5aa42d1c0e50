// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing

@Suite struct ThreadMomentTests {
    @Test func `a thread that had to wait for a processor was not busy meanwhile`() {
        let start = ThreadMoment(nanoseconds: 1000, waitedNanoseconds: 70)
        #expect(start.busyNanoseconds(until: ThreadMoment(nanoseconds: 1500, waitedNanoseconds: 70)) == 500)
        #expect(start.busyNanoseconds(until: ThreadMoment(nanoseconds: 1500, waitedNanoseconds: 370)) == 200)
        // The two clocks are not read at the same instant.
        #expect(start.busyNanoseconds(until: ThreadMoment(nanoseconds: 1500, waitedNanoseconds: 600)) == 0)
    }

    @Test(arguments: [("434829 1418897 2\n", 1_418_897), ("0 0 0\n", 0), ("12", 0), ("", 0), ("7 ", 0)])
    func `the wait for a processor is the second number of schedstat`(text: String, waited: UInt64) {
        #expect(RunQueueWait.waited(in: Array(text.utf8)[...]) == waited)
    }

    @Test func `a thread that sleeps in a system call counts as busy, and the kernel tells its wait`() {
        let wait = RunQueueWait()
        let start = ThreadMoment(nanoseconds: monotonic(), waitedNanoseconds: wait.nanoseconds)
        usleep(20_000)
        let end = ThreadMoment(nanoseconds: monotonic(), waitedNanoseconds: wait.nanoseconds)
        // The sleep alone, for how long the thread waited after it is left out.
        #expect(start.busyNanoseconds(until: end) >= 15_000_000)
    }

    @Test func `the longest turn of late is that of this minute and the one before`() {
        let second: UInt64 = 1_000_000_000
        var turns = RecentTurns()
        turns.add(700, at: 59 * second)
        turns.add(500, at: 61 * second)
        turns.add(200, at: 62 * second)
        #expect(turns.longest(at: 119 * second) == 700)
        #expect(turns.longest(at: 121 * second) == 500)
        #expect(turns.longest(at: 181 * second) == 0)
        turns.add(3, at: 600 * second)
        #expect(turns.longest(at: 601 * second) == 3)
    }

    private func monotonic() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
