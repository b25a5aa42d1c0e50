// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

/// Each order to delete an instance says why.
@Suite struct DeletionReasonTests {
    @Test(arguments: DeletionReason.allCases)
    func `an instance is deleted, and the order says why`(_ reason: DeletionReason) {
        let orders = orders(because: reason)
        #expect(orders.contains(.deleteInstance("i", because: reason)))
        #expect(orders.count { if case .deleteInstance = $0 { true } else { false } } == 1)
    }

    @Test func `no two reasons are told in the same words`() {
        #expect(Set(DeletionReason.allCases.map(\.rawValue)).count == DeletionReason.allCases.count)
    }

    /// The orders of an event that makes the ledger delete `i` for this reason.
    private func orders(because reason: DeletionReason) -> [CloudOrder] {
        var ledger = CloudLedger.running()
        switch reason {
        case .answered:
            _ = ledger.store([a], at: 5)
            ledger.outcomeKnown(a, at: .seconds(6))
            return ledger.released(a, isAnswered: true, at: .seconds(7))
        case .confirmed:
            _ = ledger.released(a, isAnswered: true, at: .seconds(5))
            return ledger.answerConfirmed(a, at: .seconds(6))
        case .unconfirmed:
            _ = ledger.released(a, isAnswered: true, at: .seconds(5))
            return ledger.timePassed(at: .seconds(35))
        case .cancelled: return ledger.released(a, isAnswered: false, at: .seconds(5))
        case .stopping:
            _ = ledger.leaving(isSweeping: false, at: .seconds(5))
            return ledger.released(a, isAnswered: false, at: .seconds(6))
        case .unclaimed:
            ledger = .stocked([instance("i")])
            return ledger.list([instance("i")], at: 61)
        case .hasResult:
            ledger = .stocked([instance("i")])
            return ledger.store([a], at: 5)
        case .notAdopted:
            ledger = .stocked([instance("i", createdAt: 1), instance("j", createdAt: 2)])
            return ledger.begin(a, at: 5).1
        case .otherKey:
            ledger = .stocked()
            return ledger.list([instance("i", isAdoptable: false)], at: 5)
        case .startedOver: return ledger.instanceGivenUp(a, at: .seconds(5)).1
        case .unwanted, .abandonedCreate, .second: return ordersOnSight(because: reason)
        case .doubtful:
            _ = ledger.released(a, isAnswered: false, at: .seconds(5))
            _ = ledger.deletionNotThere("i", at: .seconds(6))
            return ledger.list([instance("i")], begun: 7, at: 8)
        case .stuck:
            _ = ledger.released(a, isAnswered: false, at: .seconds(5))
            _ = ledger.accept("i", at: 6)
            return ledger.list([instance("i", .deleting)], at: 306)
        }
    }

    /// The orders when a listing shows `i`, which nobody knew.
    private func ordersOnSight(because reason: DeletionReason) -> [CloudOrder] {
        var ledger = CloudLedger.running(instance("own"))
        if reason == .second { return ledger.list([instance("own"), instance("i")], at: 5) }
        if reason == .abandonedCreate { _ = ledger.createAbandoned(a, at: .seconds(4)) }
        _ = ledger.released(a, isAnswered: false, at: .seconds(5))
        _ = ledger.accept("own", at: 6)
        return ledger.list([instance("own", .deleting), instance("i")], at: 8)
    }
}
