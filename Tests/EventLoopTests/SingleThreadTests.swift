// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import Glibc
import TestSupport
import Testing

/// Counts are the process's, so each of these runs in a process of its own, as the daemon does.
@Suite struct SingleThreadTests {
    @Test func `sleeping tasks, sockets and timers run on one own thread with no foreign enqueue`() async {
        await #expect(processExitsWith: .success) {
            let isProven = EventLoop.run {
                let thread = pthread_self()
                let threads = threadCount()
                let before = EventLoop.statistics
                guard await exchangeBytes(rounds: 50, pairs: 8, on: thread) else { return false }
                let after = EventLoop.statistics
                return after.foreignEnqueueCount == before.foreignEnqueueCount
                    && after.jobCount > before.jobCount + 800
                    && threadCount() == threads
            }
            precondition(isProven)
        }
    }

    @Test func `an idle loop makes no turns`() async {
        await #expect(processExitsWith: .success) {
            let turnCount = EventLoop.run {
                let before = EventLoop.statistics.turnCount
                try? await sleep(for: .milliseconds(200))
                return EventLoop.statistics.turnCount - before
            }
            // One starts the timer; libev may ring up to a turn early, which costs another.
            precondition(turnCount <= 4)
        }
    }
}

/// Sends a byte through every pair in every round; whether all arrived and all code ran on `thread`.
@LoopActor
private func exchangeBytes(rounds: Int, pairs count: Int, on thread: pthread_t) async -> Bool {
    let pairs = (0..<count).compactMap { _ in try? SocketPair() }
    guard pairs.count == count else { return false }
    let receivers = pairs.map { pair in
        spawn { () async -> Bool in
            let readiness = Readiness(pair.first)
            for _ in 0..<rounds {
                try? await readiness.wait(for: .read, until: .after(.seconds(5)))
                guard pair.receiveByte(), pthread_self() == thread else { return false }
                try? await sleep(for: .microseconds(200))
            }
            return true
        }
    }
    for _ in 0..<rounds {
        for pair in pairs { pair.sendByte() }
        try? await sleep(for: .microseconds(300))
        guard pthread_self() == thread else { return false }
    }
    for receiver in receivers {
        guard await receiver.value else { return false }
    }
    return true
}

/// How many threads the process has.
private func threadCount() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
}
