// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

/// Deletions until they are certain, the end of the process, and when to look.
@Suite struct CloudLedgerDeletionTests {
    /// A ledger that has ordered at 7 the deletion of `i`, of a cancelled task, which a listing has shown.
    private func deleting() -> CloudLedger {
        var ledger = CloudLedger.running()
        _ = ledger.list([instance("i")], at: 5)
        _ = ledger.released(a, isAnswered: false, at: .seconds(7))
        return ledger
    }

    // MARK: - Deletions

    @Test func `a deletion is asked for once, and counts until it is accepted`() {
        var ledger = deleting()
        #expect(!ledger.hasNoPendingDeletion)
        #expect(ledger.list([instance("i")], at: 9) == [])
        #expect(ledger.list([], at: 11) == [])
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.deletedCount == 0)
        _ = ledger.accept("i", at: 12)
        #expect(ledger.occupiedSlotCount == 0)
        #expect(ledger.deletedCount == 1)
        #expect(ledger.hasNoPendingDeletion)
        #expect(!ledger.isEmpty)
    }

    @Test func `an instance is gone when a listing that began after the acceptance does not show it`() {
        var ledger = deleting()
        _ = ledger.accept("i", at: 10)
        #expect(ledger.list([], begun: 9, at: 11) == [])
        #expect(ledger.list([], begun: 10, at: 12) == [])
        #expect(ledger.list([instance("i", .deleting)], begun: 12, at: 13) == [])
        #expect(ledger.list([], begun: 13, at: 14) == [.roomFreed, .deleteObjects([.result(a)])])
        #expect(!ledger.hasNoPendingDeletion)
        ledger.objectsDeleted([.result(a)])
        #expect(ledger.isEmpty)
    }

    @Test func `an instance that is listed as deleted is gone`() {
        var ledger = deleting()
        _ = ledger.accept("i", at: 10)
        #expect(ledger.list([instance("i", .deleted)], at: 12).contains(.roomFreed))
        #expect(ledger.knownInstances.isEmpty)
    }

    @Test func `an instance said not to be there that a listing does not show is gone`() {
        var ledger = deleting()
        #expect(ledger.deletionNotThere("i", at: .seconds(10)) == [])
        #expect(ledger.hasDoubtfulDeletion)
        #expect(ledger.deletedCount == 0)
        #expect(
            ledger.list([], begun: 11, at: 12)
                == [.roomFreed, .deleteObjects([.result(a)]), .tell(a, .released)]
        )
        #expect(!ledger.hasDoubtfulDeletion)
    }

    /// "Not there" is also what a missing permission is answered with.
    @Test func `an instance said not to be there holds its slot until a listing agrees`() {
        var ledger = deleting()
        _ = ledger.deletionNotThere("i", at: .seconds(10))
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.nextListing(.instances, at: .seconds(10)) <= .seconds(12))
        _ = ledger.list([instance("i")], begun: 11, at: 12)
        _ = ledger.deletionNotThere("i", at: .seconds(13))
        _ = ledger.list([], begun: 12, at: 14)
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.list([], begun: 14, at: 15).contains(.tell(a, .released)))
        #expect(ledger.occupiedSlotCount == 0)
    }

    @Test func `a run that starts over waits until a listing agrees that its instance is not there`() {
        var ledger = CloudLedger.running()
        _ = ledger.list([instance("i")], at: 4)
        #expect(ledger.instanceGivenUp(a, at: .seconds(5)).0)
        #expect(ledger.deletionNotThere("i", at: .seconds(6)) == [])
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.list([], begun: 7, at: 8) == [.tell(a, .deletionAccepted("i")), .roomFreed])
        #expect(ledger.occupiedSlotCount == 1)
    }

    @Test func `whoever leaves waits for no listing to let go of a task`() {
        var ledger = deleting()
        _ = ledger.leaving(isSweeping: false, at: .seconds(8))
        #expect(ledger.deletionNotThere("i", at: .seconds(10)) == [.tell(a, .released)])
        #expect(ledger.hasDoubtfulDeletion)
    }

    @Test func `an instance said not to be there that a listing shows is deleted again, and a person told`() {
        var ledger = deleting()
        _ = ledger.deletionNotThere("i", at: .seconds(10))
        #expect(ledger.list([instance("i")], begun: 9, at: 11) == [])
        #expect(
            ledger.list([instance("i")], begun: 11, at: 12)
                == [.deleteInstance("i", because: .doubtful)]
        )
        #expect(!ledger.hasDoubtfulDeletion)
        #expect(!ledger.hasNoPendingDeletion)
        #expect(
            ledger.finish("i", at: 13)
                == [.tell(a, .released), .roomFreed, .deleteObjects([.result(a)])]
        )
    }

    @Test func `refutations are counted in a row, by listings that began after the answer`() {
        var ledger = deleting()
        for round in 1...3 {
            let time = round * 10
            _ = ledger.deletionNotThere("i", at: .seconds(time))
            _ = ledger.list([instance("i")], begun: time - 1, at: time + 1)
            #expect(ledger.refutationCount == round - 1)
            _ = ledger.list([instance("i")], begun: time + 1, at: time + 2)
            #expect(ledger.refutationCount == round)
        }
        _ = ledger.deletionNotThere("i", at: .seconds(40))
        _ = ledger.list([instance("i", .deleting)], begun: 41, at: 42)
        #expect(ledger.refutationCount == 0)
    }

    @Test
    func `an instance that stays although its deletion was accepted is deleted again, and a person told`() {
        var ledger = deleting()
        _ = ledger.accept("i", at: 10)
        #expect(ledger.list([instance("i")], at: 309) == [])
        #expect(
            ledger.instancesListed([instance("i")], begun: .seconds(309), at: .seconds(310))
                == [.deleteInstance("i", because: .stuck)]
        )
        #expect(
            ledger.instancesListed([instance("i")], begun: .seconds(311), at: .seconds(312))
                == [.report(.noDeletionStuck)]
        )
        _ = ledger.accept("i", at: 313)
        #expect(ledger.deletedCount == 2)
        #expect(ledger.list([], at: 315).contains(.roomFreed))
    }

    @Test func `the answer to a deletion that nobody knows of changes nothing`() {
        var ledger = CloudLedger.stocked()
        #expect(ledger.accept("i", at: 2) == [])
        #expect(ledger.deletionNotThere("j", at: .seconds(2)) == [])
        #expect(ledger.isEmpty)
    }

    @Test func `objects whose deletion is ordered are not ordered again, nor taken for an orphan's`() {
        var ledger = CloudLedger.stocked(results: [a], inputs: [a: ["in"]])
        _ = ledger.list([], at: 61)
        #expect(ledger.store([a], inputs: [a: ["in"]], at: 62) == [])
        #expect(ledger.orphanCount == 0)
        ledger.objectsDeleted([.result(a), .input(a, name: "in")])
        #expect(ledger.isEmpty)
    }

    @Test func `what is stored of a task that nobody wants is deleted`() {
        var ledger = deleting()
        #expect(ledger.store([a], inputs: [a: ["in"]], at: 9) == [.deleteObjects([.input(a, name: "in")])])
        _ = ledger.accept("i", at: 10)
        #expect(ledger.list([], begun: 11, at: 12).contains(.deleteObjects([.result(a)])))
    }

    // MARK: - The end of the process

    @Test func `whoever leaves waits for no confirmation`() {
        var ledger = CloudLedger.running()
        _ = ledger.begin(b, at: 4)
        _ = ledger.createAnswered(instance("j", of: b), at: .seconds(5))
        _ = ledger.released(a, isAnswered: true, at: .seconds(6))
        #expect(
            ledger.leaving(isSweeping: false, at: .seconds(7)) == [.deleteInstance("i", because: .stopping)]
        )
        #expect(ledger.nextMoment == nil)
        #expect(
            ledger.released(b, isAnswered: true, at: .seconds(8)) == [
                .deleteInstance("j", because: .answered)
            ]
        )
    }

    @Test func `whoever leaves without sweeping leaves orphans alone`() {
        var ledger = CloudLedger.stocked([instance("i")], results: [b])
        #expect(ledger.leaving(isSweeping: false, at: .seconds(2)) == [])
        #expect(ledger.orphanCount == 2)
    }

    @Test func `a sweep deletes every orphan, known or found later, and what a task waited for`() {
        var ledger = CloudLedger.stocked(slots: 1, [instance("i")], results: [b])
        _ = ledger.queued(b, at: .seconds(1))
        #expect(
            ledger.leaving(isSweeping: true, at: .seconds(2)) == [.deleteInstance("i", because: .stopping)]
        )
        #expect(ledger.unqueued(b, at: .seconds(3)) == [])
        #expect(
            ledger.list([instance("i"), instance("k", of: c)], at: 5) == [
                .deleteInstance("k", because: .unwanted), .deleteObjects([.result(b)]),
            ]
        )
        #expect(
            ledger.store([TaskKey("d")], inputs: [TaskKey("e"): ["in"]], at: 6)
                == [.deleteObjects([.input(TaskKey("e"), name: "in")])]
        )
        #expect(
            ledger.list([instance("i"), instance("k", of: c)], at: 8)
                == [.deleteObjects([.result(TaskKey("d"))])]
        )
    }

    @Test func `who cannot wait deletes results although their instances may store them anew`() {
        var ledger = CloudLedger.stocked([instance("i")])
        _ = ledger.leaving(isSweeping: true, at: .seconds(2))
        #expect(ledger.store([a], inputs: [:], at: 3) == [])
        _ = ledger.accept("i", at: 3)
        #expect(ledger.cannotWait(at: .seconds(4)) == [.deleteObjects([.result(a)])])
        ledger.objectsDeleted([.result(a)])
        #expect(ledger.list([], at: 7) == [.roomFreed, .deleteObjects([.result(a)])])
    }

    /// Once the result of an instance that a stop could not delete was deleted, and the next process failed the task.
    @Test(arguments: [true, false])
    func `who cannot wait leaves the result of an instance whose deletion is not accepted`(
        _ isDenied: Bool
    ) {
        var ledger = CloudLedger.stocked([instance("i")])
        _ = ledger.leaving(isSweeping: true, at: .seconds(2))
        _ = ledger.store([a], inputs: [:], at: 3)
        if isDenied { _ = ledger.deletionNotThere("i", at: .seconds(3)) }
        #expect(ledger.cannotWait(at: .seconds(4)) == [])
        if isDenied {
            #expect(
                ledger.list([instance("i")], begun: 5, at: 6) == [.deleteInstance("i", because: .doubtful)]
            )
        }
        #expect(ledger.remains.instances.map(\.id) == ["i"])
        #expect(ledger.accept("i", at: 7) == [.deleteObjects([.result(a)])])
        #expect(!ledger.hasNoPendingDeletion)
    }

    /// Once a stop had deleted the result, and could not reach the instance, the next process took that for a task that ended
    /// without a result, and failed it.
    @Test func `a result that an abandoned create has led to is deleted after its instance`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        _ = ledger.createAbandoned(a, at: .seconds(3))
        _ = ledger.released(a, isAnswered: false, at: .seconds(4))
        #expect(ledger.store([a], at: 6) == [])
        let unseen = ledger
        let orders = ledger.list([instance("i", .stopped)], at: 8)
        #expect(orders.contains(.deleteInstance("i", because: .abandonedCreate)))
        #expect(!orders.contains(.deleteObjects([.result(a)])))
        #expect(ledger.finish("i", at: 9).contains(.deleteObjects([.result(a)])))
        ledger = unseen
        #expect(!ledger.list([], at: 8).contains(.deleteObjects([.result(a)])))
        #expect(ledger.list([], begun: 124, at: 125).contains(.deleteObjects([.result(a)])))
    }

    // MARK: - When to look

    @Test func `before the first listing the time to list is now, and all objects are wanted`() {
        let ledger = CloudLedger.new()
        for listing in CloudLedger.Listing.allCases {
            #expect(ledger.nextListing(listing, at: .seconds(7)) == .seconds(7))
        }
        #expect(ledger.wantsAllObjects)
    }

    /// When the next listings are due if both begin at `now`.
    private func periods(_ ledger: CloudLedger, at now: Int) -> [Duration] {
        var ledger = ledger
        return CloudLedger.Listing.allCases.map { listing in
            ledger.listingBegan(listing, at: .seconds(now))
            return ledger.nextListing(listing, at: .seconds(now)) - .seconds(now)
        }
    }

    private static let fast: [Duration] = [.seconds(2), .milliseconds(250)]
    private static let slow: [Duration] = [.seconds(30), .seconds(5)]
    private static let idle: [Duration] = [.seconds(3600), .seconds(3600)]

    @Test func `where there is nothing to learn an hour passes between looks`() {
        #expect(periods(.stocked(), at: 1000) == Self.idle)
        var ledger = CloudLedger.stocked()
        _ = ledger.queued(a, at: .seconds(2))
        #expect(periods(ledger, at: 1000) == Self.idle)
    }

    @Test func `what is young is looked at often, what is old seldom`() {
        var ledger = CloudLedger.running()
        #expect(periods(ledger, at: 3) == [.seconds(6), .milliseconds(250)])
        #expect(periods(ledger, at: 93) == [.seconds(30), .milliseconds(17_200)])
        // Together less than one request in 30 seconds.
        #expect(periods(ledger, at: 1000) == [.seconds(180), .seconds(90)])
        ledger.endSuspected(a, at: .seconds(1000))
        #expect(periods(ledger, at: 1000) == Self.fast)
    }

    @Test func `the slow beat goes on as long as anything is there`() {
        #expect(periods(.stocked([instance("i")]), at: 1000) == Self.slow)
        #expect(periods(.stocked(results: [a]), at: 1000) == Self.slow)
        var ledger = deleting()
        #expect(periods(ledger, at: 1000) == Self.slow)
        _ = ledger.accept("i", at: 1000)
        // Only a listing tells that it is gone, and its result waits for that.
        #expect(periods(ledger, at: 1000) == Self.fast)
        _ = ledger.list([], begun: 1001, at: 1002)
        #expect(periods(ledger, at: 2000) == Self.slow)
        ledger.objectsDeleted([.result(a)])
        #expect(periods(ledger, at: 2000) == Self.idle)
    }

    @Test func `an abandoned create is looked for, and a kept result is not`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        _ = ledger.createAbandoned(a, at: .seconds(3))
        _ = ledger.released(a, isAnswered: true, at: .seconds(3))
        #expect(periods(ledger, at: 3) == Self.fast)
        #expect(ledger.wantsAllObjects)
        ledger = .stocked(results: [a])
        _ = ledger.begin(a, at: 2)
        ledger.outcomeKnown(a, at: .seconds(3))
        _ = ledger.released(a, isAnswered: true, at: .seconds(4))
        #expect(periods(ledger, at: 1000) == Self.idle)
    }

    @Test func `payloads are listed for orphans only`() {
        #expect(CloudLedger.stocked(inputs: [a: ["in"]]).wantsAllObjects)
        #expect(!CloudLedger.running().wantsAllObjects)
        #expect(!CloudLedger.stocked().wantsAllObjects)
    }
}
