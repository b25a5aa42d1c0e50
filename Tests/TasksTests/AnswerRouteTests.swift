// SPDX-License-Identifier: Apache-2.0

import EventLoop
import SchedulerLink
import TestSupport
import Testing
import Transport

@testable import SchedulerMessages
@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct AnswerRouteTests {
    /// A worker that notes what is sent through it.
    @LoopActor
    private final class NotedOrigin: TaskOrigin {
        private(set) var notes: [String] = []
        let isRead = Latch()

        func reply(_ result: TaskResult, announcing object: ObjectInstruction) -> Latch {
            notes.append("reply")
            return isRead
        }

        func sendOutput(_ messages: [[UInt8]]) { notes.append("output \(messages.count)") }
    }

    private static let task = TaskMessage(taskID: TaskID([1]), source: ClientID([2]), functionObjectID: nil)

    @Test func `output goes to the worker of the moment, and nowhere while it is muted or there is none`()
        async throws
    {
        try await onLoop {
            let (first, second) = (NotedOrigin(), NotedOrigin())
            let route = AnswerRoute(first, of: Self.task.taskID, in: RunTally())
            route.sendOutput([[1], [2]])
            route.sendOutput([])
            route.muteOutput()
            route.sendOutput([[3]])
            route.move(to: nil)
            #expect(route.lostSince != nil)
            route.sendOutput([[4]])
            route.move(to: second)
            #expect(route.lostSince == nil)
            route.sendOutput([[5]])
            #expect(first.notes == ["output 2"])
            #expect(second.notes == ["output 1"])
        }
    }

    @Test func `whoever waits for a worker goes on when there is one`() async throws {
        try await onLoop {
            let origin = NotedOrigin()
            let route = AnswerRoute(origin, of: Self.task.taskID, in: RunTally())
            try await route.awaitOrigin()
            route.move(to: nil)
            let waiting = spawn { (try? await route.awaitOrigin()) != nil }
            await yieldToOthers()
            route.move(to: origin)
            #expect(await waiting.value)
        }
    }

    @Test func `an answer is confirmed when the scheduler has surely read it, whichever worker sent it`()
        async throws
    {
        try await onLoop {
            let (lost, next) = (NotedOrigin(), NotedOrigin())
            let answer = TaskAnswer(outcome: .success, object: Blob([1, 2, 3]), profile: nil)
            let sent = SentAnswer(
                answer,
                to: Self.task,
                storedAs: AnswerStore.objectID(ofAnswerTo: Self.task)
            )
            _ = sent.send(through: lost)
            #expect(!sent.isConfirmed)
            let confirmation = sent.send(through: next)
            next.isRead.open()
            #expect(await confirmation.value)
            #expect(sent.isConfirmed)
            #expect(lost.notes == ["reply"] && next.notes == ["reply"])
        }
    }
}
