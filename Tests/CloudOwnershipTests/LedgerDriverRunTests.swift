// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIServices
import TaskEngine
import TestCloud
import TestSupport
import Testing

@testable import CloudOwnership

private let a = TaskKey("aa")
private let b = TaskKey("bb")
private let c = TaskKey("cc")

/// What the driver does for the runs of tasks: slots, adoption, release.
@Suite(.timeLimit(.minutes(1))) struct LedgerDriverRunTests {
    // MARK: - Slots

    @Test func `a slot that comes back goes to the highest priority, then to who came first`() async throws {
        try await onLoop {
            let driven = DrivenCloud(slots: 1)
            let driver = driven.driver
            let order = Mailbox<String>()
            let requests = [("low", a, 0), ("high", b, 5), ("later", c, 5)]
            for (name, task, priority) in requests {
                spawn {
                    guard (try? await driver.obtainSlot(for: task, priority: Int32(priority))) != nil
                    else { return }
                    order.send(name)
                }
                await yieldToOthers()
            }
            // Before the stock is taken nobody knows how many slots there are.
            await yieldToOthers()
            #expect(order.count == 0)
            try await driver.takeStock()
            #expect(try await order.receive(until: soon) == "high")
            #expect(!driver.hasFreeSlot)
            driver.returnSlot(of: b)
            #expect(try await order.receive(until: soon) == "later")
            driver.returnSlot(of: c)
            #expect(try await order.receive(until: soon) == "low")
            driver.returnSlot(of: a)
            #expect(driver.hasFreeSlot)
        }
    }

    @Test func `a result that stays is marked, and its mark goes when its task is sent again`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            defer { driven.stop() }
            driven.run()
            try await driven.driver.takeStock()
            _ = try await driven.begin(a)
            driven.store(.result(a))
            driven.driver.keepResult(of: a)
            try await driven.cloud.wait { driven.isStored(.mark(a)) }
            driven.driver.release(a, isAnswered: true)
            _ = try await driven.begin(a)
            driven.driver.release(a, isAnswered: false)
            try await driven.cloud.wait { !driven.isStored(.mark(a)) && !driven.isStored(.result(a)) }
        }
    }

    @Test func `a mark that the cloud does not take is told with its object`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            defer { driven.stop() }
            try await driven.driver.takeStock()
            _ = try await driven.begin(a)
            driven.cloud.script(.putObject, .forbidden)
            driven.driver.keepResult(of: a)
            let text =
                "warning cannot mark a result that is to stay; without its mark the next process deletes it"
            while driven.cloud.log.facts(of: text).isEmpty { try await sleep(for: .milliseconds(5)) }
            let name = driven.owner.name(of: .result(a))
            #expect(driven.cloud.log.facts(of: text).map { $0["object"] } == [name])
        }
    }

    @Test func `a task whose instance holds a slot is admitted out of turn`() async throws {
        try await onLoop {
            let driven = DrivenCloud(slots: 1)
            let driver = driven.driver
            driven.add(b)
            try await driver.takeStock()
            #expect(!driver.hasFreeSlot)
            let first = spawn { (try? await driver.obtainSlot(for: a, priority: 9)) != nil }
            await yieldToOthers()
            try await driver.obtainSlot(for: b, priority: 0)
            let adoption = driver.claim(b).adoption
            #expect(adoption?.instance?.task == b)
            #expect(!driver.hasFreeSlot)
            first.cancel()
            #expect(await first.value == false)
        }
    }

    @Test func `who does not wait any more takes no slot, and what it had is an orphan again`() async throws {
        try await onLoop {
            let driven = DrivenCloud(slots: 1)
            let driver = driven.driver
            driven.store(.result(a))
            driven.add(b)
            try await driver.takeStock()
            let waiting = spawn { () async -> WaitError? in
                do throws(WaitError) {
                    try await driver.obtainSlot(for: a, priority: 0)
                    return nil
                } catch {
                    return error
                }
            }
            try await driven.cloud.wait { driver.orphanCount == 1 }
            waiting.cancel()
            #expect(await waiting.value == .cancelled)
            #expect(driver.orphanCount == 2)
        }
    }

    // MARK: - Adoption and release

    @Test func `a run goes on with what an earlier life of its task left`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            let old = driven.add(a)
            let new = driven.add(a)
            driven.cloud[old].state = .inactive
            try await driven.driver.takeStock()
            try await driven.driver.obtainSlot(for: a, priority: 0)
            let adoption = try #require(driven.driver.claim(a).adoption)
            #expect(adoption.instance?.id == new)
            #expect(!adoption.hasResult)
            #expect(driven.count(ofLines: "info adopted what was left of a task") == 1)
            #expect(driven.driver.orphanCount == 0)
            #expect(try await driven.cloud.request(.deleteContainerInstance).resource == old)
        }
    }

    @Test func `a result is enough to adopt, and its instances go`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            let id = driven.add(a)
            driven.store(.result(a))
            try await driven.driver.takeStock()
            try await driven.driver.obtainSlot(for: a, priority: 0)
            let adoption = try #require(driven.driver.claim(a).adoption)
            #expect(adoption.instance == nil)
            #expect(adoption.hasResult)
            #expect(try await driven.cloud.request(.deleteContainerInstance).resource == id)
        }
    }

    @Test func `a result stays until its answer is confirmed, its instance and payload do not`() async throws
    {
        try await onLoop {
            let driven = DrivenCloud()
            driven.run()
            defer { driven.stop() }
            let (id, news) = try await driven.begin(a)
            await driven.driver.prepareToStore(input: driven.owner.name(of: driven.input(a)), of: a)
            driven.store(driven.input(a))
            driven.store(.result(a))
            _ = try await news.next { $0 == .resultListed }
            driven.driver.outcomeKnown(a)
            driven.driver.release(a, isAnswered: true)
            _ = try await news.next { $0 == .released }
            #expect(driven.deletions == [id])
            try await driven.cloud.wait { !driven.isStored(driven.input(a)) }
            #expect(driven.isStored(.result(a)))
            driven.driver.answerConfirmed(a)
            try await driven.cloud.wait { !driven.isStored(.result(a)) }
        }
    }

    @Test func `an answer that nobody confirms leaves an orphan, found by the time alone`() async throws {
        try await onLoop {
            let driven = DrivenCloud { $0.resultEvidence = .milliseconds(20) }
            driven.run()
            defer { driven.stop() }
            let news = try await driven.begin(a).news
            driven.store(.result(a))
            _ = try await news.next { $0 == .resultListed }
            driven.driver.outcomeKnown(a)
            driven.driver.release(a, isAnswered: true)
            try await driven.cloud.wait { driven.driver.orphanCount == 1 }
            #expect(driven.isStored(.result(a)))
        }
    }

    @Test func `a task that was not answered leaves nothing`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            try await driven.driver.takeStock()
            let (id, news) = try await driven.begin(a)
            driven.driver.release(a, isAnswered: false)
            #expect(try await news.next { $0 == .released } == .released)
            #expect(driven.deletions == [id])
            #expect(driven.driver.hasFreeSlot)
            // Room where the service counts is only sure when a listing does not show it.
            #expect(driven.driver.freedRoom.count == 0)
            try await driven.look()
            #expect(driven.driver.freedRoom.count == 1)
        }
    }

    @Test func `a run that makes another instance waits until the first is on its way out`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            try await driven.driver.takeStock()
            let (id, news) = try await driven.begin(a)
            driven.cloud.script(.deleteContainerInstance, .held)
            #expect(driven.driver.giveUpInstance(of: a))
            try await driven.cloud.request(.deleteContainerInstance)
            #expect(news.count == 0)
            driven.cloud.release(.deleteContainerInstance)
            #expect(try await news.next { $0 == .deletionAccepted(id) } == .deletionAccepted(id))
            #expect(!driven.driver.giveUpInstance(of: a))
        }
    }

    @Test func `an abandoned create holds the slot until a listing shows that it made nothing`() async throws
    {
        try await onLoop {
            let driven = DrivenCloud(slots: 1) { $0.abandonedCreate = .milliseconds(1) }
            try await driven.driver.takeStock()
            try await driven.driver.obtainSlot(for: a, priority: 0)
            let news = driven.driver.claim(a).news
            driven.driver.createAbandoned(a)
            driven.driver.release(a, isAnswered: false)
            _ = try await news.next { $0 == .released }
            #expect(!driven.driver.hasFreeSlot)
            try await sleep(for: .milliseconds(2))
            try await driven.look()
            #expect(driven.driver.hasFreeSlot)
        }
    }

    @Test func `what a run stores anew is not deleted for an earlier one`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.deleteOnly()
            defer { driven.stop() }
            for task in [a, b] {
                driven.store(.result(task))
                driven.store(driven.input(task))
            }
            try await driven.driver.takeStock()
            // Waits for a slot, and is cancelled: both results and payloads are to be deleted, in one batch.
            for task in [a, b] {
                try await driven.driver.obtainSlot(for: task, priority: 0)
                driven.driver.discard(task)
                driven.driver.returnSlot(of: task)
            }
            try await driven.driver.obtainSlot(for: a, priority: 0)
            _ = driven.driver.claim(a)
            let input = driven.owner.name(of: driven.input(a))
            await driven.driver.prepareToStore(input: input, of: a)
            try await driven.cloud.wait { !driven.isStored(.result(b)) && !driven.isStored(driven.input(b)) }
            #expect(driven.isStored(.result(a)))
            #expect(driven.isStored(driven.input(a)))
            // They are the run's now, and go with it.
            driven.driver.release(a, isAnswered: false)
            try await driven.cloud.wait { !driven.isStored(driven.input(a)) }
        }
    }

    @Test func `a result that was listed and is not there is forgotten`() async throws {
        try await onLoop {
            let driven = DrivenCloud()
            driven.store(.result(a))
            try await driven.driver.takeStock()
            try await driven.driver.obtainSlot(for: a, priority: 0)
            #expect(driven.driver.claim(a).adoption?.hasResult == true)
            driven.driver.resultVanished(a)
            #expect(driven.driver.ledger.knownObjects.isEmpty)
            // Without evidence there is nothing to keep for the confirmation.
            driven.driver.release(a, isAnswered: true)
            #expect(driven.driver.ledger.isEmpty)
        }
    }
}
