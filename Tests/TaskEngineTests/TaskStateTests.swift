// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@Suite struct TaskStateTests {
    @Test func `a task that goes well passes every stage in order`() {
        let events: [TaskEvent] = [
            .slotGranted, .inputsLoaded, .payloadStored, .instanceCreated, .resultSeen, .outcomeKnown,
            .replied,
            .cleaned,
        ]
        var visited: [TaskState] = [.queued]
        for event in events {
            guard let next = visited.last?.next(after: event) else { break }
            visited.append(next)
        }
        #expect(
            visited == [
                .queued, .loading, .storing, .creating, .running, .fetching, .replying, .cleaning, .gone,
            ]
        )
    }

    @Test(arguments: TaskState.allCases)
    func `a cancel ends every state that has not been answered`(_ state: TaskState) {
        switch state {
        case .queued: #expect(state.next(after: .cancelled) == .gone)
        case .cleaning, .gone: #expect(state.next(after: .cancelled) == nil)
        default: #expect(state.next(after: .cancelled) == .cleaning)
        }
    }

    @Test(arguments: TaskState.allCases)
    func `from every state the end can be reached`(_ state: TaskState) {
        var reached: Set<TaskState> = [state]
        var frontier = [state]
        while let here = frontier.popLast() {
            for event in TaskEvent.allCases {
                if let next = here.next(after: event), reached.insert(next).inserted { frontier.append(next) }
            }
        }
        #expect(reached.contains(.gone))
    }

    @Test func `only a queued task leaves without cleaning, for only it has nothing in the cloud`() {
        let ways = TaskState.allCases.flatMap { state in
            TaskEvent.allCases.filter { state.next(after: $0) == .gone }.map { (state, $0) }
        }
        #expect(ways.map(\.0) == [.queued, .cleaning])
    }

    @Test(arguments: [
        (TaskState.queued, false, CancelAnswer.canceled), (.queued, true, .canceled),
        (.loading, false, .refused), (.loading, true, .canceled), (.creating, false, .refused),
        (.creating, true, .canceled), (.running, false, .refused), (.running, true, .canceled),
        (.replying, true, .canceled), (.cleaning, true, .unknown), (.gone, false, .unknown),
    ])
    func `a cancel is answered as Scaler's workers answer it`(
        _ state: TaskState,
        _ isForced: Bool,
        _ answer: CancelAnswer
    ) {
        #expect(state.answer(toCancelThatIsForced: isForced) == answer)
    }
}
