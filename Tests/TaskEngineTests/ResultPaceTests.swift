// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TaskEngine

/// When results are listed, against tasks whose results come so long after their instances were made.
@Suite struct ResultPaceTests {
    /// The moments of all listings until each result was seen, and when each was; all in seconds.
    private func looks(
        _ starts: [Double],
        taking seconds: (_ task: Int) -> Double,
        from begin: Double = 0
    ) -> (looks: [Double], seen: [Double]) {
        var pace = ResultPace()
        var (last, looks, madeCount): (Double, [Double], Int) = (begin, [], 0)
        var seen = starts.map { _ in Double.infinity }
        while seen.contains(.infinity), looks.count < 10_000 {
            let next = pace.next(after: .seconds(last), comingCount: starts.count - madeCount)
                .map { max(last, $0 / .seconds(1)) }
            if madeCount < starts.count, starts[madeCount] <= next ?? .infinity {
                pace.began(at: .seconds(starts[madeCount]))
                madeCount += 1
                continue
            }
            guard let next else { break }
            last = next
            looks.append(next)
            for task in 0..<madeCount where seen[task] == .infinity && starts[task] + seconds(task) <= next {
                seen[task] = next
                pace.ended(began: .seconds(starts[task]), listed: .seconds(next))
            }
        }
        return (looks, seen)
    }

    @Test(arguments: [0.1, 0.3, 1, 3, 4])
    func `the result of one small task is seen soon`(_ seconds: Double) {
        let (_, seen) = looks([0.5], taking: { _ in seconds })
        #expect(seen[0] - 0.5 - seconds <= max(0.25, seconds / 9))
    }

    @Test func `one task of an hour costs ninety listings, and is seen within a fortieth of its time`() {
        let (looks, seen) = looks([1], taking: { _ in 3600 })
        #expect(looks.count < 90)
        #expect(seen[0] <= 3691)
    }

    /// A hundred creates, each second more than before, as a service is called at first.
    private static let hundred = (0..<100).map { Double($0 < 20 ? 0 : 20 + $0) / 80 }

    @Test(arguments: [0.1, 0.5, 1, 2, 3, 3.5, 5])
    func `a hundred tasks that were made together cost ten listings at the most`(_ seconds: Double) {
        let (looks, seen) = looks(Self.hundred, taking: { _ in seconds })
        #expect(looks.count <= 10, "\(looks)")
        for (start, seen) in zip(Self.hundred, seen) { #expect(seen - start - seconds <= 1.3) }
        // Nobody is waited for any more at the end.
        #expect(seen[99] - Self.hundred[99] - seconds <= 0.5, "\(looks)")
    }

    @Test func `tasks of many lengths are seen within a part of their time`() {
        let lengths = (0..<100).map { 1 + Double($0 * 37 % 100) * 0.6 }
        let (looks, seen) = looks(Self.hundred, taking: { lengths[$0] })
        #expect(looks.count <= 50)
        for task in 0..<100 {
            #expect(seen[task] - Self.hundred[task] - lengths[task] <= 1.3 + lengths[task] / 4, "\(task)")
        }
    }

    @Test(arguments: [0, 3600, 7200])
    func `a short task is seen as soon beside a long one, before and after one has ended`(_ age: Double) {
        // Two hours, and two seconds each minute.
        let starts = [0] + (0..<60).map { age + 60 * Double($0) + 1 }
        let (_, seen) = looks(starts, taking: { $0 == 0 ? 7200 : 2 })
        for task in 1...60 { #expect(seen[task] - starts[task] - 2 <= 1.3, "\(task)") }
    }

    @Test func `short tasks are seen although long ones have just ended`() {
        let starts = [0.0, 1, 2, 300] + (0..<30).map { 310 + Double($0) }
        let (_, seen) = looks(starts, taking: { $0 < 3 ? 305 : $0 == 3 ? 3600 : 2 })
        for task in 4..<starts.count { #expect(seen[task] - starts[task] - 2 <= 1.5, "\(task)") }
    }

    @Test func `a task that was given up is not waited for`() {
        var pace = ResultPace()
        #expect(pace.next(after: .seconds(1), comingCount: 5) == nil)
        pace.began(at: .seconds(2))
        #expect(pace.count == 1)
        #expect(pace.next(after: .seconds(1), comingCount: 0) == .milliseconds(2250))
        pace.ended(began: .seconds(2), listed: nil)
        #expect(pace.next(after: .seconds(1), comingCount: 0) == nil)
    }

    @Test func `what is over takes no room for long`() {
        var pace = ResultPace()
        pace.began(at: .zero)
        for second in 1...10_000 {
            pace.began(at: .seconds(second))
            pace.ended(began: .seconds(second - 1), listed: .seconds(second))
        }
        #expect(pace.count == 1)
        #expect(pace.next(after: .seconds(10_000), comingCount: 0) == .seconds(10_001))
    }
}
