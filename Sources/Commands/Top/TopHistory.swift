// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The last documents, as far as rates follow from them, and how it stands with the daemon; pure, times as arguments.
struct TopHistory: Equatable, Sendable {
    /// Rates are those of this time.
    private static let span: Duration = .seconds(60)

    private struct Sample: Equatable, Sendable {
        let time: Duration
        let endedCounts: [String: Int]
    }

    /// The newest document; nil before the first.
    private(set) var snapshot: StatusSnapshot?
    /// When it came.
    private(set) var snapshotTime: Duration = .zero
    /// Why there is none newer, since when.
    private(set) var trouble: (reason: String, since: Duration)?
    /// When another process was seen to answer, by the daemon's clock; nil if never.
    private(set) var restartedAt: Int?
    private var samples: [Sample] = []

    static func == (left: TopHistory, right: TopHistory) -> Bool {
        left.snapshot == right.snapshot && left.samples == right.samples
            && left.trouble?.reason == right.trouble?.reason && left.restartedAt == right.restartedAt
    }

    /// A document came.
    mutating func received(_ next: StatusSnapshot, at now: Duration) {
        // Only another process has used less.
        if let snapshot, next.cpuSeconds < snapshot.cpuSeconds {
            restartedAt = next.time
            samples = []
        }
        trouble = nil
        snapshot = next
        snapshotTime = now
        samples.removeAll { now - $0.time > Self.span }
        samples.append(Sample(time: now, endedCounts: next.endedCounts))
    }

    /// No document came.
    mutating func failed(_ reason: String, at now: Duration) {
        trouble = (reason, trouble?.since ?? now)
    }

    /// How many tasks ended a second with an outcome, of all managers; nil before there are two documents.
    func perSecond(_ outcome: String) -> Double? {
        guard let first = samples.first, let last = samples.last, last.time > first.time else { return nil }
        let count = (last.endedCounts[outcome] ?? 0) - (first.endedCounts[outcome] ?? 0)
        return Double(max(0, count)) / ((last.time - first.time) / .seconds(1))
    }
}

extension StatusSnapshot {
    /// Ended tasks of all managers by outcome.
    var endedCounts: [String: Int] {
        managers.reduce(into: [:]) { sums, manager in
            for entry in manager.endedCounts { sums[entry.name, default: 0] += entry.count }
        }
    }
}
