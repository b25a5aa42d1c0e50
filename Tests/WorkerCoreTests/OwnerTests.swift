// SPDX-License-Identifier: Apache-2.0

import SchedulerMessages
import Testing

@testable import WorkerCore

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

    private let task = TaskID(Array(0..<16))
    private let digits = "000102030405060708090a0b0c0d0e0f"

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
        #expect(owner.task(ofTags: tags) == digits)
        #expect(owner.generation(ofTags: tags) == 3)
    }

    @Test(arguments: [[:], ["scaler-task": "00"], ["scaler-owner": "another", "scaler-task": "00"]])
    func `an instance without the owner's tag is a stranger's`(_ tags: [String: String]) {
        #expect(Self.owner().task(ofTags: tags) == nil)
    }

    @Test(arguments: [("x", 0), ("-1x", 0), ("", 0), ("7", 7)])
    func `a generation that is no number is the first`(_ text: String, _ generation: Int) {
        #expect(Self.owner().generation(ofTags: ["scaler-generation": text]) == generation)
    }

    @Test(arguments: ["scaler", ""])
    func `a task is found again by the name of its objects`(_ prefix: String) {
        let owner = Self.owner(prefix: prefix)
        #expect(owner.task(ofResult: owner.resultName(of: task)) == digits)
        #expect(owner.resultName(of: task).hasPrefix(owner.resultsPrefix))
        #expect(owner.resultName(ofTask: digits) == owner.resultName(of: task))
        #expect(owner.task(ofInput: "\(owner.inputsPrefix)\(digits).pkl") == digits)
        #expect(owner.task(ofInput: "\(owner.inputsPrefix)\(digits).pkl.gz") == digits)
    }

    @Test(arguments: [
        "", "results/x.pkl", "scaler/another/results/x.pkl", "scaler/another/inputs/x.pkl", "scaler/x.txt",
    ])
    func `objects of other names are strangers'`(_ name: String) {
        #expect(Self.owner().task(ofResult: name) == nil)
        #expect(Self.owner().task(ofInput: name) == nil)
    }
}
