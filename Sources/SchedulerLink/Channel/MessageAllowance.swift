// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// How many messages are taken from a peer of a kind that costs us more than it can be worth; pure, time is an argument.
///
/// Tasks and cancels are bounded by the queue that a worker announces. Whatever else a peer sends as fast as it can would
/// have a whole processor: beyond a first number it is taken so many a second, and the rest waits where the peer has it.
struct MessageAllowance {
    /// Messages that mean nothing to us: a scheduler sends hardly any, one of a later release for each of its novelties.
    static let meaningless = (atOnce: 1000.0, perSecond: 250.0)
    /// Names of objects that are gone, which every worker is told of.
    static let deletions = (atOnce: 10_000.0, perSecond: 2000.0)

    private let atOnce: Double
    private let perSecond: Double
    private var left: Double
    private var counted: Deadline

    init(_ rate: (atOnce: Double, perSecond: Double), at now: Deadline) {
        (atOnce, perSecond) = rate
        left = rate.atOnce
        counted = now
    }

    /// Notes one; how long to wait before the next message is taken.
    mutating func note(at now: Deadline) -> Duration {
        let passed = now.duration(since: counted) / .seconds(1)
        counted = now
        left = min(atOnce, left + passed * perSecond) - 1
        return left >= 0 ? .zero : .seconds(-left / perSecond)
    }
}
