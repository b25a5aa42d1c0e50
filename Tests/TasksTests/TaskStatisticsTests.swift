// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TaskEngine
import TestSupport
import Testing

@testable import Tasks

@Suite struct TaskStatisticsTests {
    @Test func `each value is in the first bucket that is large enough, and a bucket holds the smaller ones`()
    {
        var histogram = Histogram()
        for value in [0.05, 0.1, 0.11, 7, 100_000] { histogram.add(value) }
        #expect(histogram.cumulative == [2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5])
        #expect(abs(histogram.sum - 100_007.26) < 1e-6)
        #expect(Histogram.bounds.count + 1 == histogram.cumulative.count)
        #expect(Histogram.bounds == Histogram.bounds.sorted())
    }

    @Test func `a state's time is noted when it is left, and an event after the end notes nothing`()
        async throws
    {
        try await onLoop {
            let statistics = TaskStatistics()
            var progress = TaskProgress(statistics)
            #expect(statistics.seconds.isEmpty)
            let events: [TaskEvent] = [.slotGranted, .cancelled, .resultSeen, .cleaned]
            var hasMoved: [Bool] = []
            for event in events { hasMoved.append(progress.advance(event)) }
            #expect(hasMoved == [true, true, false, true])
            #expect(Set(statistics.seconds.keys) == [.queued, .loading, .cleaning])
            #expect(statistics.seconds.values.allSatisfy { $0.cumulative.last == 1 })
        }
    }

    @Test func `the last failures are remembered, and the beginning of their texts`() async throws {
        try await onLoop {
            let statistics = TaskStatistics()
            let text = String(repeating: "x", count: 10_000)
            for number in 0..<50 { statistics.failed("\(number)", text, remedy: "wait", .refused) }
            #expect(statistics.failures.allSatisfy { $0.remedy == "wait" && $0.outcome == .refused })
            #expect(statistics.failures.map(\.task) == (30..<50).map { "\($0)" })
            #expect(statistics.failures.allSatisfy { $0.text.count == 600 })
        }
    }

    @Test func `outcomes are counted`() async throws {
        try await onLoop {
            let statistics = TaskStatistics()
            statistics.ended(.success)
            statistics.ended(.success)
            statistics.ended(.workerLost)
            #expect(statistics.outcomes == [.success: 2, .workerLost: 1])
        }
    }
}
