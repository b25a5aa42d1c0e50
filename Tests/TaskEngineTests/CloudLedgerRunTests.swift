// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

/// Tasks in hand: slots, and what their runs are told.
@Suite struct CloudLedgerRunTests {
    // MARK: - Slots

    @Test func `slots are held by grants, runs and instances without one, and never more than there are`() {
        var ledger = CloudLedger.stocked(slots: 3, [instance("i", of: c)])
        #expect(ledger.freeSlotCount == 2)
        _ = ledger.queued(a, at: .seconds(2))
        ledger.slotGranted()
        #expect(ledger.freeSlotCount == 1)
        ledger.slotReturned()
        #expect(ledger.freeSlotCount == 2)
        ledger.slotGranted()
        _ = ledger.claimed(a, at: .seconds(3))
        #expect(ledger.freeSlotCount == 1)
        _ = ledger.createAnswered(instance("j"), at: .seconds(4))
        #expect(ledger.freeSlotCount == 1)
        _ = ledger.list([instance("j"), instance("k", of: b), instance("l", of: b)], at: 5)
        #expect(ledger.occupiedSlotCount == 3)
        #expect(ledger.freeSlotCount == 0)
    }

    @Test func `more instances than slots leave no slot, and their tasks are admitted all the same`() {
        var ledger = CloudLedger.stocked(slots: 1, [instance("i"), instance("j", of: b)])
        #expect(ledger.freeSlotCount == 0)
        #expect(ledger.queued(a, at: .seconds(2)) == [.admit(a)])
        #expect(ledger.queued(b, at: .seconds(2)) == [.admit(b)])
    }

    @Test func `a queued task whose instance turns up is admitted`() {
        var ledger = CloudLedger.stocked(slots: 1, [instance("i", of: b)])
        #expect(ledger.queued(a, at: .seconds(2)) == [])
        #expect(ledger.list([instance("i", of: b), instance("j")], at: 5) == [.admit(a)])
    }

    @Test
    func `a result that this host has no room for stays when its task has failed, and its instance goes`() {
        var ledger = CloudLedger.running()
        _ = ledger.store([a], at: 10)
        ledger.outcomeKnown(a, at: .seconds(11))
        ledger.resultKept(a, at: .seconds(11))
        let orders = ledger.released(a, isAnswered: true, at: .seconds(12))
        #expect(orders.deletes("i"))
        #expect(ledger.answerConfirmed(a, at: .seconds(13)) == [])
        let gone = ledger.finish("i", at: 14)
        #expect(gone.contains(.tell(a, .released)) && gone.contains(.roomFreed))
        // Neither time nor a stop deletes it.
        #expect(ledger.store([a], inputs: [:], at: 10_000) == [])
        #expect(ledger.list([], at: 10_001) == [])
        #expect(ledger.leaving(isSweeping: true, at: .seconds(10_002)) == [])
        #expect(ledger.cannotWait(at: .seconds(10_002)) == [])
        #expect(ledger.knownObjects == [.result(a), .mark(a)])
        #expect(ledger.freeSlotCount == 2)
        // The bucket's lifecycle ends it, and its mark goes with it.
        #expect(ledger.store([], inputs: [:], at: 20_000) == [.deleteObjects([.mark(a)])])
        ledger.objectsDeleted([.mark(a)])
        #expect(ledger.isEmpty)
    }

    @Test func `a result that an earlier process kept stays, and goes with a sweep`() {
        for isSweeping in [false, true] {
            var ledger = CloudLedger.new()
            if isSweeping { _ = ledger.leaving(isSweeping: true, at: .zero) }
            ledger.schedulerAnswers(true, at: .zero)
            _ = ledger.list([], begun: 1, at: 1)
            let orders = ledger.objectsListed(
                results: [a, b],
                inputs: [:],
                kept: [a],
                begun: .seconds(1),
                at: .seconds(2)
            )
            let everything = [TaskObject.result(a), .result(b), .mark(a)].map {
                CloudOrder.deleteObjects([$0])
            }
            #expect(orders == (isSweeping ? everything : []))
            let expiry = ledger.list([], at: 1000)
            if !isSweeping {
                #expect(expiry == [.report(.orphanExpired(b)), .deleteObjects([.result(b)])])
                #expect(ledger.orphanCount == 0)
            }
        }
    }

    @Test func `a task whose result was kept is given it when it is sent again`() {
        var ledger = CloudLedger.running()
        _ = ledger.store([a], at: 10)
        ledger.resultKept(a, at: .seconds(11))
        _ = ledger.released(a, isAnswered: true, at: .seconds(12))
        _ = ledger.finish("i", at: 13)
        let (adoption, _) = ledger.begin(a, at: 20)
        #expect(adoption?.instance == nil)
        #expect(adoption?.hasResult == true)
        let orders = ledger.released(a, isAnswered: false, at: .seconds(21))
        #expect(orders.contains(.deleteObjects([.result(a)])))
        #expect(orders.contains(.deleteObjects([.mark(a)])))
    }

    @Test func `a mark without its result is deleted, and one that is wanted again is not`() {
        var ledger = CloudLedger.running()
        ledger.resultKept(a, at: .seconds(8))
        let orders = ledger.objectsListed(
            results: [],
            inputs: [:],
            kept: [a, b],
            begun: .seconds(9),
            at: .seconds(10)
        )
        #expect(orders == [.deleteObjects([.mark(b)])])
        #expect(ledger.knownObjects == [.mark(a), .mark(b)])
        // Until it is gone, listings show it.
        #expect(
            ledger.objectsListed(results: [], inputs: [:], kept: [b], begun: .seconds(11), at: .seconds(12))
                == []
        )
        _ = ledger.begin(b, at: 13)
        ledger.resultKept(b, at: .seconds(14))
        ledger.objectsDeleted([])
        #expect(ledger.isMarked(b) && ledger.hasNoPendingDeletion)
    }

    @Test func `an ended instance counts until the service accepts to delete it`() {
        let ledger = CloudLedger.stocked(slots: 1, [instance("i", .failed)])
        #expect(ledger.freeSlotCount == 0)
    }

    @Test func `an abandoned create holds a slot until a listing begins after its last possible moment`() {
        var ledger = CloudLedger.stocked(slots: 1)
        _ = ledger.begin(a, at: 2)
        #expect(ledger.createAbandoned(a, at: .seconds(10)) == [])
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.released(a, isAnswered: true, at: .seconds(11)) == [.tell(a, .released)])
        #expect(ledger.freeSlotCount == 0)
        _ = ledger.list([], begun: 130, at: 131)
        #expect(ledger.freeSlotCount == 0)
        _ = ledger.list([], begun: 131, at: 132)
        #expect(ledger.freeSlotCount == 1)
        #expect(ledger.isEmpty)
    }

    @Test
    func `what an abandoned create makes is deleted on sight, and holds the slot until that is accepted`() {
        var ledger = CloudLedger.stocked(slots: 1)
        _ = ledger.begin(a, at: 2)
        _ = ledger.createAbandoned(a, at: .seconds(10))
        _ = ledger.released(a, isAnswered: true, at: .seconds(11))
        #expect(ledger.list([instance("i")], at: 20) == [.deleteInstance("i", because: .abandonedCreate)])
        #expect(ledger.freeSlotCount == 0)
        _ = ledger.accept("i", at: 21)
        #expect(ledger.freeSlotCount == 1)
        #expect(ledger.list([], begun: 22, at: 23) == [.roomFreed, .deleteObjects([.result(a)])])
    }

    @Test func `an abandoned create still counts when its task is in hand again`() {
        var ledger = CloudLedger.stocked(slots: 2)
        _ = ledger.begin(a, at: 2)
        _ = ledger.createAbandoned(a, at: .seconds(10))
        _ = ledger.released(a, isAnswered: true, at: .seconds(11))
        _ = ledger.begin(a, at: 12)
        #expect(ledger.occupiedSlotCount == 2)
        _ = ledger.createAnswered(instance("new", generation: 1), at: .seconds(13))
        #expect(ledger.occupiedSlotCount == 2)
        // One call makes one instance, and this is it.
        #expect(
            ledger.list([instance("new"), instance("late")], begun: 14, at: 15).contains(
                .deleteInstance("late", because: .abandonedCreate)
            )
        )
        #expect(ledger.occupiedSlotCount == 2)
        _ = ledger.accept("late", at: 16)
        #expect(ledger.occupiedSlotCount == 1)
    }

    @Test func `each of two abandoned creates counts`() {
        var ledger = CloudLedger.stocked(slots: 2)
        for time in [2, 12] {
            _ = ledger.begin(a, at: time)
            _ = ledger.createAbandoned(a, at: .seconds(time + 1))
            _ = ledger.released(a, isAnswered: true, at: .seconds(time + 2))
        }
        #expect(ledger.occupiedSlotCount == 2)
        _ = ledger.list([], begun: 124, at: 125)
        #expect(ledger.occupiedSlotCount == 1)
        _ = ledger.list([], begun: 134, at: 135)
        #expect(ledger.occupiedSlotCount == 0)
        #expect(ledger.isEmpty)
    }

    @Test func `a queued task adopts what its abandoned create has made`() {
        var ledger = CloudLedger.stocked(slots: 1)
        _ = ledger.begin(a, at: 2)
        _ = ledger.createAbandoned(a, at: .seconds(10))
        _ = ledger.released(a, isAnswered: true, at: .seconds(11))
        #expect(ledger.queued(a, at: .seconds(12)) == [])
        #expect(ledger.list([instance("i")], at: 20) == [.admit(a)])
        ledger.slotGranted()
        #expect(ledger.claimed(a, at: .seconds(21)).0?.instance?.id == "i")
        #expect(ledger.occupiedSlotCount == 1)
    }

    // MARK: - Running

    @Test func `each run is told of its own instance only`() {
        var ledger = CloudLedger.running()
        _ = ledger.begin(b, at: 4)
        _ = ledger.createAnswered(instance("j", of: b), at: .seconds(5))
        #expect(
            ledger.list([instance("i")], begun: 6, at: 7)
                == [
                    .tell(a, .instanceListed(instance("i"), begun: .seconds(6))),
                    .tell(b, .instanceMissed(begun: .seconds(6))),
                ]
        )
        ledger.listingAwaited(a, at: .seconds(7))
        #expect(
            ledger.store([b], begun: 7, at: 8)
                == [
                    .tell(b, .resultListed), .tell(a, .resultsListed(begun: .seconds(7))),
                ]
        )
        // That the result is there is news once.
        #expect(!ledger.store([b], at: 9).contains(.tell(b, .resultListed)))
    }

    @Test func `a run hears of listings without its result once it needs them, and not when it starts over`()
    {
        var ledger = CloudLedger.running()
        #expect(ledger.store([], at: 5) == [])
        ledger.endSuspected(a, at: .seconds(6))
        #expect(ledger.store([], begun: 7, at: 8) == [.tell(a, .resultsListed(begun: .seconds(7)))])
        _ = ledger.instanceGivenUp(a, at: .seconds(9))
        _ = ledger.createAnswered(instance("j", generation: 1), at: .seconds(10))
        #expect(ledger.store([], at: 12) == [])
    }

    @Test func `a run that knows what to answer is told nothing more`() {
        var ledger = CloudLedger.running()
        ledger.outcomeKnown(a, at: .seconds(4))
        #expect(ledger.list([instance("i")], at: 6) == [])
        #expect(ledger.list([], at: 8) == [])
        #expect(ledger.store([a], at: 9) == [])
    }

    @Test func `a result that was not there when it was asked for is news when it is listed again`() {
        var ledger = CloudLedger.running()
        #expect(ledger.store([a], at: 9).contains(.tell(a, .resultListed)))
        ledger.resultVanished(a, at: .seconds(10))
        #expect(ledger.store([a], at: 12).contains(.tell(a, .resultListed)))
    }

    @Test func `what is stored before the create is answered is told of afterwards`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        #expect(ledger.store([a], at: 3) == [])
        _ = ledger.createAnswered(instance("i"), at: .seconds(4))
        #expect(ledger.store([a], at: 6).contains(.tell(a, .resultListed)))
    }

    @Test func `a second instance of a task is deleted, and a person told`() {
        var ledger = CloudLedger.running()
        let orders = ledger.list([instance("i"), instance("j")], at: 6)
        #expect(orders.contains(.deleteInstance("j", because: .second)))
        #expect(!orders.deletes("i"))
        #expect(ledger.occupiedSlotCount == 2)
        #expect(!ledger.list([instance("i"), instance("j")], at: 8).deletes("j"))
    }

    @Test func `what is listed before a create is answered may be what it makes, and is left alone`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        #expect(ledger.list([instance("i")], at: 3) == [])
        #expect(ledger.candidate(of: a)?.id == "i")
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.createAnswered(instance("i"), at: .seconds(4)) == [])
        #expect(ledger.occupiedSlotCount == 1)
    }

    @Test func `what was listed before a create is answered and is not what it made is deleted then`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        _ = ledger.list([instance("i")], at: 3)
        #expect(
            ledger.createAnswered(instance("j", generation: 1), at: .seconds(4))
                == [.deleteInstance("i", because: .second)]
        )
        #expect(ledger.occupiedSlotCount == 2)
    }

    @Test func `an instance is given up: the run waits for its deletion and keeps one slot`() {
        var ledger = CloudLedger.running(slots: 2)
        let (mustWait, orders) = ledger.instanceGivenUp(a, at: .seconds(10))
        #expect(mustWait)
        #expect(orders == [.deleteInstance("i", because: .startedOver)])
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.nextGeneration(of: a) == 1)
        #expect(ledger.accept("i", at: 11) == [.tell(a, .deletionAccepted("i"))])
        #expect(ledger.occupiedSlotCount == 1)
        _ = ledger.createAnswered(instance("j", generation: 1), at: .seconds(12))
        #expect(ledger.occupiedSlotCount == 1)
        // The one that is on its way out is no news.
        #expect(
            ledger.list([instance("i", .deleting), instance("j")], begun: 13, at: 14)
                == [.tell(a, .instanceListed(instance("j"), begun: .seconds(13)))]
        )
    }

    @Test
    func
        `a run is told again of an instance that runs only after a change or a miss`()
    {
        var ledger = CloudLedger.running()
        let told = { (instance: ListedInstance, begun: Int) -> [CloudOrder] in
            [.tell(a, .instanceListed(instance, begun: .seconds(begun)))]
        }
        for phase in [InstancePhase.creating, .creating, .running] {
            #expect(ledger.list([instance("i", phase)], begun: 4, at: 5) == told(instance("i", phase), 4))
        }
        for begun in 6..<100 {
            #expect(ledger.list([instance("i", createdAt: begun % 2)], begun: begun, at: begun) == [])
        }
        #expect(ledger.list([], begun: 100, at: 101) == [.tell(a, .instanceMissed(begun: .seconds(100)))])
        #expect(ledger.list([instance("i")], begun: 102, at: 103) == told(instance("i"), 102))
        #expect(ledger.list([instance("i")], begun: 104, at: 105) == [])
        for begun in [106, 108] {
            let stopped = instance("i", .stopped)
            #expect(ledger.list([stopped], begun: begun, at: begun + 1) == told(stopped, begun))
        }
    }

    @Test func `who has no instance, or one that does not count, need not wait to make another`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        #expect(!ledger.instanceGivenUp(a, at: .seconds(3)).0)
    }

    @Test func `a generation that the service has spent is not used again`() {
        var ledger = CloudLedger.running()
        #expect(ledger.nextGeneration(of: a) == 1)
        ledger.generationSpent(3, of: a, at: .seconds(4))
        #expect(ledger.nextGeneration(of: a) == 4)
        ledger.generationSpent(1, of: a, at: .seconds(4))
        #expect(ledger.nextGeneration(of: a) == 4)
        #expect(ledger.nextGeneration(of: b) == 0)
    }

    @Test func `objects that a task in hand is about to store are spared`() {
        var ledger = CloudLedger.stocked(results: [a], inputs: [a: ["in"], b: ["in"]])
        _ = ledger.list([], at: 61)
        #expect(!ledger.hasNoPendingDeletion)
        #expect(ledger.begin(a, at: 62).0 == nil)
        ledger.willStore(input: "in", of: a, at: .seconds(63))
        #expect(!ledger.hasNoPendingDeletion)
        ledger.objectsDeleted([.input(b, name: "in")])
        #expect(ledger.hasNoPendingDeletion)
        #expect(ledger.knownObjects == [.input(a, name: "in")])
    }

    @Test func `a payload that is about to be stored is deleted with the task, whether it was stored or not`()
    {
        var ledger = CloudLedger.stocked(inputs: [a: ["in"]])
        _ = ledger.list([], at: 61)
        _ = ledger.begin(a, at: 62)
        ledger.willStore(input: "in", of: a, at: .seconds(63))
        #expect(
            ledger.released(a, isAnswered: true, at: .seconds(64))
                == [.deleteObjects([.input(a, name: "in")]), .tell(a, .released)]
        )
    }

    @Test
    func `a payload of an earlier run is deleted while the task is in hand if this run stores no such one`() {
        var ledger = CloudLedger.stocked(inputs: [a: ["in", "other"]])
        _ = ledger.list([], at: 61)
        _ = ledger.begin(a, at: 62)
        ledger.willStore(input: nil, of: a, at: .seconds(63))
        #expect(ledger.knownObjects == [.input(a, name: "in"), .input(a, name: "other")])
        ledger.objectsDeleted([.input(a, name: "in")])
        #expect(!ledger.hasNoPendingDeletion)
        ledger.objectsDeleted([.input(a, name: "other")])
        #expect(ledger.hasNoPendingDeletion)
        #expect(ledger.released(a, isAnswered: false, at: .seconds(64)) == [.tell(a, .released)])
    }

    @Test(arguments: [true, false])
    func `a result whose deletion was called off is deleted with a task that stores none`(isAnswered: Bool) {
        var ledger = CloudLedger.stocked(results: [a])
        #expect(ledger.list([], at: 61).contains(.deleteObjects([.result(a)])))
        _ = ledger.begin(a, at: 62)
        ledger.willStore(input: nil, of: a, at: .seconds(63))
        #expect(ledger.hasNoPendingDeletion)
        #expect(
            ledger.released(a, isAnswered: isAnswered, at: .seconds(64))
                == [.deleteObjects([.result(a)]), .tell(a, .released)]
        )
    }

    @Test
    func `a result whose deletion was called off is deleted when the instance that may store it is gone`() {
        var ledger = CloudLedger.stocked(results: [a])
        _ = ledger.list([], at: 61)
        _ = ledger.begin(a, at: 62)
        ledger.willStore(input: nil, of: a, at: .seconds(63))
        _ = ledger.createAnswered(instance("i"), at: .seconds(64))
        #expect(
            ledger.released(a, isAnswered: false, at: .seconds(65)) == [
                .deleteInstance("i", because: .cancelled)
            ]
        )
        #expect(ledger.accept("i", at: 66) == [.tell(a, .released)])
        #expect(ledger.list([], begun: 67, at: 68) == [.roomFreed, .deleteObjects([.result(a)])])
    }
}
