// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Where time comes from for everything above this module: the host's clocks, or a simulation's.
///
/// There are two. The monotonic clock never goes back and measures waiting (`Deadline`). The wall clock is the time of day,
/// which the administrator may change: it is for dates on the wire and in logs, never for waiting.
package struct LoopClock: Sendable {
    /// Nanoseconds since an origin that stays the same.
    package let monotonicNanoseconds: @Sendable () -> UInt64
    /// Nanoseconds since 1970-01-01 00:00 UTC, leap seconds not counted.
    package let wallNanoseconds: @Sendable () -> Int64

    /// A clock from two functions: nanoseconds since an origin that stays the same, never going back; and nanoseconds
    /// since 1970-01-01 00:00 UTC, leap seconds not counted.
    package init(
        monotonicNanoseconds: @escaping @Sendable () -> UInt64,
        wallNanoseconds: @escaping @Sendable () -> Int64
    ) {
        self.monotonicNanoseconds = monotonicNanoseconds
        self.wallNanoseconds = wallNanoseconds
    }

    /// The host's clocks.
    package static let system = LoopClock(
        monotonicNanoseconds: { UInt64(read(CLOCK_MONOTONIC)) },
        wallNanoseconds: { read(CLOCK_REALTIME) }
    )

    /// Written before the loop runs, and so before anything runs that could read it at the same time.
    private nonisolated(unsafe) static var current = system

    /// Makes `clock` the process's clock; traps once the loop runs, for a deadline of one clock means nothing to another.
    package static func replace(with clock: LoopClock) {
        precondition(
            !LoopExecutor.shared.isRunning,
            "the clock is replaced before the loop runs, or not at all"
        )
        current = clock
    }

    /// Nanoseconds of the monotonic clock.
    static var monotonicNanoseconds: UInt64 { current.monotonicNanoseconds() }

    /// Nanoseconds since 1970-01-01 00:00 UTC, leap seconds not counted.
    package static var epochNanoseconds: Int64 { current.wallNanoseconds() }

    /// Seconds since 1970-01-01 00:00 UTC, leap seconds not counted.
    package static var epochSeconds: Int64 { epochNanoseconds / 1_000_000_000 }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
