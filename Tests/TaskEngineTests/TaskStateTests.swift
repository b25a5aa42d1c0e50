// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import TestSupport
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

    @Test(arguments: [TaskState.loading, .storing, .creating, .running, .diagnosing, .fetching])
    func `whatever fails on the way is answered`(_ state: TaskState) {
        #expect(state.next(after: .failed) == .replying)
    }

    @Test func `an instance that the cloud had no room for after all is replaced`() {
        #expect(TaskState.diagnosing.next(after: .startedOver) == .loading)
    }

    @Test func `a listed result that is not there is waited for again`() {
        #expect(TaskState.fetching.next(after: .resultVanished) == .running)
    }

    @Test func `the documentation shows the table as it is`() throws {
        let diagram = try PrintedPart(of: "Architecture.md", between: "states")
        try diagram.check("```mermaid\n\(TaskState.diagram)```\n")
    }
}

extension TaskState {
    /// The table as a Mermaid state diagram, states and events in order of declaration.
    fileprivate static var diagram: String {
        var lines = ["stateDiagram-v2", "    [*] --> queued"]
        for state in allCases {
            for event in TaskEvent.allCases {
                guard let next = state.next(after: event) else { continue }
                lines.append("    \(state) --> \(next): \(event)")
            }
        }
        lines.append("    gone --> [*]")
        return lines.joined(separator: "\n") + "\n"
    }
}
