// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A moment in the life of a thread, for measuring how long it was busy.
package struct ThreadMoment: Sendable {
    /// The monotonic clock.
    let nanoseconds: UInt64
    /// How long the thread has been ready to run and another had its processor, since it began.
    let waitedNanoseconds: UInt64

    /// A moment by both clocks.
    package init(nanoseconds: UInt64, waitedNanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
        self.waitedNanoseconds = waitedNanoseconds
    }

    /// The nanoseconds until `end` in which the thread computed or was blocked in a system call.
    ///
    /// What the machine's scheduler gave to others is left out: it tells of the machine, not of the work.
    package func busyNanoseconds(until end: ThreadMoment) -> UInt64 {
        let elapsed = end.nanoseconds - nanoseconds
        let waited = end.waitedNanoseconds - min(waitedNanoseconds, end.waitedNanoseconds)
        return elapsed - min(elapsed, waited)
    }
}

/// Tells how long one thread has waited for a processor; a file of the kernel, kept open.
package final class RunQueueWait {
    private let fileDescriptor = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)
    private var text = [UInt8](repeating: 0, count: 96)

    /// For the calling thread, whoever asks later.
    package init() {}

    /// Nanoseconds since the thread began; 0 where the kernel does not tell.
    package var nanoseconds: UInt64 {
        guard fileDescriptor >= 0 else { return 0 }
        let count = pread(fileDescriptor, &text, text.count, 0)
        return count > 0 ? Self.waited(in: text[..<count]) : 0
    }

    /// The second of the numbers in `/proc/PID/schedstat` (sched-stats.rst of the kernel); 0 if there is none.
    package static func waited(in text: ArraySlice<UInt8>) -> UInt64 {
        let space = UInt8(ascii: " ")
        return text.drop { $0 != space }.dropFirst().prefix {
            $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")
        }
        .reduce(0) { $0 &* 10 &+ UInt64($1 - UInt8(ascii: "0")) }
    }

    deinit { if fileDescriptor >= 0 { close(fileDescriptor) } }
}

/// The longest of the turns that ended lately; pure.
package struct RecentTurns: Sendable {
    private static let span: UInt64 = 60_000_000_000

    /// The longest of this minute and of the one before.
    private var current: UInt64 = 0
    private var previous: UInt64 = 0
    /// The number of this minute.
    private var minute: UInt64 = 0

    /// No turn yet.
    package init() {}

    /// Takes a turn that ended at `now`, both in nanoseconds.
    package mutating func add(_ turn: UInt64, at now: UInt64) {
        advance(to: now)
        current = max(current, turn)
    }

    /// The longest of the last one or two minutes before `now`, in nanoseconds.
    package func longest(at now: UInt64) -> UInt64 {
        var turns = self
        turns.advance(to: now)
        return max(turns.current, turns.previous)
    }

    private mutating func advance(to now: UInt64) {
        let next = now / Self.span
        guard next > minute else { return }
        previous = next == minute + 1 ? current : 0
        (current, minute) = (0, next)
    }
}
