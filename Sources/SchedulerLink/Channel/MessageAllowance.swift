// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging

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

/// Numbers of messages that nobody here knows: of a later release of Scaler's, or of a peer that is none.
struct UnknownTags {
    /// So many have a line of their own.
    private static let countMax = 8
    private var seen: Set<UInt16> = []

    /// Tells of a message that is ignored, once for each number.
    mutating func note(_ tag: UInt16, _ log: Logger) {
        guard seen.count < Self.countMax, seen.insert(tag).inserted else { return }
        log.notice(
            "a message of a kind that this release does not know is ignored",
            metadata: ["tag": "\(tag)"]
        )
    }
}
