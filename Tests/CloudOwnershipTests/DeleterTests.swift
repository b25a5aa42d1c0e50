// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIServices
import TestCloud
import TestSupport
import Testing

@testable import CloudOwnership

@Suite(.timeLimit(.minutes(1))) struct DeleterTests {
    @Test(arguments: [CloudFault.incorrectState, .throttled, .serverError])
    func `a deletion that is refused is asked for until it is accepted`(
        _ answer: CloudFault
    ) async throws {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            cloud.refuse("i", [answer, answer])
            cloud.deleter.delete(instance: "i")
            let outcome = try await cloud.outcome()
            #expect(outcome == "accepted i")
            #expect(cloud.deletions == ["i", "i", "i"])
        }
    }

    @Test func `what cannot be deleted yet holds up nothing else`() async throws {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            // More of them than deletions may be under way at once.
            for number in 0..<8 {
                cloud.refuse("stuck\(number)", Array(repeating: .incorrectState, count: 1000))
                cloud.deleter.delete(instance: "stuck\(number)")
            }
            for number in 0..<8 { cloud.deleter.delete(instance: "free\(number)") }
            for _ in 0..<8 {
                let outcome = try await cloud.outcome()
                #expect(outcome.hasPrefix("accepted free"))
            }
        }
    }

    @Test func `a deletion that is asked for twice is made once`() async throws {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            cloud.deleter.delete(instance: "i")
            cloud.deleter.delete(instance: "i")
            let first = try await cloud.outcome()
            #expect(first == "accepted i")
            cloud.deleter.delete(instance: "j")
            #expect(try await cloud.outcome() == "accepted j")
            #expect(cloud.deletions == ["i", "j"])
        }
    }

    @Test func `an instance that is not there is told apart from one that goes`() async throws {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            cloud.refuse("i", [.notFound])
            cloud.deleter.delete(instance: "i")
            let outcome = try await cloud.outcome()
            #expect(outcome == "not there i")
            #expect(cloud.deleter.denial == nil)
        }
    }

    @Test func `objects are deleted together, and those that the cloud kept once more`() async throws {
        try await onLoop {
            let cloud = Deletions()
            defer { cloud.stop() }
            cloud.service.keptNames = ["b"]
            for name in ["a", "b", "c"] { cloud.deleter.delete(objects: [name]) }
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
            let cloud = Deletions()
            defer { cloud.stop() }
            cloud.deleter.delete(objects: ["a", "kept"])
            await cloud.deleter.withhold(["kept"])
            #expect(try await cloud.outcome() == "deleted a")
            cloud.service.keptNames = ["kept"]
            cloud.deleter.delete(objects: ["b", "kept"])
            try await cloud.service.wait { cloud.batches.count == 2 }
            // It was refused once and would be asked for again.
            await cloud.deleter.withhold(["kept"])
            cloud.deleter.delete(objects: ["c"])
            #expect(try await cloud.outcome() == "deleted b")
            #expect(try await cloud.outcome() == "deleted c")
            #expect(cloud.batches == [["a"], ["b", "kept"], ["c"]])
        }
    }
}

/// A deleter at work in a cloud that has every instance asked for.
@LoopActor
private final class Deletions {
    let service = TestCloud()
    let deleter: Deleter
    private let work: Spawned<Void>

    init() {
        for id in ["i", "j"] { service.add(id) }
        for number in 0..<8 { for kind in ["stuck", "free"] { service.add("\(kind)\(number)") } }
        let deleter = Deleter(
            instances: service.instances,
            objects: service.objects,
            log: service.log.logger
        )
        self.deleter = deleter
        work = spawn { await deleter.deleteBatches() }
    }

    func stop() { work.cancel() }

    /// Refuses the next deletions of an instance like this.
    func refuse(_ id: String, _ faults: [CloudFault]) {
        for fault in faults { service.script(.deleteContainerInstance, of: id, fault) }
    }

    /// Instances whose deletion was asked for, in order.
    var deletions: [String] { service.requests(of: .deleteContainerInstance).map(\.resource) }

    /// Names of each batch that was asked for, sorted.
    var batches: [[String]] { service.requests(of: .batchDeleteObjects).map(\.names) }

    /// The next outcome of a deletion, in words.
    func outcome() async throws -> String {
        switch try await deleter.outcomes.receive(until: .after(.seconds(50))) {
        case .accepted(let id): "accepted \(id)"
        case .notThere(let id): "not there \(id)"
        case .objectsDeleted(let names): "deleted \(names.sorted().joined(separator: " "))"
        case .objectsRefused(let names): "refused \(names.sorted().joined(separator: " "))"
        }
    }
}
