// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TaskEngine

@Suite struct DueTasksTests {
    @Test func `tasks come out in the order of their moments, however many went before them`() {
        var due = DueTasks()
        for number in 0..<5000 {
            due.append(TaskKey("\(number)"), at: .seconds(number))
            if number.isMultiple(of: 5) { continue }
            #expect(due.first?.moment == .seconds(number - number / 5 - 1))
            due.removeFirst()
        }
        #expect(due.count == 1000)
        while due.count > 1 { due.removeFirst() }
        #expect(due.first?.task == TaskKey("4999"))
        due.removeFirst()
        #expect(due.first == nil && due.count == 0)
    }

    /// What a ledger goes through at an event is counted here, not timed.
    @Test func `an answer that was confirmed is not looked at again, whatever is still awaited behind it`() {
        var ledger = CloudLedger(slotLimit: 1000, periods: CloudLedger.Periods(grace: .seconds(60)))
        _ = ledger.instancesListed([], begun: .zero, at: .zero)
        _ = ledger.objectsListed(results: [], inputs: [:], begun: .zero, at: .zero)
        ledger.schedulerAnswers(true, at: .zero)
        let keys = (0..<100).map { TaskKey("\($0)") }
        for (number, key) in keys.enumerated() {
            let now = Duration.seconds(1) + .milliseconds(number)
            _ = ledger.queued(key, at: now)
            ledger.slotGranted()
            _ = ledger.claimed(key, at: now)
            _ = ledger.createAnswered(
                ListedInstance(id: "i\(key)", task: key, phase: .stopped, state: "INACTIVE", createdAt: now),
                at: now
            )
            _ = ledger.released(key, isAnswered: true, at: now)
        }
        #expect(ledger.nextMoment == .seconds(31))
        #expect(ledger.answeredTasks.map(\.count) == [0, 100])
        for key in keys.dropLast() { _ = ledger.answerConfirmed(key, at: .seconds(2)) }
        #expect(ledger.answeredTasks.map(\.count) == [0, 1])
        #expect(ledger.nextMoment == .seconds(31) + .milliseconds(99))
        _ = ledger.timePassed(at: .seconds(32))
        #expect(ledger.nextMoment == nil)
    }

    @Test
    func `a listing goes through what the cloud holds something of, not through all that wait`() {
        var ledger = CloudLedger(slotLimit: 2, periods: CloudLedger.Periods(grace: .seconds(60)))
        for number in 0..<1000 { _ = ledger.queued(TaskKey("\(number)"), at: .zero) }
        let (held, orphan) = (TaskKey("7"), TaskKey("orphan"))
        _ = ledger.instancesListed([], begun: .zero, at: .zero)
        _ = ledger.objectsListed(results: [held, orphan], inputs: [:], begun: .zero, at: .zero)
        #expect(ledger.heldTasks == [held, orphan])
        #expect(ledger.orphanCount == 1)
        _ = ledger.objectsListed(results: [], inputs: [:], begun: .seconds(1), at: .seconds(1))
        #expect(ledger.heldTasks.isEmpty)
        #expect(ledger.orphanCount == 0)
    }
}
