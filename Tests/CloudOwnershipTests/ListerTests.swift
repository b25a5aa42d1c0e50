// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIServices
import TaskEngine
import TestCloud
import TestSupport
import Testing

@testable import CloudOwnership

@Suite(.timeLimit(.minutes(1))) struct ListerTests {
    @LoopActor
    private static func lister(_ cloud: TestCloud) -> (Lister, Owner) {
        let owner = Owner(id: "o1", prefix: "p")
        let lister = Lister(
            owner: owner,
            instances: cloud.instances,
            objects: cloud.objects,
            clock: LedgerClock { Int(LoopClock.epochSeconds) }
        )
        return (lister, owner)
    }

    @Test func `a listing of instances is complete, and strangers are not in it`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let (lister, owner) = Self.lister(cloud)
            for number in 0..<5 {
                cloud.add(tags: owner.tags(of: TaskKey("0\(number)"), generation: number))
                cloud.add(tags: [("scaler-owner", "o2"), ("scaler-task", "0\(number)")])
            }
            // Somebody's own, and one of ours without a task.
            cloud.add()
            cloud.add(tags: [("scaler-owner", "o1")])
            let listed = try await lister.listInstances(until: soon)
            #expect(listed.wanted.map(\.task.digits) == ["04", "03", "02", "01", "00"])
            #expect(listed.wanted.map(\.generation) == [4, 3, 2, 1, 0])
            #expect(!listed.mayMissSome)
            #expect(cloud.requests.count == 1)
            cloud.pageSize = 4
            let inParts = try await lister.listInstances(until: soon)
            #expect(inParts.mayMissSome)
            #expect(inParts.wanted.map(\.id) == listed.wanted.map(\.id))
        }
    }

    @Test(arguments: [0, 900, 1100, 5000, 20_000])
    func `what a listing costs follows what lives, however many records of deleted instances are shown`(
        _ deletedCount: Int
    ) async throws {
        try await onLoop {
            let cloud = TestCloud()
            let (lister, owner) = Self.lister(cloud)
            let states: [LifecycleState] = [.creating, .active, .updating, .inactive, .failed, .deleting]
            var living: Set<String> = []
            for number in 0..<60 {
                for _ in 0..<deletedCount / 60 {
                    cloud.add(tags: owner.tags(of: TaskKey("ff"), generation: 0), .deleted)
                }
                let state = states[number % states.count]
                living.insert(
                    cloud.add(tags: owner.tags(of: TaskKey("\(number + 10)"), generation: 0), state)
                )
                cloud.add(tags: [("scaler-owner", "o2")], state)
            }
            var readCount = 0
            for isInParts in [false, true] {
                let requestCount = cloud.requests.count
                let listing = try await cloud.instances.living(
                    isInParts: isInParts,
                    known: { _ in false },
                    deadline: soon,
                    tagged: { owner.task(ofTags: $0) != nil },
                    { instance in
                        readCount += 1
                        return instance.id
                    }
                )
                #expect(Set(listing.wanted) == living)
                #expect(listing.wanted.count == living.count)
                #expect(listing.requestCount == cloud.requests.count - requestCount)
                #expect(listing.requestCount <= 7)
            }
            // Those of the first page may be read a second time, state by state.
            #expect(readCount <= 3 * living.count)
            let listed = try await lister.listInstances(until: soon)
            #expect(Set(listed.wanted.map(\.id)) == living)
        }
    }

    @Test func `an instance that moves on between two states is listed once, as it was last`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let (lister, owner) = Self.lister(cloud)
            let id = cloud.add(tags: owner.tags(of: TaskKey("00"), generation: 0), .active)
            cloud.script(.listContainerInstances, .served, .served, .held)
            let work = spawn { try? await lister.listInstances(isInParts: true, until: soon) }
            // What is active is listed when the instance stops.
            try await cloud.request(.listContainerInstances, count: 3)
            cloud[id].state = .inactive
            cloud.release(.listContainerInstances)
            let listing = try #require(await work.value)
            #expect(listing.wanted.map(\.phase) == [.stopped])
            #expect(listing.requestCount == 6)
        }
    }

    @Test func `the record of a deleted instance is listed where it is known`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let (lister, owner) = Self.lister(cloud)
            let ids = (0..<2).map { _ in
                cloud.add(tags: owner.tags(of: TaskKey("00"), generation: 0), .deleted)
            }
            let listing = try await lister.listInstances(known: { $0 == ids[0] }, until: soon)
            #expect(listing.wanted.map(\.id) == [ids[0]])
        }
    }

    @Test func `a listing that fails on a later page is no listing`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let (lister, owner) = Self.lister(cloud)
            for _ in 0..<2 { cloud.add(tags: owner.tags(of: TaskKey("00"), generation: 0)) }
            cloud.pageSize = 1
            cloud.script(.listContainerInstances, .served, .forbidden)
            await #expect(throws: OCIError.self) { try await lister.listInstances(until: soon) }
        }
    }

    @Test func `a stray object is counted once while it is there, whichever objects are listed`() {
        var strays = StrayObjects()
        #expect(strays.note(["r/a", "i/b"], below: nil) == ["r/a", "i/b"])
        #expect(strays.note(["r/a", "r/c"], below: "r/") == ["r/c"])
        #expect(strays.note(["r/c", "i/b"], below: nil) == [])
        #expect(strays.note(["r/a", "r/c"], below: "r/") == ["r/a"])
        #expect(strays.count == 4)
    }

    @Test func `a container that fills the bucket fills no memory, and hides no result`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let (lister, owner) = Self.lister(cloud)
            let invented = (0..<2 * Lister.Objects.straysMax).map { "p/o1/results/\($0).txt" }
            let results = ["00", "ff"].map { TaskKey($0) }
            for name in invented { cloud.bucket[name] = [] }
            for task in results { cloud.bucket[owner.name(of: .result(task))] = [] }
            let found = try await lister.listObjects(includingInputs: false, until: soon)
            #expect(found.results == results)
            #expect(found.strays.count == Lister.Objects.straysMax)
            #expect(found.requestCount == cloud.requests.count)
        }
    }

    @Test
    func `what another key named, or a container invented, is no result, and what it made is not adopted`()
        async throws
    {
        try await onLoop {
            let cloud = TestCloud()
            let (ours, theirs) = (
                DrivenCloud.owner(of: NameKey(machineID: "m")),
                DrivenCloud.owner(of: NameKey(machineID: "n"))
            )
            let lister = Lister(
                owner: ours,
                instances: cloud.instances,
                objects: cloud.objects,
                clock: LedgerClock { Int(LoopClock.epochSeconds) }
            )
            let (one, two) = (TaskKey("01"), TaskKey("02"))
            let strays = [
                theirs.name(of: .result(one)), "\(ours.containerPrefix(of: two))/results/01.pkl",
                "p/o1/results/01.pkl",
            ]
            for name in strays + [ours.name(of: .result(two))] { cloud.bucket[name] = [] }
            let found = try await lister.listObjects(includingInputs: false, until: soon)
            #expect(found.results == [two])
            #expect(found.strays.sorted() == strays.sorted())
            cloud.add(tags: theirs.tags(of: one, generation: 0))
            cloud.add(tags: ours.tags(of: two, generation: 0))
            let listed = try await lister.listInstances(until: soon)
            #expect(listed.wanted.map(\.isAdoptable) == [true, false])
        }
    }

    @Test(arguments: [true, false])
    func `payloads are listed only where they are wanted`(_ isWanted: Bool) async throws {
        try await onLoop {
            let cloud = TestCloud()
            let (lister, _) = Self.lister(cloud)
            let names = [
                "p/o1/results/01.pkl", "p/o1/results/00.pkl", "p/o1/results/00.txt", "p/o1/inputs/00.pkl",
                "p/o1/inputs/00.pkl.gz", "p/o1/inputs/02.pkl", "p/o1/readme", "p/o2/results/03.pkl",
            ]
            for name in names { cloud.bucket[name] = [] }
            cloud.pageSize = 1
            let found = try await lister.listObjects(includingInputs: isWanted, until: soon)
            #expect(found.results.map(\.digits) == ["00", "01"])
            #expect(
                found.inputs
                    == (isWanted
                        ? [
                            TaskKey("00"): ["p/o1/inputs/00.pkl", "p/o1/inputs/00.pkl.gz"],
                            TaskKey("02"): ["p/o1/inputs/02.pkl"],
                        ] : nil)
            )
            #expect(cloud.requests.count == (isWanted ? 7 : 3))
        }
    }
}
