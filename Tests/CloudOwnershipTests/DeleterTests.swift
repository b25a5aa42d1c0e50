// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import CloudOwnership

@Suite(.timeLimit(.minutes(1))) struct DeleterTests {
    @Test(arguments: [ScriptedCloud.Answer.incorrectState, .throttled, .broken])
    func `a deletion that is refused is asked for until it is accepted`(
        _ answer: ScriptedCloud.Answer
    ) async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.answers["i"] = [answer, answer]
            cloud.deleter.delete(instance: "i")
            #expect(try await cloud.outcome() == "accepted i")
            #expect(cloud.deletions == ["i", "i", "i"])
        }
    }

    @Test func `what cannot be deleted yet holds up nothing else`() async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            // More of them than deletions may be under way at once.
            for number in 0..<8 {
                cloud.answers["stuck\(number)"] = Array(repeating: .incorrectState, count: 1000)
                cloud.deleter.delete(instance: "stuck\(number)")
            }
            for number in 0..<8 { cloud.deleter.delete(instance: "free\(number)") }
            for _ in 0..<8 { #expect(try await cloud.outcome().hasPrefix("accepted free")) }
        }
    }

    @Test func `a deletion that is asked for twice is made once`() async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.deleter.delete(instance: "i")
            cloud.deleter.delete(instance: "i")
            #expect(try await cloud.outcome() == "accepted i")
            cloud.deleter.delete(instance: "j")
            #expect(try await cloud.outcome() == "accepted j")
            #expect(cloud.deletions == ["i", "j"])
        }
    }

    @Test func `an instance that is not there is told apart from one that goes`() async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.answers["i"] = [.notFound]
            cloud.deleter.delete(instance: "i")
            #expect(try await cloud.outcome() == "not there i")
            #expect(cloud.deleter.denial == nil)
        }
    }

    @Test func `objects are deleted together, and those that the cloud kept once more`() async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.kept = ["b"]
            for name in ["a", "b", "c"] { cloud.deleter.delete(objects: [name]) }
            #expect(try await cloud.outcome() == "deleted a c")
            #expect(try await cloud.outcome() == "deleted b")
            #expect(cloud.batches == [["a", "b", "c"], ["b"]])
        }
    }

    @Test func `a name that the service will not have is found, and keeps no other from being deleted`()
        async throws
    {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.poison = ["c"]
            cloud.deleter.delete(objects: ["a", "b", "c", "d"])
            var outcomes: [String: Set<String>] = [:]
            while outcomes["refused"] == nil || outcomes["deleted"]?.count != 3 {
                let words = try await cloud.outcome().split(separator: " ").map(String.init)
                outcomes[words[0], default: []].formUnion(words.dropFirst())
            }
            #expect(outcomes == ["deleted": ["a", "b", "d"], "refused": ["c"]])
            cloud.deleter.delete(objects: ["e"])
            #expect(try await cloud.outcome() == "deleted e")
            #expect(cloud.batches.last == ["e"])
        }
    }

    @Test func `what is withheld is not deleted, wherever it waits`() async throws {
        try await onLoop {
            let cloud = try ScriptedCloud()
            defer { cloud.stop() }
            cloud.deleter.delete(objects: ["a", "kept"])
            await cloud.deleter.withhold(["kept"])
            #expect(try await cloud.outcome() == "deleted a")
            cloud.kept = ["kept"]
            cloud.deleter.delete(objects: ["b", "kept"])
            try await cloud.wait { cloud.batches.count == 2 }
            // It was refused once and would be asked for again.
            await cloud.deleter.withhold(["kept"])
            cloud.deleter.delete(objects: ["c"])
            #expect(try await cloud.outcome() == "deleted b")
            #expect(try await cloud.outcome() == "deleted c")
            #expect(cloud.batches == [["a"], ["b", "kept"], ["c"]])
        }
    }
}
