// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TaskEngine

/// What the ledger makes of listings that may miss an instance which lives.
@Suite struct PartialListingTests {
    private static let task = TaskKey("00")

    private func ledger() -> CloudLedger {
        var ledger = CloudLedger(slotLimit: 2, periods: CloudLedger.Periods(grace: .seconds(600)))
        _ = ledger.objectsListed(results: [], inputs: [:], begun: .zero, at: .zero)
        return ledger
    }

    private func instance(_ phase: InstancePhase = .running) -> ListedInstance {
        ListedInstance(id: "i", task: Self.task, phase: phase, state: "ACTIVE", createdAt: .zero)
    }

    @discardableResult
    private func list(
        _ ledger: inout CloudLedger,
        _ listed: [ListedInstance],
        at second: Int,
        mayMissSome: Bool = true
    ) -> [CloudOrder] {
        let now = Duration.seconds(second)
        return ledger.instancesListed(listed, mayMissSome: mayMissSome, begun: now, at: now)
    }

    @Test func `an orphan counts until all listings of half a minute have missed it`() {
        var ledger = ledger()
        list(&ledger, [instance()], at: 1)
        for (second, listed) in [(2, []), (31, []), (40, [instance()]), (50, []), (79, [])] {
            list(&ledger, listed, at: second)
            #expect(ledger.occupiedSlotCount == 1)
        }
        list(&ledger, [], at: 80)
        #expect(ledger.occupiedSlotCount == 0)
        #expect(ledger.isEmpty)
    }

    @Test func `a listing of everything proves an absence at once`() {
        var ledger = ledger()
        list(&ledger, [instance()], at: 1)
        list(&ledger, [], at: 2)
        #expect(ledger.occupiedSlotCount == 1)
        list(&ledger, [], at: 3, mayMissSome: false)
        #expect(ledger.occupiedSlotCount == 0)
    }

    @Test
    func
        `a deletion that was answered with not there is believed after half a minute, an accepted one at once`()
    {
        for isDoubtful in [true, false] {
            var ledger = ledger()
            list(&ledger, [instance()], at: 1)
            _ = ledger.leaving(isSweeping: true, at: .seconds(2))
            let now = Duration.seconds(3)
            _ = isDoubtful ? ledger.deletionNotThere("i", at: now) : ledger.deletionAccepted("i", at: now)
            for second in [10, 20, 39] {
                let orders = list(&ledger, [], at: second)
                #expect((ledger.taskOfInstance["i"] != nil) == isDoubtful)
                #expect(orders.contains(.roomFreed) == (!isDoubtful && second == 10))
            }
            list(&ledger, [], at: 40)
            #expect(ledger.taskOfInstance["i"] == nil)
        }
    }

    @Test func `a listing that takes many requests is made the less often`() {
        var ledger = ledger()
        list(&ledger, [instance()], at: 0)
        ledger.listingBegan(.instances, at: .seconds(1))
        var pauses: [Duration] = []
        for count in [1, 7, 50] {
            ledger.listingTook(.instances, requestCount: count)
            pauses.append(ledger.nextListing(.instances, at: .seconds(1)) - .seconds(1))
        }
        #expect(pauses == [.seconds(2), .seconds(2), .milliseconds(9800)])
    }
}
