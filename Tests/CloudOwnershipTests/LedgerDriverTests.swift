// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import OCIServices
import TaskEngine
import TestCloud
import TestSupport
import Testing

@testable import CloudOwnership

private let a = TaskKey("aa")
private let b = TaskKey("bb")
private let c = TaskKey("cc")

/// What a driver learns by listing, and what it says and deletes.
@Suite(.timeLimit(.minutes(1))) struct LedgerDriverTests {
    // MARK: - Stock

    @Test func `what an earlier process left is told, and only that`() async throws {
        try await onLoop {
            let empty = DrivenCloud()
            try await empty.driver.takeStock()
            #expect(empty.cloud.log.messages.isEmpty)
            let driven = DrivenCloud()
            driven.add(a)
            driven.store(.result(b))
            driven.cloud.add(tags: [("scaler-owner", "another"), ("scaler-task", "cc")])
            try await driven.driver.takeStock()
            #expect(driven.driver.orphanCount == 2)
            #expect(
                driven.cloud.log.messages == [
                    "notice an earlier process left something; what the scheduler does not ask for in time is deleted"
                ]
            )
            #expect(driven.driver.ledger.orphanInstanceCount == 1)
        }
    }

    @Test(arguments: [Operation.listContainerInstances, .listObjects])
    func `without a complete stock there is no beginning`(_ operation: Operation) async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.cloud.script(operation, .forbidden)
            let error = await #expect(throws: OCIError.self) { try await driven.driver.takeStock() }
            #expect(error?.kind == .notAuthorized)
            #expect(!driven.driver.hasFreeSlot)
            try await driven.driver.takeStock()
            #expect(driven.driver.hasFreeSlot)
        }
    }

    // MARK: - Listings

    @Test func `while there is nothing to learn nothing is listed, and an event brings the next one forward`()
        async throws
    {
        try await onLoop {
            let driven = DrivenCloud()
            driven.run()
            defer { driven.stop() }
            try await driven.cloud.wait { driven.driver.hasFreeSlot }
            // Some periods of the fastest pace; that nothing happens has no event.
            try await sleep(for: .milliseconds(600))
            #expect(driven.cloud.requests.count == 2)
            let news = try await driven.begin(a).news
            driven.store(.result(a))
            #expect(try await news.next { $0 == .resultListed } == .resultListed)
            let count = driven.cloud.requests(of: .listObjects).count
            #expect(count > 1)
            // The first listing is complete; what a run stores is known to it.
            #expect(driven.cloud.requests(of: .listObjects)[0].query["prefix"] == "p/o1/")
            #expect(driven.cloud.requests(of: .listObjects)[count - 1].query["prefix"] == "p/o1/results/")
        }
    }

    @Test func `a listing that fails is made again after pauses, and told once although the other works`()
        async throws
    {
        try await onLoop {
            let driven = DrivenCloud()
            driven.run()
            defer { driven.stop() }
            _ = try await driven.begin(a)
            driven.cloud.script(.listContainerInstances, .forbidden, .forbidden)
            try await driven.cloud.request(.listContainerInstances, count: 2)
            let refused = Deadline.now
            let resultListings = driven.cloud.requests(of: .listObjects).count
            try await driven.cloud.request(.listContainerInstances, count: 3)
            #expect(Deadline.now.duration(since: refused) > .milliseconds(450))
            try await driven.cloud.wait { driven.count(ofLines: "info listing works again") == 1 }
            #expect(driven.cloud.requests(of: .listContainerInstances).count == 4)
            #expect(driven.cloud.requests(of: .listObjects).count > resultListings + 2)
            #expect(driven.count(ofLines: "warning cannot list; trying again") == 1)
        }
    }

    @Test func `a listing of instances tells the run of its own, of its end, and of its absence`()
        async throws
    {
        try await onLoop {
            let driven = DrivenCloud()
            try await driven.driver.takeStock()
            let (id, news) = try await driven.begin(a)
            driven.cloud[id].state = .inactive
            try await driven.look()
            guard case .instanceListed(let listed, _) = try await news.receive(until: soon) else {
                Issue.record("no news of the instance")
                return
            }
            #expect(listed.id == id)
            #expect(listed.phase == .stopped)
            driven.cloud.records = []
            try await driven.look()
            guard case .instanceMissed = try await news.receive(until: soon) else {
                Issue.record("the instance is not missed")
                return
            }
        }
    }

    @Test func `a create whose answer was lost is found by listing`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            try await driven.driver.takeStock()
            try await driven.driver.obtainSlot(for: a, priority: 0)
            #expect(driven.driver.claim(a).adoption == nil)
            #expect(try await driven.driver.findInstance(of: a) == nil)
            let id = driven.add(a)
            #expect(try await driven.driver.findInstance(of: a)?.id == id)
            #expect(driven.driver.nextGeneration(of: a) == 1)
            driven.driver.generationSpent(4, of: a)
            #expect(driven.driver.nextGeneration(of: a) == 5)
        }
    }

    // MARK: - Second instances, deletions that fail

    @Test func `a second instance of a task is deleted, and a person told`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            try await driven.driver.takeStock()
            let first = try await driven.begin(a).id
            let second = driven.add(a)
            try await driven.look()
            #expect(try await driven.cloud.request(.deleteContainerInstance).resource == second)
            #expect(driven.count(ofLines: "warning deleting a second instance of a task") == 1)
            #expect(driven.cloud[first].state == .active)
        }
    }

    @Test func `a deletion is logged with its task and the reason`() async throws {
        try await onLoop {
            let log = RecordedLog(level: .debug)
            let driven = DrivenCloud(log: log)
            driven.deleteOnly()
            defer { driven.stop() }
            try await driven.driver.takeStock()
            let id = try await driven.begin(a).id
            #expect(log.facts(of: "debug deleting an instance") == [])
            driven.driver.release(a, isAnswered: false)
            let facts = ["task": "aa", "instance": id, "reason": "its task was cancelled"]
            #expect(log.facts(of: "debug deleting an instance") == [facts])
            #expect(try await driven.cloud.request(.deleteContainerInstance).resource == id)
        }
    }

    @Test func `a deletion in doubt is ordered again with every look, and told once`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            try await driven.driver.takeStock()
            let id = try await driven.begin(a).id
            driven.cloud.script(.deleteContainerInstance, .notFound, count: 3)
            driven.driver.release(a, isAnswered: false)
            for count in 1...3 {
                try await driven.cloud.wait {
                    driven.deletions.count == count && driven.driver.ledger.hasDoubtfulDeletion
                }
                try await driven.look()
            }
            try await driven.cloud.wait { driven.driver.deletedCount == 1 }
            #expect(driven.deletions == [id, id, id, id])
            #expect(driven.count(ofLines: "warning cannot delete an instance; trying again") == 1)
            #expect(driven.driver.ledger.refutationCount == 3)
            #expect(driven.count(ofLines: "info no deletion is in doubt") == 0)
            try await driven.look()
            try await driven.cloud.wait { driven.driver.ledger.isEmpty }
            try await driven.look()
            #expect(driven.count(ofLines: "info no deletion is in doubt") == 1)
        }
    }

    @Test func `a deletion that is stuck is ordered again, and told once and when it is over`() async throws {
        try await onLoop {
            let driven = DrivenCloud { $0.deletion = .milliseconds(1) }
            driven.deleteOnly()
            defer { driven.stop() }
            try await driven.driver.takeStock()
            driven.cloud.stateAfterDeletion = .active
            let (id, news) = try await driven.begin(a)
            driven.driver.release(a, isAnswered: false)
            #expect(try await news.next { $0 == .released } == .released)
            for count in 2...3 {
                try await sleep(for: .milliseconds(2))
                try await driven.look()
                try await driven.cloud.wait { driven.driver.deletedCount == count }
            }
            let warning =
                "warning an instance does not go away although its deletion was accepted; deleting it again"
            #expect(driven.count(ofLines: warning) == 1)
            #expect(driven.driver.freedRoom.count == 0)
            driven.cloud[id].state = .deleted
            try await driven.look()
            #expect(driven.driver.freedRoom.count == 1)
            #expect(driven.count(ofLines: "info no deletion is stuck") == 1)
            try await driven.cloud.wait { driven.driver.ledger.isEmpty }
        }
    }

    // MARK: - Orphans

    @Test func `an orphan expires only while the scheduler answers`() async throws {
        try await onLoop {
            let driven = DrivenCloud(grace: .zero)
            driven.deleteOnly()
            defer { driven.stop() }
            let id = driven.add(a)
            driven.store(driven.input(a))
            try await driven.driver.takeStock()
            try await driven.look()
            #expect(driven.driver.orphanCount == 1)
            driven.driver.schedulerAnswers(true)
            driven.driver.schedulerAnswers(false)
            try await driven.look()
            #expect(driven.driver.orphanCount == 1)
            driven.driver.schedulerAnswers(true)
            try await driven.look()
            #expect(driven.driver.orphanCount == 0)
            #expect(try await driven.cloud.request(.deleteContainerInstance).resource == id)
            try await driven.cloud.wait { driven.cloud.bucket.isEmpty }
            #expect(driven.count(ofLines: "info deleting what nobody asked for") == 1)
        }
    }

    @Test func `what nobody wants of a queued task is deleted`() async throws {
        try await onLoop {
            let driven = DrivenCloud(slots: 1)
            driven.deleteOnly()
            defer { driven.stop() }
            driven.add(b)
            driven.store(.result(a))
            try await driven.driver.takeStock()
            let waiting = spawn { (try? await driven.driver.obtainSlot(for: a, priority: 0)) != nil }
            try await driven.cloud.wait { driven.driver.orphanCount == 1 }
            driven.driver.discard(a)
            try await driven.cloud.wait { !driven.isStored(.result(a)) }
            #expect(driven.deletions.isEmpty)
            waiting.cancel()
            #expect(await waiting.value == false)
        }
    }

    // MARK: - The end of the process

    @Test func `objects that another key named are told and deleted once, and what has no such form stays`()
        async throws
    {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            let former = DrivenCloud.owner(of: NameKey(machineID: "another"))
            let strays = [former.name(of: .result(a)), former.inputName(of: a, isCompressed: true)]
            let others = ["p/o1/results/aa.pkl", "p/o1/readme"]
            for name in strays + others { driven.cloud.bucket[name] = [1] }
            driven.store(.result(b))
            try await driven.driver.takeStock()
            try await driven.driver.takeStock()
            #expect(driven.driver.strayObjectCount == 4)
            #expect(driven.driver.orphanCount == 1)
            let text = "warning objects have names that this manager does not give; they are ignored"
            #expect(driven.cloud.log.facts(of: text).map { $0["objects"] } == ["4"])
            try await driven.cloud.wait { strays.allSatisfy { driven.cloud.bucket[$0] == nil } }
            #expect(Set(driven.cloud.bucket.keys) == Set(others + [driven.owner.name(of: .result(b))]))
        }
    }

    @Test func `a container that stores one stray object after the other fills no log`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            for number in 0..<3 {
                driven.cloud.bucket["p/o1/results/\(number)"] = [1]
                try await driven.driver.takeStock()
            }
            #expect(driven.driver.strayObjectCount == 3)
            let text = "warning objects have names that this manager does not give; they are ignored"
            #expect(driven.cloud.log.facts(of: text).map { $0["objects"] } == ["1"])
        }
    }

    @Test func `a sweep deletes what a last look shows`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            let known = driven.add(a)
            try await driven.driver.takeStock()
            driven.driver.beginLeaving(isSweeping: true)
            let late = driven.add(b)
            driven.store(.result(b))
            driven.store(driven.input(c))
            driven.cloud.bucket["p/o2/results/aa.pkl"] = [1]
            #expect(await driven.driver.sweep(until: soon))
            #expect(await driven.driver.finishDeletions(until: soon))
            #expect(Set(driven.deletions) == [known, late])
            #expect(driven.cloud.bucket.keys.sorted() == ["p/o2/results/aa.pkl"])
        }
    }

    @Test func `without a sweep orphans stay, and nobody waits for confirmations`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            driven.add(b)
            try await driven.driver.takeStock()
            let id = try await driven.begin(a).id
            driven.driver.outcomeKnown(a)
            driven.driver.release(a, isAnswered: true)
            #expect(driven.deletions.isEmpty)
            driven.driver.beginLeaving(isSweeping: false)
            #expect(await driven.driver.finishDeletions(until: soon))
            #expect(driven.deletions == [id])
            #expect(driven.driver.orphanCount == 1)
        }
    }

    @Test func `a sweep that the cloud refuses is told and fails`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.cloud.script(.listContainerInstances, .forbidden)
            #expect(await driven.driver.sweep(until: soon) == false)
            #expect(driven.cloud.log.messages == ["error cannot look for what is left"])
        }
    }

    @Test func `deletions that are not accepted in time are not finished`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            driven.add(a)
            try await driven.driver.takeStock()
            driven.cloud.script(.deleteContainerInstance, .incorrectState, count: 3)
            driven.driver.beginLeaving(isSweeping: true)
            #expect(await driven.driver.finishDeletions(until: .after(.milliseconds(50))) == false)
        }
    }

    /// A cloud in which a stop has begun while a create has no answer.
    @LoopActor
    private static func leavingWithCreateInDoubt() async throws -> DrivenCloud {
        let driven = DrivenCloud()
        driven.deleteOnly()
        try await driven.driver.takeStock()
        driven.driver.createAbandoned(a)
        driven.driver.beginLeaving(isSweeping: true)
        return driven
    }

    @Test func `a stop is not clean while a create without an answer may make something`() async throws {
        try await onLoop {
            let driven = try await Self.leavingWithCreateInDoubt()
            defer { driven.stop() }
            let deadline = Deadline.after(.milliseconds(50))
            #expect(await driven.driver.finishDeletions(until: deadline) == false)
            #expect(driven.driver.remains.createCount == 1)
        }
    }

    @Test func `a stop that finds what a create without an answer has made is clean`() async throws {
        try await onLoop {
            let driven = try await Self.leavingWithCreateInDoubt()
            defer { driven.stop() }
            let id = driven.add(a)
            #expect(await driven.driver.finishDeletions(until: soon))
            #expect(driven.deletions == [id])
        }
    }

    /// How often the service denies that there is an instance that is, and whether it is deleted in the end.
    @Test(arguments: [(true, 100, false), (true, 1, true), (false, 1, true)])
    func `what is said not to be there is looked for before it is believed`(
        _ isThere: Bool,
        _ denialCount: Int,
        _ isGone: Bool
    ) async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            driven.add(a)
            try await driven.driver.takeStock()
            driven.cloud.script(.deleteContainerInstance, .notFound, count: denialCount)
            driven.driver.beginLeaving(isSweeping: true)
            try await driven.cloud.wait { driven.driver.ledger.hasDoubtfulDeletion }
            if !isThere { driven.cloud.records = [] }
            #expect(await driven.driver.finishDeletions(until: soon) == isGone)
        }
    }
}
