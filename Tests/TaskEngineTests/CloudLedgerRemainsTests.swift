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

    @Test func `creates without an answer and objects are counted`() {
        var ledger = CloudLedger.stocked(results: [b])
        _ = ledger.begin(a, at: 2)
        _ = ledger.createAbandoned(a, at: .seconds(3))
        _ = ledger.leaving(isSweeping: true, at: .seconds(4))
        #expect(ledger.remains.createCount == 1)
        #expect(ledger.isInDoubt)
        #expect(ledger.remains.objectCount == 1)
        #expect(instancesLeft(ledger) == [])
    }
}
