// SPDX-License-Identifier: Apache-2.0

import EventLoop
import JSON
import TaskEngine
import TestCloud
import TestSupport
import Testing

@testable import CloudOwnership
@testable import OCIServices

private let owner = Owner(id: "o1", prefix: "p")
private let result = "p/o1/results/aa.pkl"
private let input = "p/o1/inputs/aa.pkl.gz"

@Suite(.timeLimit(.minutes(1))) struct SweepTests {
    /// A sweep of all that a cloud holds of the owner; `notes` gets what it tells.
    @LoopActor
    private static func sweep(_ cloud: TestCloud, _ notes: Mailbox<String> = Mailbox()) async throws -> Sweep
    {
        let resources = try await OwnedResources.find(
            of: owner,
            prefix: "p",
            in: cloud.instances,
            cloud.objects,
            deadline: soon
        )
        return Sweep(resources, of: owner, in: cloud.instances, cloud.objects) { notes.send($0) }
    }

    @LoopActor
    private static func add(to cloud: TestCloud, _ task: String = "aa") -> String {
        cloud.add(tags: owner.tags(of: TaskKey(task), generation: 0))
    }

    @Test func `a result that was to stay goes, with its mark`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            for name in [result, "p/o1/kept/aa", "p/o1/kept/bb"] { cloud.bucket[name] = [1] }
            let sweep = try await Self.sweep(cloud)
            #expect(sweep.outcome.objectsLeft == 3)
            try await sweep.run(until: soon) { _ in }
            #expect(sweep.outcome.isComplete)
            #expect(cloud.bucket.isEmpty)
        }
    }

    @Test func `instances go before the results that they may still store, and progress counts both`()
        async throws
    {
        try await onLoop {
            let cloud = TestCloud()
            let id = Self.add(to: cloud)
            for name in [result, input, "p/o2/results/aa.pkl"] { cloud.bucket[name] = [1] }
            cloud.stateAfterDeletion = .deleting
            let sweep = try await Self.sweep(cloud)
            #expect((sweep.outcome.instancesLeft, sweep.outcome.objectsLeft) == (1, 2))
            #expect(!sweep.outcome.isComplete)
            var counts: [Int] = []
            try await sweep.run(until: soon) { count in
                counts.append(count)
                // While it is on its way out it is there, and so is its result.
                if cloud[id].state == .deleting {
                    #expect(cloud.bucket[result] != nil)
                    #expect(count <= 1)
                    if count == 1 { cloud[id].state = .deleted }
                }
            }
            #expect(sweep.outcome.isComplete)
            #expect(counts == counts.sorted())
            #expect(counts.last == 3)
            #expect(cloud.bucket.keys.sorted() == ["p/o2/results/aa.pkl"])
            #expect(cloud.requests(of: .deleteContainerInstance).map(\.resource) == [id])
        }
    }

    /// Who sweeps has no key, and a name is told by the tags of the instance alone before anything is stored under it.
    @Test func `results under names that nobody can guess go as well, also one that comes late`()
        async throws
    {
        try await onLoop {
            let cloud = TestCloud()
            let keys = [NameKey(machineID: "m"), NameKey(machineID: "n")]
            let (keyed, former) = (DrivenCloud.owner(of: keys[0]), DrivenCloud.owner(of: keys[1]))
            let (a, b) = (TaskKey("aa"), TaskKey("bb"))
            let id = cloud.add(tags: keyed.tags(of: a, generation: 0))
            let stored = [
                former.name(of: .result(a)), keyed.name(of: .result(b)), former.name(of: .result(b)),
                keyed.inputName(of: a, isCompressed: true), keyed.name(of: .mark(b)), result,
            ]
            for name in stored { cloud.bucket[name] = [1] }
            cloud.stateAfterDeletion = .deleting
            let sweep = try await Self.sweep(cloud)
            #expect((sweep.outcome.instancesLeft, sweep.outcome.objectsLeft) == (1, stored.count))
            let asked = sweep.requests.compactMap { request in
                if case .json(let body) = request.body {
                    String(decoding: body.encoded(), as: UTF8.self)
                } else {
                    nil
                }
            }
            #expect(asked.contains { $0.contains(keyed.name(of: .result(a))) })
            try await sweep.run(until: soon) { _ in
                guard cloud[id].state == .deleting else { return }
                cloud.bucket[keyed.name(of: .result(a))] = [1]
                cloud[id].state = .deleted
            }
            #expect(sweep.outcome.isComplete)
            try await cloud.wait { cloud.bucket.isEmpty }
        }
    }

    @Test func `a bucket that is not there keeps no instance`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let id = Self.add(to: cloud)
            cloud.hasBucket = false
            let sweep = try await Self.sweep(cloud)
            #expect(sweep.requests.map(\.operation) == [.deleteContainerInstance])
            try await sweep.run(until: soon) { _ in }
            #expect(sweep.outcome.isComplete)
            #expect(cloud[id].state == .deleted)
            #expect(cloud.requests(of: .batchDeleteObjects).isEmpty)
        }
    }

    @Test func `a refusal for good ends the sweep, with all that is left`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            _ = Self.add(to: cloud)
            cloud.bucket["p/o1/results/bb.pkl"] = [1]
            cloud.script(.deleteContainerInstance, .forbidden, count: 100)
            let notes = Mailbox<String>()
            let sweep = try await Self.sweep(cloud, notes)
            let error = await #expect(throws: OCIError.self) { try await sweep.run(until: soon) { _ in } }
            #expect(error?.kind == .notAuthorized)
            #expect(sweep.outcome.instancesLeft == 1)
            #expect(!sweep.outcome.isRefuted)
            #expect(notes.poll()?.hasPrefix("cannot delete an instance; trying again: ") == true)
        }
    }

    @Test func `what is said not to be there, and is listed again and again, is a refusal`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let id = Self.add(to: cloud)
            cloud.script(.deleteContainerInstance, .notFound, count: 100)
            let sweep = try await Self.sweep(cloud)
            try await sweep.run(until: soon) { _ in }
            #expect(sweep.outcome.isRefuted)
            #expect(sweep.outcome.instancesLeft == 1)
            #expect(cloud[id].state == .active)
        }
    }

    @Test func `a look that fails is made up for by the next, and time that is up leaves the rest`()
        async throws
    {
        try await onLoop {
            let cloud = TestCloud(attemptsMax: 1)
            _ = Self.add(to: cloud)
            cloud.stateAfterDeletion = .deleting
            let sweep = try await Self.sweep(cloud)
            cloud.script(.listContainerInstances, .serverError)
            try await sweep.run(until: .after(.milliseconds(1500))) { _ in }
            #expect(cloud.requests(of: .listContainerInstances).count == 3)
            #expect((sweep.outcome.instancesLeft, sweep.outcome.isRefuted) == (1, false))
        }
    }

    @Test func `a dry run names the calls, with the results that instances may still store`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let ids = [Self.add(to: cloud), Self.add(to: cloud, "bb")]
            for name in [result, input] { cloud.bucket[name] = [1] }
            let requests = try await Self.sweep(cloud).requests
            #expect(
                requests.map(\.operation) == [
                    .deleteContainerInstance, .deleteContainerInstance, .batchDeleteObjects,
                ]
            )
            #expect(
                requests.prefix(2).map(\.path).sorted() == ids.map { "/20210415/containerInstances/\($0)" }
            )
            guard case .json(let body) = requests[2].body else {
                Issue.record("a batch has no body")
                return
            }
            let text = String(decoding: body.encoded(), as: UTF8.self)
            for name in [result, input, "p/o1/results/bb.pkl"] { #expect(text.contains("\"\(name)\"")) }
            #expect(cloud.requests.count { $0.operation == .deleteContainerInstance } == 0)
        }
    }
}
