// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

/// Listings that lag, overlap or come in the wrong order, and answers that make no sense.
@Suite struct CloudLedgerLagTests {
    @Test
    func `what a killed process was making and a listing shows late is there for the run before it creates`()
    {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        #expect(ledger.candidate(of: a) == nil)
        _ = ledger.list([instance("x")], at: 4)
        #expect(ledger.candidate(of: a)?.id == "x")
        #expect(ledger.createAnswered(instance("x"), at: .seconds(5)) == [])
        #expect(ledger.occupiedSlotCount == 1)
    }

    /// A ledger with a task whose result was there at once, and that is answered since 5; a killed process made its instance,
    /// which no listing has shown.
    private func answered() -> CloudLedger {
        var ledger = CloudLedger.stocked(results: [a])
        _ = ledger.begin(a, at: 2)
        ledger.outcomeKnown(a, at: .seconds(3))
        #expect(ledger.released(a, isAnswered: true, at: .seconds(4)) == [.tell(a, .released)])
        return ledger
    }

    @Test func `what a killed process made is looked for after the task that it was for is over`() {
        var ledger = answered()
        #expect(ledger.answerConfirmed(a, at: .seconds(5)) == [])
        var due = ledger.nextListing(.instances, at: .seconds(6))
        var looks = 0
        var deleted: Duration?
        while due < .seconds(60) {
            ledger.listingBegan(.instances, at: due)
            let orders = ledger.instancesListed([], begun: due, at: due)
            if orders.contains(.deleteObjects([.result(a)])) {
                deleted = due
                ledger.objectsDeleted([.result(a)])
            }
            due = ledger.nextListing(.instances, at: due)
            looks += 1
        }
        #expect(5...15 ~= looks)
        // The next process learns from the result that its task has run, until its instance would be listed.
        #expect(deleted.map { (.seconds(31)...(.seconds(60))).contains($0) } == true)
        #expect(ledger.isEmpty)
        #expect(ledger.occupiedSlotCount == 0)
    }

    @Test(arguments: [true, false])
    func `what a killed process made is deleted on sight when its task is over, and then its result`(
        isConfirmed: Bool
    ) {
        var ledger = answered()
        if isConfirmed { _ = ledger.answerConfirmed(a, at: .seconds(5)) }
        let reason: DeletionReason = isConfirmed ? .unwanted : .answered
        #expect(ledger.list([instance("x")], at: 8) == [.deleteInstance("x", because: reason)])
        #expect(ledger.accept("x", at: 9) == [])
        #expect(ledger.occupiedSlotCount == 0)
        if !isConfirmed { _ = ledger.answerConfirmed(a, at: .seconds(10)) }
        _ = ledger.list([], begun: 11, at: 12)
        ledger.objectsDeleted([.result(a)])
        #expect(ledger.isEmpty)
    }

    @Test func `an instance that was deleted before a listing showed it is not found again when one does`() {
        var ledger = CloudLedger.running()
        _ = ledger.released(a, isAnswered: false, at: .seconds(5))
        _ = ledger.accept("i", at: 6)
        #expect(ledger.list([], at: 8).contains(.roomFreed))
        // As it was before: the service would say that it is not there, and list it.
        #expect(ledger.list([instance("i")], at: 12) == [])
        #expect(ledger.knownInstances.isEmpty)
        // Shown for longer than a listing may lag, it is there.
        #expect(ledger.list([instance("i")], at: 60) == [])
        #expect(ledger.knownInstances == ["i"])
    }

    /// The 404 may mean that we are not allowed to delete it, and the listing may be too early to show it.
    @Test func `a listing that is too early to show an instance does not agree that it is not there`() {
        var ledger = CloudLedger.running()
        _ = ledger.released(a, isAnswered: false, at: .seconds(4))
        _ = ledger.deletionNotThere("i", at: .seconds(5))
        for begun in [6, 15, 32] { #expect(ledger.list([], begun: begun, at: begun + 1) == []) }
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.hasDoubtfulDeletion)
        let unseen = ledger
        #expect(ledger.list([], begun: 33, at: 34).contains(.tell(a, .released)))
        #expect(ledger.occupiedSlotCount == 0)
        ledger = unseen
        #expect(
            ledger.list([instance("i")], begun: 33, at: 34) == [.deleteInstance("i", because: .doubtful)]
        )
    }

    @Test func `what is said not to be there is gone when a listing misses it that another has shown`() {
        var ledger = CloudLedger.running()
        // A listing that shows it as it is known already shows it, too.
        _ = ledger.list([instance("i")], begun: 3, at: 4)
        _ = ledger.released(a, isAnswered: false, at: .seconds(4))
        _ = ledger.deletionNotThere("i", at: .seconds(5))
        #expect(ledger.list([], begun: 6, at: 7).contains(.tell(a, .released)))
        #expect(ledger.occupiedSlotCount == 0)
    }

    @Test func `the instance that a failed task is judged by outlives a listing that misses it`() {
        var ledger = CloudLedger.running()
        _ = ledger.list([instance("i", .stopped)], at: 5)
        _ = ledger.released(a, isAnswered: true, at: .seconds(6))
        #expect(ledger.list([], begun: 7, at: 8) == [])
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.answerConfirmed(a, at: .seconds(9)) == [.deleteInstance("i", because: .confirmed)])
    }

    @Test func `a listing that began before another that is over tells nothing`() {
        var ledger = CloudLedger.running()
        _ = ledger.released(a, isAnswered: false, at: .seconds(5))
        _ = ledger.accept("i", at: 6)
        // The later listing is through first.
        #expect(ledger.list([], begun: 8, at: 9).contains(.roomFreed))
        #expect(ledger.list([instance("i")], begun: 7, at: 10) == [])
        #expect(ledger.knownInstances.isEmpty)
        _ = ledger.store([b], begun: 12, at: 13)
        _ = ledger.store([], begun: 11, at: 14)
        #expect(ledger.knownObjects.contains(.result(b)))
    }

    @Test func `an instance that is being deleted holds no slot, however often its deletion is ordered`() {
        var ledger = CloudLedger.running()
        _ = ledger.released(a, isAnswered: false, at: .seconds(5))
        _ = ledger.accept("i", at: 6)
        let stuck = ledger.list([instance("i", .deleting)], at: 400)
        #expect(stuck.contains(.deleteInstance("i", because: .stuck)))
        #expect(ledger.occupiedSlotCount == 0)
    }

    @Test func `a task that is cancelled before its run has begun to wait leaves nothing`() {
        var ledger = CloudLedger.stocked([instance("i")])
        #expect(ledger.discarded(a, at: .seconds(2)) == [.deleteInstance("i", because: .cancelled)])
    }

    @Test func `a run that fetches its result is told nothing more of listings of results`() {
        var ledger = CloudLedger.running()
        ledger.listingAwaited(a, at: .seconds(4))
        #expect(ledger.store([], at: 5) == [.tell(a, .resultsListed(begun: .seconds(4)))])
        #expect(ledger.store([a], at: 6) == [.tell(a, .resultListed)])
        #expect(ledger.store([a], at: 7) == [])
        ledger.resultVanished(a, at: .seconds(8))
        #expect(ledger.store([], at: 9) == [.tell(a, .resultsListed(begun: .seconds(8)))])
    }

    @Test func `a create that is answered with another task's instance is not believed`() {
        var ledger = CloudLedger.running()
        _ = ledger.begin(b, at: 4)
        #expect(ledger.createAnswered(instance("i", of: b), at: .seconds(5)) == nil)
        #expect(ledger.candidate(of: b) == nil)
        #expect(ledger.occupiedSlotCount == 2)
    }

    @Test func `an object that the service refuses to delete is known, and waited for by nobody`() {
        var ledger = CloudLedger.stocked(inputs: [a: ["in"]])
        #expect(
            ledger.list([], at: 70) == [.report(.orphanExpired(a)), .deleteObjects([.input(a, name: "in")])]
        )
        #expect(!ledger.hasNoPendingDeletion)
        ledger.objectRefused(.input(a, name: "in"))
        #expect(ledger.hasNoPendingDeletion)
        #expect(ledger.isEmpty)
        #expect(ledger.knownObjects == [.input(a, name: "in")])
        #expect(ledger.store([], inputs: [a: ["in"]], at: 80) == [])
        ledger.objectsDeleted([.input(a, name: "in")])
        #expect(ledger.knownObjects.isEmpty)
    }
    /// The batch that the service refused was under way when the run wanted the object again.
    @Test func `an object that is wanted again is not refused by a batch that was under way`() {
        var ledger = CloudLedger.stocked(results: [a])
        _ = ledger.list([], at: 70)
        _ = ledger.begin(a, at: 71)
        ledger.willStore(input: nil, of: a, at: .seconds(72))
        ledger.objectRefused(.result(a))
        _ = ledger.createAnswered(instance("i"), at: .seconds(73))
        #expect(ledger.store([a], at: 75) == [.tell(a, .resultListed)])
    }
}
