// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The time of day, which the administrator may change: for dates on the wire and in logs, never for waiting.
package enum WallClock {
    /// Seconds since 1970-01-01 00:00 UTC, leap seconds not counted.
    package static var epochSeconds: Int64 {
        epochNanoseconds / 1_000_000_000
    }

    /// Nanoseconds since 1970-01-01 00:00 UTC, leap seconds not counted.
    package static var epochNanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
