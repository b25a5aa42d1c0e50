// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIServices
import TaskEngine
import TestCloud
import TestSupport

@testable import CloudOwnership

/// A cloud and the driver of a ledger of what `owner` has in it.
@LoopActor
final class DrivenCloud {
    let cloud = TestCloud()
    let owner = DrivenCloud.owner(of: NameKey(machineID: "m"))
    let driver: LedgerDriver
    private var work: [Spawned<Void>] = []

    init(
        slots: Int = 2,
        grace: Duration = .seconds(60),
        log: RecordedLog? = nil,
        _ change: (inout CloudLedger.Periods) -> Void = { _ in }
    ) {
        var periods = CloudLedger.Periods(grace: grace)
        change(&periods)
        driver = LedgerDriver(
            owner: owner,
            instances: cloud.instances,
            objects: cloud.objects,
            slotLimit: slots,
            periods: periods,
            clock: LedgerClock { Int(LoopClock.epochSeconds) },
            log: (log ?? cloud.log).logger
        )
    }

    /// Owner o1, whose objects this key names.
    static func owner(of key: NameKey) -> Owner {
        Owner(
            machineID: "m",
            managerID: "wm",
            schedulerAddress: "tcp://h:1",
            prefix: "p",
            override: "o1",
            key: key
        )
    }

    /// Lets the driver list, delete and watch the time.
    func run() {
        let driver = driver
        work.append(spawn { await driver.run() })
    }

    /// Lets the driver delete and hear what came of it; a test makes the listings.
    func deleteOnly() {
        let driver = driver
        work.append(spawn { await driver.delete() })
    }

    func stop() { for piece in work { piece.cancel() } }

    /// Adds an instance of a task, and returns its id.
    @discardableResult
    func add(_ task: TaskKey, _ state: LifecycleState = .active) -> String {
        cloud.add(tags: owner.tags(of: task, generation: 0), state)
    }

    /// Stores an object of a task.
    func store(_ object: TaskObject) { cloud.bucket[owner.name(of: object)] = [1] }

    func isStored(_ object: TaskObject) -> Bool { cloud.bucket[owner.name(of: object)] != nil }

    /// A payload of a task.
    func input(_ task: TaskKey) -> TaskObject {
        .input(task, name: owner.inputName(of: task, isCompressed: false))
    }

    /// Makes a listing of the instances and tells the ledger.
    func look() async throws {
        try await driver.look(for: Set(cloud.records.map(\.id)), until: .after(.seconds(30)))
    }

    /// Takes a task in hand, with a slot, and an instance that its create was answered with.
    func begin(_ task: TaskKey) async throws -> (id: String, news: Mailbox<TaskNews>) {
        try await driver.obtainSlot(for: task, priority: 0)
        let news = driver.claim(task).news
        let id = add(task)
        let instance = ListedInstance(
            id: id,
            task: task,
            phase: .running,
            state: "ACTIVE",
            createdAt: driver.clock.now
        )
        _ = driver.createAnswered(instance)
        return (id, news)
    }

    /// Ids of the instances whose deletion was asked for, in order.
    var deletions: [String] { cloud.requests(of: .deleteContainerInstance).map(\.resource) }

    /// How often something was said in the log, level and words.
    func count(ofLines line: String) -> Int { cloud.log.messages.count { $0 == line } }
}

extension Mailbox {
    /// The next element that fulfils a condition; those before it are dropped.
    func next(where isWanted: (Element) -> Bool) async throws -> Element {
        while true {
            let element = try await receive(until: .after(.seconds(30)))
            if isWanted(element) { return element }
        }
    }
}
