// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Where time comes from for everything above this module: the host's clocks, or a simulation's.
///
/// There are two. The monotonic clock never goes back and measures waiting (`Deadline`). The wall clock is the time of day,
/// which the administrator may change: it is for dates on the wire and in logs, never for waiting.
package enum LoopClock {
    /// Written before the loop runs, and so before anything runs that could read them at the same time.
    private nonisolated(unsafe) static var monotonic: @Sendable () -> UInt64 = {
        UInt64(read(CLOCK_MONOTONIC))
    }
    private nonisolated(unsafe) static var wall: @Sendable () -> Int64 = { read(CLOCK_REALTIME) }

    /// Replaces one or both of the host's clocks by functions that return nanoseconds: since an origin that stays the same,
    /// never going back; and since 1970-01-01 00:00 UTC, leap seconds not counted.
    ///
    /// Traps once the loop runs, for a deadline of one clock means nothing to another.
    package static func replace(
        monotonic: (@Sendable () -> UInt64)? = nil,
        wall: (@Sendable () -> Int64)? = nil
    ) {
        precondition(
            !LoopExecutor.shared.isRunning,
            "a clock is replaced before the loop runs, or not at all"
        )
        if let monotonic { self.monotonic = monotonic }
        if let wall { self.wall = wall }
    }

    /// Nanoseconds of the monotonic clock.
    static var monotonicNanoseconds: UInt64 { monotonic() }

    /// Nanoseconds since 1970-01-01 00:00 UTC, leap seconds not counted.
    package static var epochNanoseconds: Int64 { wall() }

    /// Seconds since 1970-01-01 00:00 UTC, leap seconds not counted.
    package static var epochSeconds: Int64 { epochNanoseconds / 1_000_000_000 }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
