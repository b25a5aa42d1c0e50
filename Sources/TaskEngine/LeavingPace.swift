// SPDX-License-Identifier: Apache-2.0

/// How fast instances are deleted while the process leaves: as fast as it takes to end well within the time there is.
///
/// Rule: a deletion takes about a second, and a service answers tens of them at a time. At the pace of every day, which
/// leaves connections and requests to the creates, a hundred deletions would outlast the stop.
package struct LeavingPace: Sendable, Equatable {
    /// At the pace of every day.
    package static let usualParallelCount = 4
    /// More connections at once than this, no service would like to see from one caller.
    private static let parallelCountMax = 64.0
    /// More requests a second than this, the service would refuse; where it refuses these, the rate halves as ever.
    private static let perSecondMax = 100.0
    /// The part of the time that the deletions shall take; the rest is for those that are refused at first, and for the
    /// last look.
    private static let share = 0.25

    /// Deletions under way at once.
    package let parallelCount: Int
    /// Requests a second.
    package let perSecond: Double

    /// The pace at which `instanceCount` deletions end in `timeout`, not below that of every day.
    package init(instanceCount: Int, timeout: Duration, usualPerSecond: Double) {
        let time = max(0.001, timeout / .seconds(1) * Self.share)
        let needed = Double(instanceCount) / time
        // Of deletions that take a second each, as many are under way as begin in a second.
        parallelCount = Int(
            min(max(needed.rounded(.up), Double(Self.usualParallelCount)), Self.parallelCountMax)
        )
        perSecond = max(usualPerSecond, min(needed, Self.perSecondMax))
    }
}
