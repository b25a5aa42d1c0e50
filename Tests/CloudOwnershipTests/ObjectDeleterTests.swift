// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIServices
import TestCloud
import TestSupport
import Testing

@testable import CloudOwnership

@Suite(.timeLimit(.minutes(1))) struct ObjectDeleterTests {
    @Test func `objects are deleted together, and those that the cloud kept once more`() async throws {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            cloud.service.keptNames = ["b"]
            for name in ["a", "b", "c"] { cloud.deleter.delete([name]) }
            let first = try await cloud.outcome()
            #expect(first == "deleted a c")
            #expect(try await cloud.outcome() == "deleted b")
            #expect(cloud.batches == [["a", "b", "c"], ["b"]])
        }
    }

    @Test func `a name that the service will not have is found, and keeps no other from being deleted`()
        async throws
    {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            cloud.service.illegalNames = ["c"]
            cloud.deleter.delete(["a", "b", "c", "d"])
            var outcomes: [String: Set<String>] = [:]
            while outcomes["refused"] == nil || outcomes["deleted"]?.count != 3 {
                let words = try await cloud.outcome().split(separator: " ").map(String.init)
                outcomes[words[0], default: []].formUnion(words.dropFirst())
            }
            #expect(outcomes == ["deleted": ["a", "b", "d"], "refused": ["c"]])
            cloud.deleter.delete(["e"])
            #expect(try await cloud.outcome() == "deleted e")
            #expect(cloud.batches.last == ["e"])
        }
    }

    @Test func `each batch takes the next names, and first those that the one before it could not delete`()
        async throws
    {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            let names = (0..<2500).map { "n\(10_000 + $0)" }
            cloud.service.keptNames = [names[3]]
            cloud.deleter.delete(names)
            for _ in 0..<3 { _ = try await cloud.outcome() }
            #expect(cloud.batches.map(\.count) == [1000, 1000, 501])
            #expect(cloud.batches[1].first == names[3])
            #expect(Set(cloud.batches.joined()) == Set(names))
        }
    }

    @Test func `what is withheld is not deleted, wherever it waits`() async throws {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            cloud.deleter.delete(["a", "kept"])
            await cloud.deleter.withhold(["kept"])
            #expect(try await cloud.outcome() == "deleted a")
            cloud.service.keptNames = ["kept"]
            cloud.deleter.delete(["b", "kept"])
            try await cloud.service.wait { cloud.batches.count == 2 }
            // It was refused once and would be asked for again.
            await cloud.deleter.withhold(["kept"])
            cloud.deleter.delete(["c"])
            #expect(try await cloud.outcome() == "deleted b")
            #expect(try await cloud.outcome() == "deleted c")
            #expect(cloud.batches == [["a"], ["b", "kept"], ["c"]])
        }
    }
}

extension ObjectDeleterTests {
    @Test func `what is withheld while the service refuses it is not deleted later`() async throws {
        try await onLoop {
            let cloud = Deletions(refusedNamePause: .milliseconds(20))
            defer { cloud.stop() }
            cloud.service.illegalNames = ["kept"]
            cloud.service.script(.batchDeleteObjects, .held)
            cloud.deleter.delete(["kept"])
            try await cloud.service.wait { cloud.batches.count == 1 }
            let withheld = spawn { await cloud.deleter.withhold(["kept"]) }
            await yieldToOthers()
            cloud.service.release(.batchDeleteObjects)
            await withheld.value
            #expect(try await cloud.outcome() == "refused kept")
            try await sleep(for: .milliseconds(40))
            cloud.deleter.delete(["a"])
            #expect(try await cloud.outcome() == "deleted a")
            #expect(cloud.batches == [["kept"], ["a"]])
        }
    }

    @Test func `what is withheld while a batch fails to delete it is not in the next one`() async throws {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            cloud.service.keptNames = ["kept"]
            cloud.service.script(.batchDeleteObjects, .held)
            cloud.deleter.delete(["a", "kept"])
            try await cloud.service.wait { cloud.batches.count == 1 }
            let withheld = spawn { await cloud.deleter.withhold(["kept"]) }
            await yieldToOthers()
            cloud.service.release(.batchDeleteObjects)
            await withheld.value
            #expect(try await cloud.outcome() == "deleted a")
            cloud.deleter.delete(["b"])
            #expect(try await cloud.outcome() == "deleted b")
            #expect(cloud.batches == [["a", "kept"], ["b"]])
        }
    }
}

/// A deleter at work in a bucket that has every object asked for.
@LoopActor
private final class Deletions {
    let service = TestCloud()
    let deleter: ObjectDeleter
    private let work: Spawned<Void>

    init(refusedNamePause: Duration = .seconds(600)) {
        let deleter = ObjectDeleter(
            objects: service.objects,
            refusedNamePause: refusedNamePause,
            log: service.log.logger
        )
        self.deleter = deleter
        work = spawn { await deleter.run() }
    }

    func stop() { work.cancel() }

    /// Names of each batch that was asked for, sorted.
    var batches: [[String]] { service.requests(of: .batchDeleteObjects).map(\.names) }

    /// The next outcome of a deletion, in words.
    func outcome() async throws -> String {
        switch try await deleter.outcomes.receive(until: .after(.seconds(50))) {
        case .deleted(let names): "deleted \(names.sorted().joined(separator: " "))"
        case .refused(let name): "refused \(name)"
        }
    }
}
