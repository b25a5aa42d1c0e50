// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIServices
import TestCloud
import TestSupport
import Testing

@testable import CloudOwnership

@Suite(.timeLimit(.minutes(1))) struct InstanceDeleterTests {
    @Test(arguments: [CloudFault.incorrectState, .throttled, .serverError])
    func `a deletion that is refused is asked for until it is accepted`(
        _ answer: CloudFault
    ) async throws {
        try await onLoop {
            let cloud = Deletions()
            cloud.refuse("i", [answer, answer])
            cloud.deleter.delete("i")
            let outcome = try await cloud.outcome()
            #expect(outcome == "accepted i")
            #expect(cloud.deletions == ["i", "i", "i"])
        }
    }

    @Test func `what cannot be deleted yet holds up nothing else`() async throws {
        try await onLoop {
            let cloud = Deletions()
            // More of them than deletions may be under way at once.
            for number in 0..<8 {
                cloud.refuse("stuck\(number)", Array(repeating: .incorrectState, count: 1000))
                cloud.deleter.delete("stuck\(number)")
            }
            for number in 0..<8 { cloud.deleter.delete("free\(number)") }
            for _ in 0..<8 {
                let outcome = try await cloud.outcome()
                #expect(outcome.hasPrefix("accepted free"))
            }
        }
    }

    @Test func `as many deletions are under way as are allowed, also those that wait already`() async throws {
        try await onLoop {
            let cloud = Deletions()
            cloud.service.script(.deleteContainerInstance, .held, count: 8)
            for number in 0..<8 { cloud.deleter.delete("free\(number)") }
            try await cloud.service.request(.deleteContainerInstance, count: 4)
            for _ in 0..<100 { await yieldToOthers() }
            #expect(cloud.deletions.count == 4)
            cloud.deleter.parallelCountMin = 7
            try await cloud.service.request(.deleteContainerInstance, count: 7)
            cloud.service.release(.deleteContainerInstance)
            for _ in 0..<7 { _ = try await cloud.outcome() }
        }
    }

    @Test func `more deletions are under way when those before were accepted`() async throws {
        try await onLoop {
            let cloud = Deletions()
            cloud.service.script(.deleteContainerInstance, .held, count: 12)
            for number in 0..<20 { cloud.deleter.delete("free\(number)") }
            try await cloud.service.request(.deleteContainerInstance, count: 4)
            cloud.service.release(.deleteContainerInstance)
            try await cloud.service.request(.deleteContainerInstance, count: 12)
            cloud.service.release(.deleteContainerInstance)
            for _ in 0..<20 { _ = try await cloud.outcome() }
        }
    }

    @Test func `a deletion that is asked for twice is made once`() async throws {
        try await onLoop {
            let cloud = Deletions()
            cloud.deleter.delete("i")
            cloud.deleter.delete("i")
            let first = try await cloud.outcome()
            #expect(first == "accepted i")
            cloud.deleter.delete("j")
            #expect(try await cloud.outcome() == "accepted j")
            #expect(cloud.deletions == ["i", "j"])
        }
    }

    @Test func `an instance that is not there is told apart from one that goes`() async throws {
        try await onLoop {
            let cloud = Deletions()
            cloud.refuse("i", [.notFound])
            cloud.deleter.delete("i")
            let outcome = try await cloud.outcome()
            #expect(outcome == "not there i")
            #expect(cloud.deleter.denial == nil)
        }
    }
}

/// A deleter at work in a cloud that has every instance asked for.
@LoopActor
private final class Deletions {
    let service = TestCloud()
    let deleter: InstanceDeleter

    init() {
        for id in ["i", "j"] { service.add(id) }
        for number in 0..<8 { for kind in ["stuck", "free"] { service.add("\(kind)\(number)") } }
        deleter = InstanceDeleter(instances: service.instances, log: service.log.logger)
    }

    /// Refuses the next deletions of an instance like this.
    func refuse(_ id: String, _ faults: [CloudFault]) {
        for fault in faults { service.script(.deleteContainerInstance, of: id, fault) }
    }

    /// Instances whose deletion was asked for, in order.
    var deletions: [String] { service.requests(of: .deleteContainerInstance).map(\.resource) }

    /// The next outcome of a deletion, in words.
    func outcome() async throws -> String {
        let (id, found) = try await deleter.outcomes.receive(until: .after(.seconds(50)))
        return "\(found == .accepted ? "accepted" : "not there") \(id)"
    }
}
