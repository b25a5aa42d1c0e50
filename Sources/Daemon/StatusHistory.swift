// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import TaskEngine
internal import Tasks

/// How it stood with all managers together in the last hour, in memory that is allocated once: about 40 KB.
struct StatusHistory {
    /// One sample is kept of each span of so many seconds.
    static let intervalSeconds = 10
    /// So many samples are kept: one hour.
    static let sampleCountMax = 360
    /// Raised when a series changes its meaning.
    private static let schema: Int64 = 1

    /// One number over time; its name says where `/status.json` has the number of the same meaning.
    private struct Series: Sendable {
        let name: String
        let value: @Sendable (Metrics) -> Int

        init(_ name: String, _ value: @escaping @Sendable (Metrics) -> Int) {
            self.name = name
            self.value = value
        }
    }

    private static let series = ofManagers + ofTasks + ofEnds

    private static let ofManagers = [
        Series("managers") { _ in 1 },
        Series("registered") { $0.isRegistered ? 1 : 0 },
        Series("access_lost") { $0.isAccessLost ? 1 : 0 },
        Series("slots.used") { $0.instanceCount },
        Series("slots.limit") { $0.slotLimit },
        Series("waiting.for_room") { $0.waitingForRoomCount },
        Series("waiting.for_host") { $0.waitingForHostCount },
        Series("orphans") { $0.orphanCount },
    ]

    private static let ofTasks = TaskState.allCases.dropLast().map { state in
        Series("task_counts.\(state.rawValue)") { $0.tasksByState[state] ?? 0 }
    }

    private static let ofEnds = TaskStatistics.Outcome.allCases.map { outcome in
        Series("ended_counts.\(outcome.rawValue)") { $0.outcomes[outcome] ?? 0 }
    }

    /// Sample after sample, each as long as `series`.
    private var values = [UInt32](repeating: 0, count: sampleCountMax * series.count)
    /// Which span each sample is of, counted from the start of the process; -1 before there is one.
    private var spans = [Int](repeating: -1, count: sampleCountMax)
    private var firstSpan: Int?
    private var lastSpan = -1

    /// Without samples.
    init() {}

    /// What the samples take.
    var byteCount: Int {
        values.capacity * MemoryLayout<UInt32>.stride + spans.capacity * MemoryLayout<Int>.stride
    }

    /// Whether the span of this time, which passes since the start of the process, has no sample yet.
    func isDue(at time: Duration) -> Bool { Self.span(of: time) > lastSpan }

    /// Keeps the managers' numbers as the sample of this time's span; the sample of an hour before makes room.
    mutating func add(_ managers: [Metrics], at time: Duration) {
        lastSpan = Self.span(of: time)
        firstSpan = firstSpan ?? lastSpan
        let place = lastSpan % Self.sampleCountMax
        spans[place] = lastSpan
        for (number, series) in Self.series.enumerated() {
            let sum = managers.reduce(0) { $0 + series.value($1) }
            values[place * Self.series.count + number] = UInt32(clamping: sum)
        }
    }

    /// The document as it is served, `epochSeconds` after 1970 and `time` after the start of the process.
    func text(at time: Duration, _ epochSeconds: Int) -> String {
        String(decoding: json(at: time, epochSeconds).encoded(), as: UTF8.self)
    }

    /// The samples up to the newest, the oldest first; null stands for a span that has none.
    func json(at time: Duration, _ epochSeconds: Int) -> JSON {
        let oldest = max(firstSpan ?? 0, lastSpan - Self.sampleCountMax + 1)
        let shown = lastSpan < 0 ? [] : Array(oldest...lastSpan)
        let series = Self.series.enumerated().map { number, series in
            let numbers = shown.map { span -> JSON in
                let place = span % Self.sampleCountMax
                guard spans[place] == span else { return .null }
                return .integer(Int64(values[place * Self.series.count + number]))
            }
            return JSON.Member(series.name, .array(numbers))
        }
        let age = Int(time.components.seconds) - max(lastSpan, 0) * Self.intervalSeconds
        return .object(present: [
            ("schema", .integer(Self.schema)),
            ("interval_seconds", .integer(Int64(Self.intervalSeconds))),
            ("time", .integer(Int64(epochSeconds - age))),
            ("series", .object(series)),
        ])
    }

    private static func span(of time: Duration) -> Int { Int(time.components.seconds) / intervalSeconds }
}
