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
            cloud.pageSize = 4
            let listed = try await lister.listInstances(until: soon)
            #expect(listed.map(\.task.digits) == ["04", "03", "02", "01", "00"])
            #expect(listed.map(\.generation) == [4, 3, 2, 1, 0])
            #expect(cloud.requests.count == 3)
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
