// SPDX-License-Identifier: Apache-2.0

import OCIServices
import TestSupport
import Testing

@Suite struct RateBucketsTests {
    /// Lets every waiting call through, the clock jumping to each grant; returns the times of the grants.
    private func drain(_ buckets: inout WaitingCalls, from start: Duration) -> [Duration] {
        var now = start
        var times: [Duration] = []
        while let delay = buckets.delayOfNextGrant(now: now) {
            now += delay
            let granted = buckets.takeGranted(now: now)
            guard !granted.isEmpty else {
                // A grant that was announced and does not come would spin for ever.
                Issue.record("nothing granted at \(now)")
                return times
            }
            times += granted.map { _ in now }
        }
        return times
    }

    @Test func `a burst of one second's worth passes at once, the rest at the rate`() {
        var buckets = WaitingCalls(ceiling: 10, now: .zero)
        for _ in 0..<30 { _ = buckets.enqueue(.read) }
        let times = drain(&buckets, from: .zero)
        #expect(times.count == 30)
        #expect(times[9] == .zero)
        #expect(times[10] > .milliseconds(99))
        #expect(times[29] > .milliseconds(1990))
        #expect(times[29] < .milliseconds(2010))
    }

    @Test func `a higher ceiling of writes holds at once, and reads keep theirs`() {
        var buckets = RateBuckets(ceiling: 10, now: .zero)
        buckets.raiseWrites(to: 100, now: .zero)
        #expect((buckets.rate(of: .delete), buckets.rate(of: .read)) == (100, 10))
        buckets.raiseWrites(to: 50, now: .zero)
        #expect(buckets.rate(of: .write) == 100)
    }

    @Test func `a rate that the service brought down is not raised at once`() {
        var buckets = RateBuckets(ceiling: 10, now: .zero)
        _ = buckets.throttled(.delete, now: .zero)
        buckets.raiseWrites(to: 60, now: .zero)
        #expect(buckets.rate(of: .delete) == 5)
        // A minute from nothing to the new ceiling.
        _ = buckets.take(for: [.delete], now: .seconds(10))
        #expect(buckets.rate(of: .delete) == 15)
    }

    @Test func `calls are let through in the order they came`() {
        var buckets = WaitingCalls(ceiling: 1000, now: .zero)
        let tickets = (0..<500).map { _ in buckets.enqueue(.write) }
        #expect(buckets.takeGranted(now: .zero) == tickets)
    }

    @Test func `reads pass while writes are throttled`() {
        var buckets = WaitingCalls(ceiling: 10, now: .zero)
        #expect(buckets.throttled(.write, now: .zero) == 5)
        let write = buckets.enqueue(.write)
        let read = buckets.enqueue(.read)
        #expect(buckets.takeGranted(now: .zero) == [read])
        #expect(buckets.takeGranted(now: .milliseconds(250)) == [write])
    }

    @Test func `a delete waits for at most one create however many wait, and the other way round`() {
        var buckets = WaitingCalls(ceiling: 1, now: .zero)
        let creates = (0..<1000).map { _ in buckets.enqueue(.write) }
        let deletes = (0..<500).map { _ in buckets.enqueue(.delete) }
        var now = Duration.zero
        var granted: [Int] = []
        while granted.count < 1000 {
            now += buckets.delayOfNextGrant(now: now) ?? .zero
            granted += buckets.takeGranted(now: now)
        }
        for (turn, ticket) in granted.enumerated() {
            #expect(ticket == (turn.isMultiple(of: 2) ? deletes[turn / 2] : creates[turn / 2]))
        }
    }

    @Test func `throttling halves once for all the calls under way`() {
        var buckets = WaitingCalls(ceiling: 32, now: .zero)
        #expect(buckets.throttled(.read, now: .zero) == 16)
        for _ in 0..<20 { #expect(buckets.throttled(.read, now: .milliseconds(1500)) == nil) }
        #expect(buckets.rate(of: .read) == 16)
        #expect(buckets.rate(of: .write) == 32)
        #expect(buckets.throttled(.delete, now: .zero) == 16)
        #expect(buckets.rate(of: .write) == 16)
    }

    @Test func `no storm pushes the rate below its floor, and it climbs back to the ceiling in a minute`() {
        var buckets = WaitingCalls(ceiling: 20, now: .zero)
        var now = Duration.zero
        for _ in 0..<100 {
            now += .seconds(2)
            _ = buckets.throttled(.write, now: now)
        }
        #expect(buckets.rate(of: .write) >= 0.5)
        #expect(buckets.rate(of: .write) < 2)
        _ = buckets.takeGranted(now: now + .seconds(30))
        #expect(buckets.rate(of: .write) > 10)
        #expect(buckets.rate(of: .write) < 12)
        _ = buckets.takeGranted(now: now + .seconds(60))
        #expect(buckets.rate(of: .write) == 20)
    }

    @Test func `after a 429 what was saved up is gone`() {
        var buckets = WaitingCalls(ceiling: 10, now: .zero)
        _ = buckets.throttled(.read, now: .zero)
        for _ in 0..<10 { _ = buckets.enqueue(.read) }
        #expect(buckets.takeGranted(now: .zero).isEmpty)
        #expect(drain(&buckets, from: .zero).allSatisfy { $0 > .milliseconds(190) })
    }

    @Test func `a withdrawn call is not let through and holds nobody up`() {
        var buckets = WaitingCalls(ceiling: 1, now: .zero)
        let first = buckets.enqueue(.delete)
        let second = buckets.enqueue(.delete)
        buckets.withdraw(first, from: .delete)
        #expect(buckets.takeGranted(now: .zero) == [second])
        #expect(buckets.delayOfNextGrant(now: .zero) == nil)
    }

    @Test func `a ceiling below one a second still lets calls through`() {
        var buckets = WaitingCalls(ceiling: 0.25, now: .zero)
        for _ in 0..<3 { _ = buckets.enqueue(.write) }
        let times = drain(&buckets, from: .zero)
        #expect(times.count == 3)
        #expect(times[0] == .zero)
        #expect(times[2] > .milliseconds(7990))
    }

    /// The service admits 8 a second and refuses the rest; whatever the seed, we settle near 8.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func `the rate hovers below what the service bears`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var buckets = WaitingCalls(ceiling: 64, now: .zero)
        var now = Duration.zero
        var allowance = 8.0
        var admitted = 0
        var refused = 0
        for _ in 0..<200 { _ = buckets.enqueue(.write) }
        while now < .seconds(600) {
            let step = (buckets.delayOfNextGrant(now: now) ?? .zero) + .microseconds(1)
            now += step
            allowance = min(8, allowance + Double(step / .microseconds(1)) * 8e-6)
            for _ in buckets.takeGranted(now: now) {
                _ = buckets.enqueue(.write)
                if allowance >= 1 {
                    allowance -= 1
                    admitted += 1
                } else {
                    refused += 1
                    let latency = Duration.milliseconds(Int.random(in: 0...300, using: &random))
                    _ = buckets.throttled(.write, now: now + latency)
                }
            }
        }
        #expect(admitted > 600 * 5, "seed \(seed): \(admitted)")
        #expect(refused < admitted / 5, "seed \(seed): \(refused) refused of \(admitted)")
    }
}

/// Calls, by number, that wait in the lanes of one service's buckets.
private struct WaitingCalls {
    private var buckets: RateBuckets
    private var queues: [RateBuckets.Lane: [Int]] = [:]
    private var lastNumber = 0

    init(ceiling: Double, now: Duration) {
        buckets = RateBuckets(ceiling: ceiling, now: now)
    }

    private var waiting: Set<RateBuckets.Lane> {
        Set(queues.filter { !$0.value.isEmpty }.keys)
    }

    mutating func enqueue(_ lane: RateBuckets.Lane) -> Int {
        lastNumber += 1
        queues[lane, default: []].append(lastNumber)
        return lastNumber
    }

    mutating func withdraw(_ call: Int, from lane: RateBuckets.Lane) {
        queues[lane, default: []].removeAll { $0 == call }
    }

    mutating func takeGranted(now: Duration) -> [Int] {
        var granted: [Int] = []
        while let lane = buckets.take(for: waiting, now: now) {
            granted.append(queues[lane, default: []].removeFirst())
        }
        return granted
    }

    func delayOfNextGrant(now: Duration) -> Duration? {
        buckets.delayOfNextToken(for: waiting, now: now)
    }

    mutating func throttled(_ lane: RateBuckets.Lane, now: Duration) -> Double? {
        buckets.throttled(lane, now: now)
    }

    func rate(of lane: RateBuckets.Lane) -> Double { buckets.rate(of: lane) }
}
