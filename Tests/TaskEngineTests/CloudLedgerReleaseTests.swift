// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

/// What becomes of everything when runs let go of their tasks, and when these are sent again.
@Suite struct CloudLedgerReleaseTests {
    /// A run of `a` that has its result.
    private func finished() -> CloudLedger {
        var ledger = CloudLedger.running()
        ledger.willStore(input: "in", of: a, at: .seconds(3))
        _ = ledger.store([a], at: 5)
        ledger.outcomeKnown(a, at: .seconds(6))
        return ledger
    }

    @Test func `an answered task's result is kept until the answer is confirmed, then deleted`() {
        var ledger = finished()
        #expect(
            ledger.released(a, isAnswered: true, at: .seconds(7))
                == [.deleteObjects([.input(a, name: "in")]), .deleteInstance("i", because: .answered)]
        )
        #expect(ledger.accept("i", at: 8) == [.tell(a, .released)])
        #expect(ledger.list([], begun: 9, at: 10) == [.roomFreed])
        #expect(ledger.store([a], at: 11) == [])
        #expect(ledger.timePassed(at: .seconds(21)) == [])
        #expect(ledger.answerConfirmed(a, at: .seconds(21)) == [.deleteObjects([.result(a)])])
        ledger.objectsDeleted([.result(a), .input(a, name: "in")])
        #expect(ledger.isEmpty)
    }

    @Test func `a result is deleted once its answer is confirmed, whether or not the instance is gone`() {
        var ledger = finished()
        _ = ledger.released(a, isAnswered: true, at: .seconds(7))
        #expect(ledger.answerConfirmed(a, at: .seconds(7)) == [.deleteObjects([.result(a)])])
        ledger.objectsDeleted([.result(a), .input(a, name: "in")])
        #expect(ledger.finish("i", at: 8) == [.tell(a, .released), .roomFreed])
        #expect(ledger.isEmpty)
    }

    @Test func `an answer that is not confirmed in time leaves an orphan, which expires like any other`() {
        var ledger = finished()
        _ = ledger.released(a, isAnswered: true, at: .seconds(7))
        _ = ledger.finish("i", at: 8)
        #expect(ledger.nextMoment == .seconds(22))
        #expect(ledger.timePassed(at: .seconds(22)) == [])
        #expect(ledger.nextMoment == nil)
        #expect(ledger.orphanCount == 1)
        #expect(ledger.list([], at: 81) == [])
        #expect(ledger.list([], at: 82) == [.report(.orphanExpired(a)), .deleteObjects([.result(a)])])
    }

    @Test func `a failed task's instance is the evidence until the answer is confirmed`() {
        var ledger = CloudLedger.running()
        _ = ledger.list([instance("i", .stopped)], at: 5)
        ledger.outcomeKnown(a, at: .seconds(6))
        #expect(ledger.released(a, isAnswered: true, at: .seconds(7)) == [])
        #expect(ledger.occupiedSlotCount == 1)
        #expect(ledger.list([instance("i", .stopped)], at: 9) == [])
        #expect(ledger.answerConfirmed(a, at: .seconds(10)) == [.deleteInstance("i", because: .confirmed)])
        #expect(
            ledger.finish("i", at: 11) == [.tell(a, .released), .roomFreed, .deleteObjects([.result(a)])]
        )
    }

    @Test func `a failed task's instance is deleted when its time is over`() {
        var ledger = CloudLedger.running()
        _ = ledger.released(a, isAnswered: true, at: .seconds(7))
        #expect(ledger.nextMoment == .seconds(37))
        #expect(ledger.timePassed(at: .seconds(36)) == [])
        #expect(ledger.timePassed(at: .seconds(37)) == [.deleteInstance("i", because: .unconfirmed)])
        #expect(ledger.nextMoment == nil)
        #expect(ledger.accept("i", at: 38) == [.tell(a, .released)])
    }

    @Test func `a failed task's instance outlives the silence of a scheduler that comes back`() {
        var ledger = CloudLedger.running()
        _ = ledger.list([instance("i", .stopped)], at: 5)
        ledger.schedulerAnswers(false, at: .seconds(6))
        _ = ledger.released(a, isAnswered: true, at: .seconds(7))
        #expect(ledger.timePassed(at: .seconds(37)) == [])
        ledger.schedulerAnswers(true, at: .seconds(60))
        #expect(ledger.nextMoment == .seconds(67))
        #expect(ledger.timePassed(at: .seconds(66)) == [])
        // It has answered for seven seconds, which is too short to conclude that it will not ask.
        #expect(ledger.timePassed(at: .seconds(67)) == [])
        #expect(ledger.occupiedSlotCount == 1)
        let (adoption, _) = ledger.begin(a, at: 68)
        #expect(adoption?.instance == instance("i", .stopped))
    }

    @Test func `a failed task's instance is deleted when the scheduler has answered for its time`() {
        var ledger = CloudLedger.running()
        _ = ledger.released(a, isAnswered: true, at: .seconds(7))
        ledger.schedulerAnswers(false, at: .seconds(8))
        ledger.schedulerAnswers(true, at: .seconds(30))
        #expect(ledger.timePassed(at: .seconds(37)) == [])
        #expect(ledger.timePassed(at: .seconds(67)) == [.deleteInstance("i", because: .unconfirmed)])
    }

    @Test func `without a scheduler a failed task's instance holds its slot for the grace time, no longer`() {
        var ledger = CloudLedger.running()
        ledger.schedulerAnswers(false, at: .seconds(6))
        _ = ledger.released(a, isAnswered: true, at: .seconds(7))
        #expect(ledger.timePassed(at: .seconds(37)) == [])
        #expect(ledger.timePassed(at: .seconds(67)) == [.deleteInstance("i", because: .unconfirmed)])
    }

    @Test func `a failed task of which there is nothing is done with at once`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        #expect(ledger.released(a, isAnswered: true, at: .seconds(3)) == [.tell(a, .released)])
        #expect(ledger.isEmpty)
        #expect(ledger.freeSlotCount == 2)
    }

    @Test func `what a failed task's run never had is no evidence and is deleted at once`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        _ = ledger.list([instance("i")], at: 3)
        _ = ledger.createAbandoned(a, at: .seconds(4))
        #expect(
            ledger.released(a, isAnswered: true, at: .seconds(5)) == [
                .deleteInstance("i", because: .answered)
            ]
        )
    }

    @Test func `an answer confirmed before the run lets go leaves nothing to wait for`() {
        var ledger = finished()
        #expect(ledger.answerConfirmed(a, at: .seconds(6)) == [])
        #expect(
            ledger.released(a, isAnswered: true, at: .seconds(7))
                == [.deleteInstance("i", because: .answered), .deleteObjects([.input(a, name: "in")])]
        )
        #expect(ledger.finish("i", at: 8) == [.tell(a, .released), .roomFreed, .deleteObjects([.result(a)])])
    }

    @Test func `a confirmation that comes before there is an answer is another run's`() {
        var ledger = CloudLedger.running()
        _ = ledger.answerConfirmed(a, at: .seconds(4))
        _ = ledger.store([a], at: 5)
        ledger.outcomeKnown(a, at: .seconds(6))
        _ = ledger.released(a, isAnswered: true, at: .seconds(7))
        #expect(ledger.finish("i", at: 8) == [.tell(a, .released), .roomFreed])
        #expect(ledger.knownObjects == [.result(a)])
    }

    @Test func `a cancelled task's payload goes at once, its result when its instance is gone for certain`() {
        var ledger = finished()
        #expect(
            ledger.released(a, isAnswered: false, at: .seconds(7))
                == [.deleteInstance("i", because: .cancelled), .deleteObjects([.input(a, name: "in")])]
        )
        #expect(ledger.store([a], at: 8) == [])
        #expect(ledger.accept("i", at: 9) == [.tell(a, .released)])
        #expect(ledger.list([], begun: 8, at: 10) == [])
        #expect(ledger.list([instance("i", .deleting)], begun: 10, at: 11) == [])
        #expect(ledger.list([], begun: 11, at: 12) == [.roomFreed, .deleteObjects([.result(a)])])
        ledger.objectsDeleted([.result(a), .input(a, name: "in")])
        #expect(ledger.isEmpty)
    }

    @Test func `a create that is answered after its run has let go is deleted, and its result after it`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.begin(a, at: 2)
        _ = ledger.createAbandoned(a, at: .seconds(3))
        _ = ledger.released(a, isAnswered: false, at: .seconds(4))
        #expect(
            ledger.createAnswered(instance("i"), at: .seconds(5)) == [
                .deleteInstance("i", because: .abandonedCreate)
            ]
        )
        #expect(ledger.finish("i", at: 6) == [.roomFreed, .deleteObjects([.result(a)])])
    }

    @Test func `an instance that a listing began too early to show is not taken for gone`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.list([instance("i")], begun: 2, at: 5)
        #expect(ledger.list([], begun: 3, at: 6) == [])
        #expect(ledger.knownInstances == ["i"])
        _ = ledger.list([], begun: 7, at: 8)
        #expect(ledger.isEmpty)
    }

    // MARK: - A task that is sent again

    @Test func `a task sent again while its result is kept is answered from it`() {
        var ledger = finished()
        _ = ledger.released(a, isAnswered: true, at: .seconds(7))
        _ = ledger.accept("i", at: 8)
        let (adoption, _) = ledger.begin(a, at: 9)
        #expect(adoption?.hasResult == true)
        #expect(adoption?.instance == nil)
        #expect(ledger.nextMoment == nil)
        #expect(ledger.timePassed(at: .seconds(100)) == [])
    }

    @Test func `a task sent again after a cancel begins anew, and no late deletion touches its result`() {
        var ledger = CloudLedger.running()
        _ = ledger.released(a, isAnswered: false, at: .seconds(7))
        _ = ledger.accept("i", at: 8)
        let (adoption, orders) = ledger.begin(a, at: 9)
        #expect(adoption == nil)
        #expect(orders == [])
        #expect(ledger.nextGeneration(of: a) == 1)
        #expect(ledger.list([], begun: 10, at: 11) == [.roomFreed])
    }

    @Test func `a task sent again after its orphan expired begins anew`() {
        var ledger = CloudLedger.stocked(results: [a])
        _ = ledger.list([], at: 61)
        #expect(ledger.begin(a, at: 62).0 == nil)
    }
}
