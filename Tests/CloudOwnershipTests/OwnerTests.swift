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
        override: String? = nil,
        key: NameKey? = NameKey(machineID: "m")
    ) -> Owner {
        Owner(
            machineID: machine,
            managerID: manager,
            schedulerAddress: scheduler,
            prefix: prefix,
            override: override,
            key: key
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
        let told = owner.containerPrefix(of: task)
        #expect(resultName == RunnerEnvironment.resultObjectName(prefix: told, taskID: bytes))
        let markName = owner.name(of: .mark(task))
        #expect(owner.object(named: markName) == .mark(task))
        for isCompressed in [false, true] {
            let name = owner.inputName(of: task, isCompressed: isCompressed)
            #expect(name.hasSuffix(isCompressed ? ".pkl.gz" : ".pkl"))
            #expect(owner.object(named: name) == .input(task, name: name))
            #expect(owner.name(of: .input(task, name: name)) == name)
        }
    }

    @Test func `every process with the same key gives the same names, and one with another gives others`() {
        let objects: [TaskObject] = [.result(task), .mark(task)]
        let (owner, next) = (Self.owner(), Self.owner())
        let secret = NameKey(secret: [UInt8](repeating: 7, count: 32))
        let others = [Self.owner(key: secret), Self.owner(key: NameKey(machineID: "n"))]
        for object in objects {
            #expect(owner.name(of: object) == next.name(of: object))
            for other in others {
                let name = other.name(of: object)
                #expect(name != owner.name(of: object))
                #expect(owner.object(named: name) == nil)
                #expect(owner.hasNonce(name))
            }
        }
    }

    @Test func `a host without a machine id needs an owner's id, for its name may change`() throws {
        #expect(Owner.obstacle(override: nil, machineID: "m") == nil)
        #expect(Owner.obstacle(override: "o", machineID: nil) == nil)
        let obstacle = try #require(Owner.obstacle(override: nil, machineID: nil))
        #expect(obstacle.contains("--owner-id"))
    }

    /// What a container can make of what it is told, and of the id of another task.
    @Test func `no name that a container could make up is one of another task`() {
        let owner = Self.owner()
        let other = TaskKey("ff02030405060708090a0b0c0d0e0f00")
        let told = owner.containerPrefix(of: task)
        let nonce = told.split(separator: "/").last.map { String($0) } ?? ""
        let digits = other.digits
        let zeros = String(repeating: "0", count: 32)
        let folder = owner.objectPrefix
        let guesses = [
            "\(told)/results/\(digits).pkl", "\(folder)/results/\(digits).pkl",
            "\(folder)/inputs/\(digits).pkl",
            "\(folder)/inputs/\(nonce)/\(digits).pkl.gz", "\(folder)/kept/\(digits)",
            "\(folder)/kept/\(nonce)/\(digits)", "\(folder)/results/\(zeros)/results/\(digits).pkl",
            "\(folder)/results/\(digits)/results/\(digits).pkl",
            "\(folder)/kept/\(nonce)/\(task.digits)", "\(folder)/results/\(task.digits).pkl",
        ]
        for guess in guesses { #expect(owner.object(named: guess) == nil, "\(guess)") }
    }

    @Test func `an instance is adopted only if its container was told where its result is looked for`() {
        let (owner, other) = (Self.owner(), Self.owner(key: NameKey(machineID: "n")))
        func tags(_ owner: Owner) -> [String: String] {
            Dictionary(uniqueKeysWithValues: owner.tags(of: task, generation: 0).map { ($0.name, $0.value) })
        }
        #expect(owner.isTold(byTags: tags(owner), of: task))
        #expect(!owner.isTold(byTags: tags(other), of: task))
        #expect(!owner.isTold(byTags: tags(Self.owner(key: nil)), of: task))
        #expect(Self.owner(key: nil).isTold(byTags: tags(other), of: task))
    }

    @Test func `who has no key takes what it cannot place by its name`() {
        let owner = Self.owner(key: nil)
        let old = "\(owner.objectPrefix)/results/\(task.digits).pkl"
        #expect(owner.object(named: old) == .result(task))
        #expect(owner.name(of: .result(task)) == old)
        #expect(owner.containerPrefix(of: task) == owner.objectPrefix)
        for name in [Self.owner().name(of: .result(task)), Self.owner().name(of: .mark(task))] {
            #expect(owner.object(named: name) == .input(task, name: name))
        }
    }

    @Test(arguments: [
        "", "results/x.pkl", "scaler/another/results/x.pkl", "scaler/another/inputs/x.pkl", "scaler/x.txt",
    ])
    func `objects of other names are strangers'`(_ name: String) {
        #expect(Self.owner().object(named: name) == nil)
    }
}
