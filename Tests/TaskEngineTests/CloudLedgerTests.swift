// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

/// What an earlier process left: finding it, adopting it, giving it up.
@Suite struct CloudLedgerTests {
    // MARK: - Start and stock

    @Test func `nobody gets a slot before both first listings are in`() {
        var ledger = CloudLedger.new()
        #expect(!ledger.isStocked)
        #expect(ledger.freeSlotCount == 0)
        #expect(ledger.list([], at: 1) == [])
        #expect(ledger.freeSlotCount == 0)
        #expect(ledger.store([], inputs: [:], at: 2) == [])
        #expect(ledger.isStocked)
        #expect(ledger.freeSlotCount == 2)
    }

    @Test(arguments: [true, false])
    func `a task with an instance is given its own slot as soon as both listings are in`(
        isQueuedFirst: Bool
    ) {
        var ledger = CloudLedger.new(slots: 1)
        if isQueuedFirst { #expect(ledger.queued(a, at: .zero) == []) }
        #expect(ledger.list([instance("i")], at: 1) == [])
        if !isQueuedFirst { #expect(ledger.queued(a, at: .seconds(1)) == []) }
        #expect(ledger.store([], inputs: [a: ["in"]], at: 2) == [.admit(a)])
        #expect(ledger.freeSlotCount == 0)
    }

    @Test func `what the first listings show that nobody has asked for is an orphan`() {
        let ledger = CloudLedger.stocked([instance("i")], results: [b], inputs: [c: ["in"]])
        #expect(ledger.orphanCount == 3)
        #expect(ledger.orphanInstanceCount == 1)
        #expect(ledger.knownInstances == ["i"])
        #expect(ledger.knownObjects == [.result(b), .input(c, name: "in")])
        #expect(!ledger.isEmpty)
    }

    @Test(arguments: [InstancePhase.deleting, .deleted])
    func `an instance that is on its way out is nobody's and takes no slot`(_ phase: InstancePhase) {
        let ledger = CloudLedger.stocked(slots: 1, [instance("i", phase)])
        #expect(ledger.isEmpty)
        #expect(ledger.freeSlotCount == 1)
    }

    @Test func `what the cloud does not hold any more is forgotten, whoever deleted it`() {
        var ledger = CloudLedger.stocked([instance("i")], results: [b], inputs: [c: ["in"]])
        #expect(ledger.list([instance("i", .deleting)], at: 10) == [])
        #expect(ledger.store([], inputs: [:], at: 11) == [])
        #expect(ledger.isEmpty)
    }

    @Test func `a listing of results only says nothing of payloads`() {
        var ledger = CloudLedger.stocked(inputs: [c: ["in"]])
        _ = ledger.store([], at: 10)
        #expect(ledger.knownObjects == [.input(c, name: "in")])
    }

    // MARK: - Adoption

    @Test func `a task sent again goes on with its running instance, in the slot that holds it`() {
        var ledger = CloudLedger.stocked(slots: 1, [instance("i", generation: 4)])
        #expect(ledger.freeSlotCount == 0)
        let (adoption, orders) = ledger.begin(a, at: 10)
        #expect(adoption?.instance == instance("i", generation: 4))
        #expect(adoption?.hasResult == false)
        #expect(orders == [.admit(a), .report(.adopted(a))])
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.nextGeneration(of: a) == 5)
        #expect(
            ledger.list([instance("i")], begun: 11, at: 12) == [
                .tell(a, .instanceListed(instance("i"), begun: .seconds(11)))
            ]
        )
    }

    @Test func `a task sent again is answered from its stored result`() {
        var ledger = CloudLedger.stocked(results: [a])
        let (adoption, orders) = ledger.begin(a, at: 10)
        #expect(adoption?.instance == nil)
        #expect(adoption?.hasResult == true)
        #expect(orders == [.report(.adopted(a))])
    }

    @Test func `an ended instance is adopted, for it is all that tells of the task's run`() {
        var ledger = CloudLedger.stocked([instance("i", .stopped)])
        #expect(ledger.begin(a, at: 10).0?.instance?.phase == .stopped)
    }

    @Test func `a task of which nothing is left adopts nothing`() {
        var ledger = CloudLedger.stocked([instance("i", of: b)])
        let (adoption, orders) = ledger.begin(a, at: 10)
        #expect(adoption == nil)
        #expect(orders == [])
    }

    @Test func `of several instances the newest that has not ended is adopted, the others are deleted`() {
        var ledger = CloudLedger.stocked(
            slots: 3,
            [
                instance("old", createdAt: 1), instance("new", createdAt: 5, generation: 2),
                instance("ended", .stopped, createdAt: 9),
            ]
        )
        let (adoption, orders) = ledger.begin(a, at: 10)
        #expect(adoption?.instance?.id == "new")
        #expect(
            orders == [
                .admit(a), .report(.adopted(a)), .deleteInstance("old", because: .notAdopted),
                .deleteInstance("ended", because: .notAdopted),
            ]
        )
        #expect(ledger.occupiedSlotCount == 3)
        #expect(ledger.accept("old", at: 11) == [.tell(a, .deletionAccepted("old"))])
        #expect(ledger.occupiedSlotCount == 2)
    }

    @Test(arguments: [InstancePhase.creating, .running, .stopped, .failed])
    func `an instance whose result would not be found is deleted at once, and its slot is free then`(
        _ phase: InstancePhase
    ) {
        let other = instance("i", phase, generation: 3, isAdoptable: false)
        var ledger = CloudLedger.stocked(slots: 1)
        #expect(ledger.list([other], at: 2) == [.deleteInstance("i", because: .otherKey)])
        #expect(ledger.queued(a, at: .seconds(3)) == [])
        #expect(ledger.freeSlotCount == 0)
        #expect(ledger.accept("i", at: 4).isEmpty)
        #expect(ledger.freeSlotCount == 1)
        // The service remembers the token of its create.
        #expect(ledger.nextGeneration(of: a) == 4)
        let (adoption, orders) = ledger.begin(a, at: 5)
        #expect(adoption == nil)
        #expect(orders == [])
    }

    @Test func `an adopted payload is deleted with the task`() {
        var ledger = CloudLedger.stocked([instance("i")], inputs: [a: ["in"]])
        _ = ledger.begin(a, at: 10)
        #expect(
            ledger.released(a, isAnswered: false, at: .seconds(11))
                == [.deleteInstance("i", because: .cancelled), .deleteObjects([.input(a, name: "in")])]
        )
    }

    @Test func `an instance whose deletion is ordered is not adopted, and holds a slot beside the new one`() {
        var ledger = CloudLedger.stocked(slots: 2, [instance("i")])
        _ = ledger.list([instance("i")], at: 62)
        // The order is out, so the task has no slot of its own any more.
        #expect(ledger.queued(a, at: .seconds(63)) == [])
        ledger.slotGranted()
        #expect(ledger.claimed(a, at: .seconds(63)).0 == nil)
        #expect(ledger.occupiedSlotCount == 2)
        #expect(ledger.nextGeneration(of: a) == 1)
        _ = ledger.accept("i", at: 64)
        #expect(ledger.occupiedSlotCount == 1)
    }

    // MARK: - Orphans

    @Test func `an orphan is deleted when nobody asked for it within the grace time`() {
        var ledger = CloudLedger.stocked([instance("i")], inputs: [a: ["in"]])
        #expect(ledger.list([instance("i")], at: 60) == [])
        #expect(
            ledger.list([instance("i")], at: 61)
                == [
                    .report(.orphanExpired(a)), .deleteInstance("i", because: .unclaimed),
                    .deleteObjects([.input(a, name: "in")]),
                ]
        )
        // It may store its result until it is gone.
        #expect(ledger.accept("i", at: 62) == [])
        #expect(ledger.list([], begun: 63, at: 64) == [.deleteObjects([.result(a)]), .roomFreed].reversed())
        ledger.objectsDeleted([.result(a), .input(a, name: "in")])
        #expect(ledger.isEmpty)
    }

    @Test func `an orphan's result is deleted at once where there is no instance`() {
        var ledger = CloudLedger.stocked(results: [a])
        #expect(ledger.list([], at: 61) == [.report(.orphanExpired(a)), .deleteObjects([.result(a)])])
    }

    @Test func `the grace time does not run before the scheduler answers`() {
        var ledger = CloudLedger.new()
        _ = ledger.list([instance("i")], at: 1)
        #expect(ledger.list([instance("i")], at: 1000) == [])
        ledger.schedulerAnswers(true, at: .seconds(1000))
        #expect(ledger.list([instance("i")], at: 1059) == [])
        #expect(ledger.list([instance("i")], at: 1060).contains(.deleteInstance("i", because: .unclaimed)))
    }

    @Test func `the grace time begins anew when the scheduler has been silent`() {
        var ledger = CloudLedger.stocked([instance("i")])
        ledger.schedulerAnswers(true, at: .seconds(20))
        ledger.schedulerAnswers(false, at: .seconds(50))
        #expect(ledger.list([instance("i")], at: 70) == [])
        ledger.schedulerAnswers(true, at: .seconds(80))
        #expect(ledger.list([instance("i")], at: 139) == [])
        #expect(ledger.list([instance("i")], at: 140).contains(.deleteInstance("i", because: .unclaimed)))
    }

    @Test func `the grace time of an orphan that is found later begins then`() {
        var ledger = CloudLedger.stocked()
        #expect(ledger.list([instance("i")], at: 100) == [])
        #expect(ledger.list([instance("i")], at: 159) == [])
        #expect(ledger.list([instance("i")], at: 160).contains(.report(.orphanExpired(a))))
    }

    @Test func `what a queued task will adopt never expires`() {
        var ledger = CloudLedger.stocked(slots: 1, [instance("i", of: b)], results: [a])
        _ = ledger.queued(a, at: .seconds(2))
        _ = ledger.queued(b, at: .seconds(2))
        #expect(ledger.list([instance("i", of: b)], at: 1000) == [])
    }

    @Test
    func `an orphan whose worker is lost while it waits may be asked for again for the whole grace time`() {
        var ledger = CloudLedger.stocked(results: [a])
        _ = ledger.queued(a, at: .seconds(2))
        #expect(ledger.unqueued(a, at: .seconds(100)) == [])
        #expect(ledger.orphanCount == 1)
        #expect(ledger.list([], at: 159) == [])
        #expect(ledger.list([], at: 160) == [.report(.orphanExpired(a)), .deleteObjects([.result(a)])])
    }

    @Test func `the instance of an orphan whose result is stored only holds a slot, so it is deleted`() {
        var ledger = CloudLedger.stocked(slots: 1, [instance("i")])
        #expect(ledger.store([a], at: 10) == [.deleteInstance("i", because: .hasResult)])
        #expect(ledger.freeSlotCount == 0)
        _ = ledger.accept("i", at: 11)
        #expect(ledger.freeSlotCount == 1)
        // The result waits for the scheduler to ask.
        #expect(ledger.list([], begun: 12, at: 13) == [.roomFreed])
        #expect(ledger.begin(a, at: 14).0?.hasResult == true)
    }

    @Test func `a task that was admitted with its own slot keeps its instance until its run begins`() {
        var ledger = CloudLedger.stocked(slots: 1, [instance("i")])
        #expect(ledger.queued(a, at: .seconds(2)) == [.admit(a)])
        ledger.slotGranted()
        #expect(ledger.store([a], at: 4) == [])
        let adoption = ledger.claimed(a, at: .seconds(5)).0
        #expect(adoption?.instance?.id == "i")
        #expect(adoption?.hasResult == true)
    }

    @Test func `what is left of a task that is cancelled while it waits is deleted`() {
        var ledger = CloudLedger.stocked(slots: 1, [instance("i")], results: [b], inputs: [b: ["in"]])
        _ = ledger.queued(a, at: .seconds(2))
        _ = ledger.queued(b, at: .seconds(2))
        #expect(ledger.discarded(a, at: .seconds(3)) == [.deleteInstance("i", because: .cancelled)])
        #expect(
            ledger.discarded(b, at: .seconds(3))
                == [.deleteObjects([.input(b, name: "in")]), .deleteObjects([.result(b)])]
        )
        // The wait that ends with the cancel changes nothing more.
        #expect(ledger.unqueued(a, at: .seconds(3)) == [])
        #expect(ledger.unqueued(b, at: .seconds(3)) == [])
        _ = ledger.accept("i", at: 4)
        #expect(ledger.list([], begun: 5, at: 6) == [.roomFreed, .deleteObjects([.result(a)])])
    }

    @Test func `a task that waited and had nothing leaves nothing behind`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.queued(a, at: .seconds(2))
        #expect(!ledger.isEmpty)
        _ = ledger.discarded(a, at: .seconds(3))
        #expect(ledger.isEmpty)
        _ = ledger.queued(a, at: .seconds(4))
        _ = ledger.unqueued(a, at: .seconds(5))
        #expect(ledger.isEmpty)
    }
}
