// SPDX-License-Identifier: Apache-2.0

import JSON
import OCIServices
import Testing

@testable import CloudOwnership
@testable import OCIServices

@Suite struct OwnedResourcesTests {
    private func object(_ name: String, below prefix: String) throws -> OwnedResources.StoredObject? {
        let member = JSON.object(present: [("name", .string(name))])
        return OwnedResources.StoredObject(try ObjectSummary(JSONObject(member)), prefix: prefix)
    }

    private func instance(_ tags: [(String, String)]) throws -> OwnedResources.Instance? {
        let members: [(String, JSON?)] = [
            ("id", .string("ocid1.x")), ("lifecycleState", .string("ACTIVE")),
            ("freeformTags", .strings(tags)),
        ]
        return OwnedResources.Instance(try ContainerInstance(JSONObject(.object(present: members))))
    }

    @Test(arguments: [
        ("scaler-tasks", "scaler-tasks/o1/results/00ff.pkl"),
        ("scaler-tasks", "scaler-tasks/o1/inputs/00ff.pkl"),
        ("scaler-tasks", "scaler-tasks/o1/inputs/00ff.pkl.gz"), ("", "o1/results/00ff.pkl"),
        ("a/b", "a/b/o1/results/00ff.pkl"),
        ("a/b", "a/b/o1/results/0123456789abcdef0123456789abcdef/results/00ff.pkl"),
        ("", "o1/inputs/0123456789abcdef0123456789abcdef/00ff.pkl.gz"),
    ])
    func `the name of a task's object tells owner and task`(prefix: String, name: String) throws {
        let found = try #require(try object(name, below: prefix))
        #expect(found.ownerID == "o1")
        #expect(found.taskID == "00ff")
    }

    @Test(arguments: [
        "scaler-tasks/results/00ff.pkl", "scaler-tasks/o1/00ff.pkl", "scaler-tasks/o1/results/x/00ff.pkl",
        "scaler-tasks/o1/results/00ff.txt", "scaler-tasks/o1/results/00FF.pkl",
        "scaler-tasks/o1/results/.pkl",
        "scaler-tasks/o1/results/00ff.pkl.gz", "scaler-tasks/o1/outputs/00ff.pkl",
        "scaler-tasks//results/00ff.pkl", "scaler-tasksx/o1/results/00ff.pkl", "o1/results/00ff.pkl", "",
    ])
    func `a name that no manager gives is a stranger's`(name: String) throws {
        #expect(try object(name, below: "scaler-tasks") == nil)
    }

    @Test func `an instance is marked by owner and task, and by nothing less`() throws {
        let owner = ("scaler-owner", "o1")
        let task = ("scaler-task", "00ff")
        let found = try #require(try instance([owner, task, ("scaler-worker-manager", "wm")]))
        #expect((found.ownerID, found.taskID, found.managerID) == ("o1", "00ff", "wm"))
        #expect(try instance([owner]) == nil)
        #expect(try instance([task, ("Scaler-Owner", "o1")]) == nil)
        #expect(try instance([]) == nil)
    }
}
