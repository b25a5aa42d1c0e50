// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Transport

@Suite struct BudgetTests {
    /// A budget that expectations may change.
    private final class Kept {
        private var budget: Budget

        init(_ budget: Budget) { self.budget = budget }

        var used: Resources { budget.used }
        var waitingCount: Int { budget.waitingCount }
        var lookCount: Int { budget.lookCount }
        func take(_ amount: Resources, for holder: Int) -> Bool { budget.take(amount, for: holder) }
        func giveBack(_ amount: Resources, of holder: Int) { budget.giveBack(amount, of: holder) }
        func settled(_ holder: Int) { budget.settled(holder) }
        var shortTime: Duration { budget.shortTime }
        func timePassed(to now: Duration) { budget.timePassed(to: now) }
        func nextTurn(at now: Duration) -> Int? { budget.nextTurn(at: now) }
        func nextMoment(after now: Duration) -> Duration? { budget.nextMoment(after: now) }

        func refused(
            _ holder: Int,
            need: Resources,
            isRefusedByHost: Bool,
            waitingAs next: Int,
            at now: Duration
        ) {
            budget.refused(
                holder,
                need: need,
                isRefusedByHost: isRefusedByHost,
                waitingAs: next,
                at: now
            )
        }
    }

    private static func budget(memory: Int = 100, disk: Int = 100, files: Int = 10) -> Kept {
        Kept(Budget(limit: Resources(memoryBytes: memory, diskBytes: disk, fileCount: files)))
    }

    private static func memory(_ count: Int) -> Resources { Resources(memoryBytes: count) }
    private static func disk(_ count: Int) -> Resources { Resources(diskBytes: count) }
    private static func file(_ count: Int) -> Resources { Resources(diskBytes: count, fileCount: 1) }

    @Test func `what fits is given, and what does not fit is refused until something comes back`() {
        let budget = Self.budget()
        #expect(budget.take(Self.memory(60), for: 1))
        #expect(budget.take(Self.memory(40), for: 2))
        #expect(!budget.take(Self.memory(1), for: 2))
        #expect(budget.take(Self.disk(100), for: 2))
        budget.giveBack(Self.memory(60), of: 1)
        #expect(budget.take(Self.memory(60), for: 2))
        #expect(budget.used == Resources(memoryBytes: 100, diskBytes: 100))
    }

    @Test func `what is larger than the whole passes alone`() {
        let budget = Self.budget()
        #expect(budget.take(Self.memory(90), for: 1))
        #expect(budget.take(Self.memory(90), for: 1))
        #expect(!budget.take(Self.memory(1), for: 2))
        // Of the disk nobody has anything.
        #expect(budget.take(Self.disk(1000), for: 2))
        #expect(!budget.take(Self.disk(1), for: 1))
    }

    @Test func `those that wait have their turns in order, one at a time, when what they need is there`() {
        let budget = Self.budget()
        #expect(budget.take(Self.disk(80), for: 1))
        budget.refused(2, need: Self.disk(50), isRefusedByHost: false, waitingAs: 3, at: .zero)
        budget.refused(4, need: Self.disk(10), isRefusedByHost: false, waitingAs: 5, at: .zero)
        // The second would fit, and does not overtake the first.
        #expect(budget.nextTurn(at: .zero) == nil)
        #expect(budget.nextMoment(after: .zero) == nil)
        budget.giveBack(Self.disk(80), of: 1)
        #expect(budget.nextTurn(at: .zero) == 3)
        #expect(budget.nextTurn(at: .zero) == nil)
        #expect(budget.take(Self.disk(50), for: 3))
        budget.settled(3)
        #expect(budget.nextTurn(at: .zero) == 5)
        budget.settled(5)
        #expect(budget.waitingCount == 0)
        #expect(budget.nextTurn(at: .zero) == nil)
    }

    @Test func `who comes later gets nothing that others wait for, and everything else`() {
        let budget = Self.budget()
        #expect(budget.take(Self.file(80), for: 1))
        #expect(budget.take(Self.file(10), for: 2))
        // It had something in memory, too, which is not short.
        let need = Resources(memoryBytes: 10, diskBytes: 50, fileCount: 1)
        budget.refused(3, need: need, isRefusedByHost: false, waitingAs: 4, at: .zero)
        #expect(!budget.take(Self.file(1), for: 5))
        #expect(budget.take(Self.memory(1), for: 5))
        // Who was here before goes on, so that it ends.
        #expect(budget.take(Self.disk(1), for: 2))
    }

    @Test func `one whose turn was in vain keeps its place, with the larger need`() {
        let budget = Self.budget()
        budget.refused(1, need: Self.disk(10), isRefusedByHost: false, waitingAs: 2, at: .zero)
        budget.refused(3, need: Self.disk(10), isRefusedByHost: false, waitingAs: 4, at: .zero)
        #expect(budget.take(Self.memory(1), for: 9))
        #expect(budget.nextTurn(at: .zero) == 2)
        #expect(budget.take(Self.disk(60), for: 2))
        budget.giveBack(Self.disk(60), of: 2)
        budget.refused(2, need: Self.disk(120), isRefusedByHost: false, waitingAs: 5, at: .zero)
        // More than the whole, and nobody holds any of it.
        #expect(budget.nextTurn(at: .zero) == 5)
        #expect(budget.take(Self.disk(120), for: 5))
        budget.settled(5)
        #expect(budget.nextTurn(at: .zero) == nil)
        budget.giveBack(Self.disk(120), of: 5)
        #expect(budget.nextTurn(at: .zero) == 4)
    }

    @Test func `what the host refuses is tried after a pause that grows, or when a file is given back`() {
        let budget = Self.budget()
        #expect(budget.take(Self.file(1), for: 9))
        var (now, holder) = (Duration.zero, 1)
        for pause in [1, 2, 4, 8, 10, 10] {
            budget.refused(
                holder,
                need: Self.file(1),
                isRefusedByHost: true,
                waitingAs: holder + 1,
                at: now
            )
            holder += 1
            #expect(budget.nextTurn(at: now) == nil)
            #expect(budget.nextMoment(after: now) == now + .seconds(pause))
            now += .seconds(pause)
            #expect(budget.nextTurn(at: now) == holder)
        }
        budget.refused(holder, need: Self.file(1), isRefusedByHost: true, waitingAs: 20, at: now)
        budget.giveBack(Self.file(1), of: 9)
        #expect(budget.nextTurn(at: now) == 20)
        budget.settled(20)
        // After a success pauses are short again.
        budget.refused(21, need: Self.file(1), isRefusedByHost: true, waitingAs: 22, at: now)
        #expect(budget.nextMoment(after: now) == now + .seconds(1))
    }

    @Test func `one that the host refuses although nobody else holds anything lets the others try first`() {
        let budget = Self.budget()
        budget.refused(1, need: Self.file(90), isRefusedByHost: true, waitingAs: 2, at: .zero)
        budget.refused(3, need: Self.file(5), isRefusedByHost: true, waitingAs: 4, at: .zero)
        #expect(budget.nextTurn(at: .seconds(10)) == 2)
        budget.refused(2, need: Self.file(90), isRefusedByHost: true, waitingAs: 5, at: .seconds(10))
        #expect(budget.nextTurn(at: .seconds(20)) == 4)
        budget.settled(4)
        #expect(budget.nextTurn(at: .seconds(20)) == 5)
    }

    /// Steps that take what they need bit by bit, drawn from a seed: each gets it, whatever the order.
    @Test(arguments: 0..<200) func `everybody gets what it needs in the end`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let budget = Self.budget(memory: 50, disk: 50, files: 4)
        /// What each step still needs, by its present number, in units that it takes one after the other.
        var needs: [Int: [Resources]] = [:]
        var (last, held): (Int, [Int: Resources]) = (0, [:])
        var units: [Int: [Resources]] = [:]
        for _ in 0..<12 {
            last += 1
            let all = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? Self.memory(.random(in: 1...20, using: &random))
                    : Self.file(.random(in: 1...30, using: &random))
            }
            (needs[last], units[last]) = (all, all)
        }
        var (waiting, now): (Set<Int>, Duration) = ([], .zero)
        var stepCount = 0
        while !needs.isEmpty {
            stepCount += 1
            guard stepCount < 20_000 else {
                Issue.record("somebody waits for ever, seed \(seed)")
                return
            }
            now += .milliseconds(100)
            if let next = budget.nextTurn(at: now) { waiting.remove(next) }
            guard
                let holder = needs.keys.filter({ !waiting.contains($0) }).sorted().randomElement(
                    using: &random
                )
            else { continue }
            guard let unit = needs[holder]?.first else {
                // It has all, works for a while, and gives it back.
                budget.settled(holder)
                if let amount = held.removeValue(forKey: holder) { budget.giveBack(amount, of: holder) }
                needs[holder] = nil
                continue
            }
            let isRefusedByHost = Int.random(in: 0..<20, using: &random) == 0
            if !isRefusedByHost, budget.take(unit, for: holder) {
                held[holder] = (held[holder] ?? Resources()) + unit
                needs[holder]?.removeFirst()
                continue
            }
            let amount = held.removeValue(forKey: holder) ?? Resources()
            budget.giveBack(amount, of: holder)
            last += 1
            budget.refused(
                holder,
                need: amount + unit,
                isRefusedByHost: isRefusedByHost,
                waitingAs: last,
                at: now
            )
            (needs[last], units[last]) = (units[holder], units[holder])
            needs[holder] = nil
            waiting.insert(last)
        }
        #expect(budget.used == Resources())
        #expect(budget.waitingCount == 0)
    }

    @Test func `time counts while somebody waits and nobody has a turn`() {
        let budget = Self.budget()
        budget.timePassed(to: .seconds(5))
        #expect(budget.shortTime == .zero)
        budget.refused(1, need: Self.disk(10), isRefusedByHost: true, waitingAs: 2, at: .seconds(5))
        budget.refused(3, need: Self.disk(10), isRefusedByHost: false, waitingAs: 4, at: .seconds(5))
        budget.timePassed(to: .seconds(7))
        #expect(budget.nextTurn(at: .seconds(7)) == 2)
        budget.timePassed(to: .seconds(100))
        #expect(budget.shortTime == .seconds(2))
        budget.settled(2)
        budget.timePassed(to: .seconds(101))
        #expect(budget.shortTime == .seconds(3))
    }

    /// Each change looked at all that wait.
    @Test(arguments: [10, 1000, 3000])
    func `whose turn it is shows at a look at few, however many wait`(_ count: Int) {
        let budget = Self.budget(memory: count + 1)
        #expect(budget.take(Self.memory(count), for: 0))
        for number in 1...count {
            budget.refused(
                number,
                need: Self.memory(2),
                isRefusedByHost: false,
                waitingAs: -number,
                at: .zero
            )
            #expect(budget.nextTurn(at: .zero) == nil)
        }
        // Some give up.
        for number in 1...count where number % 3 != 0 {
            budget.settled(-number)
            #expect(budget.nextTurn(at: .zero) == nil)
        }
        budget.giveBack(Self.memory(count), of: 0)
        for number in 1...count where number % 3 == 0 {
            #expect(budget.nextTurn(at: .zero) == -number)
            budget.settled(-number)
        }
        #expect(budget.waitingCount == 0)
        #expect(budget.lookCount <= 4 * count)
    }
}
