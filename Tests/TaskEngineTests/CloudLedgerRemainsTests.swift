// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@Suite struct CloudLedgerRemainsTests {
    private func instancesLeft(_ ledger: CloudLedger) -> [String] { ledger.remains.instances.map(\.id) }

    @Test func `what stays is what has no accepted deletion, with its task and in order`() {
        var ledger = CloudLedger.stocked(
            [instance("i", of: a), instance("j", of: b), instance("gone", of: c, .deleting)],
            results: [c]
        )
        _ = ledger.leaving(isSweeping: true, at: .seconds(2))
        #expect(ledger.remains.instances.map(\.task) == [a, b])
        #expect(instancesLeft(ledger) == ["i", "j"])
        _ = ledger.accept("i", at: 3)
        #expect(instancesLeft(ledger) == ["j"])
    }

    @Test func `one that is said not to be there may stay`() {
        var ledger = CloudLedger.stocked([instance("i")])
        _ = ledger.leaving(isSweeping: true, at: .seconds(2))
        _ = ledger.deletionNotThere("i", at: .seconds(3))
        #expect(instancesLeft(ledger) == ["i"])
    }

    @Test func `a sweep deletes a result that it finds after another listing, for its instance may be there`()
    {
        var ledger = CloudLedger.stocked()
        _ = ledger.store([a], at: 3)
        #expect(ledger.leaving(isSweeping: true, at: .seconds(4)) == [])
        #expect(ledger.store([a, b], at: 5) == [])
        // Who cannot wait leaves it, too: where the next process finds the instance without it, it fails the task.
        #expect(ledger.cannotWait(at: .seconds(6)) == [])
        #expect(ledger.knownObjects == [.result(a), .result(b)])
        #expect(ledger.isInDoubt)
        #expect(
            ledger.list([instance("i")], at: 7)
                == [.deleteInstance("i", because: .unwanted), .deleteObjects([.result(b)])]
        )
        #expect(!ledger.isInDoubt)
        #expect(ledger.accept("i", at: 8) == [.deleteObjects([.result(a)])])
    }

    @Test func `listings of results that follow each other do not put off the end of that wait`() {
        var ledger = CloudLedger.stocked()
        _ = ledger.leaving(isSweeping: true, at: .seconds(2))
        _ = ledger.store([b], begun: 3, at: 3)
        _ = ledger.store([b], begun: 5, at: 5)
        #expect(ledger.list([], begun: 4, at: 6) == [.deleteObjects([.result(b)])])
    }

    @Test func `a sweep deletes at once a result that was there before the last listing`() {
        var ledger = CloudLedger.stocked(results: [b])
        _ = ledger.list([], begun: 3, at: 4)
        #expect(ledger.leaving(isSweeping: true, at: .seconds(5)) == [.deleteObjects([.result(b)])])
    }

    @Test func `creates without an answer and objects are counted`() {
        var ledger = CloudLedger.stocked(results: [b])
        _ = ledger.begin(a, at: 2)
        _ = ledger.list([], at: 3)
        _ = ledger.createAbandoned(a, at: .seconds(3))
        _ = ledger.leaving(isSweeping: true, at: .seconds(4))
        #expect(ledger.remains.createCount == 1)
        #expect(ledger.isInDoubt)
        #expect(ledger.remains.objectCount == 1)
        #expect(instancesLeft(ledger) == [])
    }
}
