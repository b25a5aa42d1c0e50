// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIServices
import SchedulerMessages
import TestCloud
import TestSupport
import Testing

@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct LiveOutputTests {
    private static let taskID = TaskID([1])

    private static func line(_ number: Int, _ stream: Int, _ text: String) -> String {
        "[\"scaler-output\", \(number), \(stream), \"\(text)\"]\n"
    }

    private static func message(_ stream: TaskLog.Stream, _ text: String) -> [UInt8] {
        TaskLog(taskID: taskID, stream: stream, content: text).encoded()
    }

    /// A running container, and what of its output was shown.
    @LoopActor
    private final class OutputStage {
        let cloud = TestCloud()
        let id: String
        let output: LiveOutput
        var isWanted = true
        private(set) var shown: [[UInt8]] = []

        init() {
            id = cloud.add(tags: [])
            output = LiveOutput(
                taskID: taskID,
                instances: cloud.instances,
                pace: OutputPace(requestsPerSecondMax: 10_000, shortestPeriod: .milliseconds(5))
            )
        }

        func follow() -> Spawned<Void> {
            spawn {
                await self.output.follow(self.id) {
                    self.isWanted
                } show: {
                    self.shown += $0
                }
            }
        }
    }

    @Test func `what a container prints is shown once, by streams`() async throws {
        try await onLoop {
            let stage = OutputStage()
            stage.cloud[stage.id].output = Self.line(0, 1, "a") + "not ours\n" + Self.line(1, 1, "b")
            let following = stage.follow()
            try await stage.cloud.wait { !stage.shown.isEmpty }
            stage.cloud[stage.id].output += Self.line(2, 2, "c")
            try await stage.cloud.wait { stage.shown.count == 2 }
            #expect(
                stage.shown == [
                    Self.message(.standardOutput, "ab"), Self.message(.standardError, "c"),
                ]
            )
            following.cancel()
            await following.value
            #expect(stage.cloud.requests(of: .getContainerInstance).count == 1)
            // The rest comes with the result, which holds all of it.
            let all = stage.cloud[stage.id].output + Self.line(3, 1, "d")
            #expect(
                stage.output.messages(in: Array(all.utf8)) == [Self.message(.standardOutput, "d")]
            )
        }
    }

    @Test func `nothing is asked for while nobody wants it`() async throws {
        try await onLoop {
            let stage = OutputStage()
            stage.cloud[stage.id].output = Self.line(0, 1, "a")
            stage.isWanted = false
            let following = stage.follow()
            try await sleep(for: .milliseconds(50))
            #expect(stage.cloud.requests.isEmpty)
            stage.isWanted = true
            try await stage.cloud.wait { stage.shown.count == 1 }
            following.cancel()
            await following.value
        }
    }

    @Test func `what cannot be asked for is asked for again, and fails nothing`() async throws {
        try await onLoop {
            let stage = OutputStage()
            stage.cloud[stage.id].output = Self.line(0, 1, "a")
            stage.cloud.script(.getContainerInstance, .forbidden)
            stage.cloud.script(.retrieveLogs, .forbidden, .incorrectState)
            let following = stage.follow()
            try await stage.cloud.wait { stage.shown.count == 1 }
            following.cancel()
            await following.value
            #expect(stage.cloud.requests(of: .retrieveLogs).count >= 3)
        }
    }

    @Test func `a gap is told in words`() async throws {
        try await onLoop {
            let output = OutputStage().output
            let printed = Self.line(0, 1, "a") + Self.line(3, 1, "b")
            #expect(
                output.messages(in: Array(printed.utf8)) == [
                    Self.message(.standardOutput, "a"),
                    Self.message(.standardError, "[2 pieces of output are lost]\n"),
                    Self.message(.standardOutput, "b"),
                ]
            )
        }
    }
}
