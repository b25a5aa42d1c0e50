// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import TestSupport
import Testing

@Suite struct LeavingPaceTests {
    /// How long so many deletions take at a pace, if each takes a second.
    private func seconds(_ count: Int, _ pace: LeavingPace) -> Double {
        let rounds = Double((count + pace.parallelCount - 1) / pace.parallelCount)
        return max(rounds, Double(count) / pace.perSecond)
    }

    @Test(arguments: [1, 10, 100, 250, 1000])
    func `deletions of a second end in time, however many there are`(_ count: Int) {
        for timeout in [30, 60, 300] {
            let pace = LeavingPace(instanceCount: count, timeout: .seconds(timeout), usualPerSecond: 20)
            #expect(seconds(count, pace) < Double(timeout))
        }
    }

    @Test func `few instances are deleted as fast as ever`() {
        let pace = LeavingPace(instanceCount: 4, timeout: .seconds(30), usualPerSecond: 20)
        #expect((pace.parallelCount, pace.perSecond) == (4, 20))
        let none = LeavingPace(instanceCount: 0, timeout: .seconds(30), usualPerSecond: 0.5)
        #expect((none.parallelCount, none.perSecond) == (4, 0.5))
    }

    @Test(arguments: UInt64(0)..<200)
    func `whatever is to be done in whatever time, the pace keeps its bounds`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let usual = Double.random(in: 0.001...1000, using: &random)
        let pace = LeavingPace(
            instanceCount: .random(in: 0...10_000_000, using: &random),
            timeout: .milliseconds(Int64.random(in: 1...1_000_000_000, using: &random)),
            usualPerSecond: usual
        )
        #expect((4...64).contains(pace.parallelCount))
        #expect(pace.perSecond >= usual && pace.perSecond <= max(usual, 100))
    }
}
