// SPDX-License-Identifier: Apache-2.0

import SchedulerMessages
import TestSupport
import Testing

@testable import Tasks

@Suite struct RunTallyTests {
    private static let tasks = (0..<3).map { TaskID([UInt8($0)]) }

    @Test func `each worker has its own counts, which follow its tasks`() async throws {
        try await onLoop {
            let (first, second) = (RecordedWorker(), RecordedWorker())
            let tally = RunTally()
            for task in Self.tasks { tally.set(.queued, of: task, for: first) }
            #expect(tally.counts(of: first) == (3, 3))
            tally.set(.working, of: Self.tasks[0], for: first)
            tally.set(.over, of: Self.tasks[1], for: first)
            tally.set(.over, of: Self.tasks[1], for: first)
            #expect(tally.counts(of: first) == (2, 1))
            #expect(Set(tally.tasks(of: first)) == Set(Self.tasks))
            #expect(tally.counts(of: second) == (0, 0) && tally.tasks(of: second).isEmpty)
        }
    }

    @Test func `a task that nobody must answer any more is not counted, nor is its worker kept`() async throws
    {
        try await onLoop {
            weak var worker: RecordedWorker?
            let tally = RunTally()
            do {
                let origin = RecordedWorker()
                worker = origin
                tally.set(.working, of: Self.tasks[0], for: origin)
                #expect(tally.counts(of: origin) == (1, 0))
                tally.set(nil, of: Self.tasks[0], for: origin)
                #expect(tally.counts(of: origin) == (0, 0))
            }
            #expect(worker == nil)
        }
    }

    @Test func `a route takes its task along to another worker, and counts it nowhere while there is none`()
        async throws
    {
        try await onLoop {
            let (first, second) = (RecordedWorker(), RecordedWorker())
            let tally = RunTally()
            let route = AnswerRoute(first, of: Self.tasks[0], in: tally)
            #expect(tally.counts(of: first) == (1, 1))
            route.standing = .working
            route.move(to: nil)
            #expect(tally.counts(of: first) == (0, 0))
            route.move(to: second)
            #expect(tally.counts(of: second) == (1, 0) && tally.tasks(of: second) == [Self.tasks[0]])
            route.standing = nil
            #expect(tally.tasks(of: second).isEmpty)
        }
    }
}
