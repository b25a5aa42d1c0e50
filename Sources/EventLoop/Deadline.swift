// SPDX-License-Identifier: Apache-2.0

/// A moment on the monotonic clock after which waiting ends.
package struct Deadline: Sendable, Comparable {
    /// Nanoseconds of the monotonic clock.
    let nanoseconds: UInt64

    /// Never passes.
    package static let never = Deadline(nanoseconds: .max)

    /// The present moment by the loop's clock.
    package static var now: Deadline { Deadline(nanoseconds: LoopClock.monotonicNanoseconds) }

    /// `duration` from now; past at once when not positive, `never` when beyond 500 years.
    package static func after(_ duration: Duration) -> Deadline { now + duration }

    /// The deadline moved by `duration`.
    package static func + (deadline: Deadline, duration: Duration) -> Deadline {
        let (seconds, attoseconds) = duration.components
        let (scaled, isTooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if isTooLong { return seconds < 0 ? Deadline(nanoseconds: 0) : .never }
        let (change, isPastRange) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        if isPastRange { return .never }
        if change < 0 {
            let back = change.magnitude
            return Deadline(nanoseconds: deadline.nanoseconds > back ? deadline.nanoseconds - back : 0)
        }
        let (sum, isNever) = deadline.nanoseconds.addingReportingOverflow(UInt64(change))
        return isNever ? .never : Deadline(nanoseconds: sum)
    }

    package static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Microseconds of CLOCK_MONOTONIC.
    package var microseconds: UInt64 { nanoseconds / 1000 }

    /// Whether the moment has come.
    package var isPast: Bool { self <= .now }

    /// The time from `earlier` to this moment; negative when it lies before.
    package func duration(since earlier: Deadline) -> Duration {
        if nanoseconds >= earlier.nanoseconds {
            return .nanoseconds(Int64(clamping: nanoseconds - earlier.nanoseconds))
        }
        return .zero - .nanoseconds(Int64(clamping: earlier.nanoseconds - nanoseconds))
    }

    /// The time left, zero when past.
    package var remaining: Duration { max(.zero, duration(since: .now)) }
}

/// Suspends until `deadline`; throws only `WaitError.cancelled`.
@LoopActor
package func sleep(until deadline: Deadline) async throws(WaitError) {
    do {
        try await Waiter().wait(until: deadline)
    } catch .deadlinePassed {
        return
    }
}

/// Suspends for `duration`; throws only `WaitError.cancelled`.
@LoopActor
package func sleep(for duration: Duration) async throws(WaitError) {
    try await sleep(until: .after(duration))
}

/// Lets every other job that is ready run before the caller goes on.
@LoopActor
package func yieldToOthers() async { await Task.yield() }
