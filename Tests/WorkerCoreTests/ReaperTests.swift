// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import WorkerCore

@Suite(.timeLimit(.minutes(1))) struct ReaperTests {
    /// Has `cloud` delete an instance, and returns when that is accepted.
    @LoopActor
    private static func delete(
        _ id: String,
        thenObjects names: [String] = [],
        in cloud: ScriptedCloud
    ) async throws {
        try await cloud.reaper.delete(instance: id, thenObjects: names).wait(until: .after(.seconds(30)))
    }

    @Test(arguments: [ScriptedCloud.Answer.incorrectState, .throttled, .broken])
    func `a deletion that is refused is asked for until it is accepted`(
        _ answer: ScriptedCloud.Answer
    ) async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.answers["i"] = [answer, answer]
            #expect(!cloud.reaper.isDeleting("i"))
            let accepted = cloud.reaper.delete(instance: "i")
            #expect(cloud.reaper.isDeleting("i"))
            #expect(!cloud.reaper.hasNoWork)
            try await accepted.wait(until: .after(.seconds(30)))
            #expect(cloud.deletions == ["i", "i", "i"])
            #expect(cloud.reaper.deletedCount == 1)
            #expect(cloud.reaper.hasNoWork)
        }
    }

    @Test func `what cannot be deleted yet holds up nothing else`() async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            // More of them than deletions may be under way at once.
            for number in 0..<8 {
                cloud.answers["stuck\(number)"] = Array(repeating: .incorrectState, count: 1000)
                cloud.reaper.delete(instance: "stuck\(number)")
            }
            for number in 0..<8 { try await Self.delete("free\(number)", in: cloud) }
            #expect(cloud.reaper.deletedCount == 8)
            #expect(await !cloud.reaper.drain(until: .after(.milliseconds(10))))
        }
    }

    @Test func `objects go once a listing that began later shows that their instance is gone`() async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            let early = Deadline.now
            var goneCount = 0
            cloud.reaper.onGone = { goneCount += 1 }
            try await Self.delete("i", thenObjects: ["result"], in: cloud)
            cloud.reaper.observe(living: [], started: early)
            #expect(cloud.reaper.isDeleting("i"))
            cloud.reaper.observe(living: ["i"], started: .now)
            #expect(cloud.reaper.isDeleting("i"))
            #expect(goneCount == 0)
            cloud.reaper.observe(living: [], started: .now)
            #expect(!cloud.reaper.isDeleting("i"))
            #expect(goneCount == 1)
            #expect(cloud.reaper.isDeleting(object: "result"))
            try await cloud.wait { cloud.batches == [["result"]] }
            #expect(cloud.deletions == ["i"])
        }
    }

    @Test func `a deletion that is asked for twice is made once, and takes the objects of both along`()
        async throws
    {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.reaper.delete(instance: "i", thenObjects: ["a"])
            try await Self.delete("i", thenObjects: ["b"], in: cloud)
            try await Self.delete("i", thenObjects: ["c"], in: cloud)
            cloud.reaper.observe(living: [], started: .now)
            try await cloud.wait { cloud.batches == [["a", "b", "c"]] }
            #expect(cloud.deletions == ["i"])
        }
    }

    @Test func `an instance said not to be there that a listing shows is deleted again, and a person told`()
        async throws
    {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.answers["i"] = [.notFound]
            try await Self.delete("i", thenObjects: ["result"], in: cloud)
            #expect(cloud.reaper.hasDoubt)
            #expect(cloud.reaper.deletedCount == 0)
            cloud.reaper.observe(living: ["i"], started: .now)
            #expect(await cloud.reaper.drain(until: .after(.seconds(30))))
            #expect(cloud.reaper.deletedCount == 1)
            #expect(!cloud.reaper.hasDoubt)
            #expect(cloud.deletions == ["i", "i"])
            #expect(cloud.log.messages.first == "warning cannot delete an instance; trying again")
            cloud.reaper.observe(living: [], started: .now)
            try await cloud.wait { cloud.batches == [["result"]] }
        }
    }

    @Test
    func `an instance that stays although its deletion was accepted is deleted again, and a person told`()
        async throws
    {
        try await onLoop {
            let cloud = try ScriptedCloud(patience: .milliseconds(50))
            defer { cloud.stop() }
            try await Self.delete("i", in: cloud)
            try await sleep(for: .milliseconds(60))
            cloud.reaper.observe(living: ["i"], started: .now)
            #expect(await cloud.reaper.drain(until: .after(.seconds(30))))
            #expect(cloud.reaper.deletedCount == 2)
            let words =
                "warning an instance does not go away although its deletion was accepted; deleting it again"
            #expect(cloud.log.messages == [words])
            cloud.reaper.observe(living: [], started: .now)
            #expect(cloud.reaper.isIdle)
        }
    }

    @Test func `objects are deleted together, and those that the cloud kept once more`() async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.kept = ["b"]
            for name in ["a", "b", "c"] { cloud.reaper.delete(objects: [name]) }
            try await cloud.wait { cloud.batches.count == 2 }
            #expect(cloud.batches == [["a", "b", "c"], ["b"]])
            #expect(await cloud.reaper.drain(until: .after(.seconds(30))))
            #expect(!cloud.reaper.isDeleting(object: "b"))
        }
    }

    @Test func `a name that the service will not have is found, and keeps no other from being deleted`()
        async throws
    {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.poison = ["c"]
            cloud.reaper.delete(objects: ["a", "b", "c", "d"])
            #expect(await cloud.reaper.drain(until: .after(.seconds(50))))
            let deleted = Set(cloud.batches.filter { !$0.contains("c") }.joined())
            #expect(deleted == ["a", "b", "d"])
            #expect(cloud.batches.contains(["c"]))
            #expect(cloud.reaper.isDeleting(object: "c"))
            await cloud.reaper.spare(["c"])
            #expect(!cloud.reaper.isDeleting(object: "c"))
        }
    }

    @Test func `what is spared is not deleted, wherever it waits`() async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.answers["creating"] = [.incorrectState]
            let accepted = cloud.reaper.delete(instance: "creating", thenObjects: ["a", "spared"])
            try await Self.delete("gone", thenObjects: ["b", "spared"], in: cloud)
            cloud.reaper.delete(objects: ["c", "spared"])
            await cloud.reaper.spare(["spared"])
            try await accepted.wait(until: .after(.seconds(30)))
            cloud.reaper.observe(living: [], started: .now)
            try await cloud.wait { cloud.batches.joined().count == 3 }
            #expect(Set(cloud.batches.joined()) == ["a", "b", "c"])
        }
    }
}
