// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import TaskPayload
import Testing

@testable import CloudOwnership

@Suite struct OwnerTests {
    private static func owner(
        machine: String = "m",
        manager: String = "wm",
        scheduler: String = "tcp://h:1",
        prefix: String = "scaler",
        override: String? = nil
    ) -> Owner {
        Owner(
            machineID: machine,
            managerID: manager,
            schedulerAddress: scheduler,
            prefix: prefix,
            override: override
        )
    }

    private let bytes: [UInt8] = Array(0..<16)
    private let task = TaskKey("000102030405060708090a0b0c0d0e0f")

    @Test func `the same host, manager and scheduler make the same owner, and any other makes another`() {
        let owner = Self.owner()
        #expect(owner.id == Self.owner().id)
        #expect(owner.id.utf8.count == 12)
        #expect(owner.id == Self.owner(prefix: "elsewhere").id)
        let others = [
            Self.owner(machine: "n"), Self.owner(manager: "vm"), Self.owner(scheduler: "tcp://h:2"),
        ]
        #expect(Set(others.map(\.id)).union([owner.id]).count == 4)
        #expect(Self.owner(manager: "a\nb", scheduler: "c").id != Self.owner(manager: "a", scheduler: "x").id)
        #expect(Self.owner(override: "mine").id == "mine")
    }

    @Test func `a task is found again by the tags of its instance`() {
        let owner = Self.owner()
        let tags = Dictionary(
            uniqueKeysWithValues: owner.tags(of: task, generation: 3).map { ($0.name, $0.value) }
        )
        #expect(owner.task(ofTags: tags) == task)
        #expect(Owner.generation(ofTags: tags) == 3)
    }

    @Test(arguments: [[:], ["scaler-task": "00"], ["scaler-owner": "another", "scaler-task": "00"]])
    func `an instance without the owner's tag is a stranger's`(_ tags: [String: String]) {
        #expect(Self.owner().task(ofTags: tags) == nil)
    }

    @Test(arguments: [("x", 0), ("-1x", 0), ("", 0), ("7", 7), ("-1", 0), ("9223372036854775807", 0)])
    func `a generation that is no number is the first`(_ text: String, _ generation: Int) {
        #expect(Owner.generation(ofTags: ["scaler-generation": text]) == generation)
    }

    @Test(arguments: ["scaler", ""])
    func `a task is found again by the name of its objects`(_ prefix: String) {
        let owner = Self.owner(prefix: prefix)
        let resultName = owner.name(of: .result(task))
        #expect(owner.object(named: resultName) == .result(task))
        #expect(resultName.hasPrefix(owner.resultsPrefix))
        #expect(resultName == RunnerEnvironment.resultObjectName(prefix: owner.objectPrefix, taskID: bytes))
        let markName = owner.name(of: .mark(task))
        #expect(markName == "\(owner.objectPrefix)/kept/\(task.digits)")
        #expect(owner.object(named: markName) == .mark(task))
        for suffix in ["pkl", "pkl.gz"] {
            let name = "\(owner.inputsPrefix)\(task.digits).\(suffix)"
            #expect(owner.object(named: name) == .input(task, name: name))
            #expect(owner.name(of: .input(task, name: name)) == name)
        }
    }

    @Test(arguments: [
        "", "results/x.pkl", "scaler/another/results/x.pkl", "scaler/another/inputs/x.pkl", "scaler/x.txt",
    ])
    func `objects of other names are strangers'`(_ name: String) {
        #expect(Self.owner().object(named: name) == nil)
    }
}
