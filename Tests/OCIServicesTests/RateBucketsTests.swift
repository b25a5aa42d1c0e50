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
        buckets.raiseWrites(to: 100)
        #expect((buckets.rate(of: .delete), buckets.rate(of: .read)) == (100, 10))
        buckets.raiseWrites(to: 50)
        #expect(buckets.rate(of: .write) == 100)
    }

    @Test func `a rate that the service brought down is not raised at once`() {
        var buckets = WaitingCalls(ceiling: 10, now: .zero)
        buckets.refuse(10, .delete, now: .zero)
        let rate = buckets.rate(of: .delete)
        #expect(rate < 8)
        buckets.raiseWrites(to: 60)
        #expect(buckets.rate(of: .delete) == rate)
    }

    @Test func `calls are let through in the order they came`() {
        var buckets = WaitingCalls(ceiling: 1000, now: .zero)
        let tickets = (0..<20).map { _ in buckets.enqueue(.write) }
        #expect(buckets.takeGranted(now: .zero) == tickets)
    }

    @Test func `reads pass while writes are throttled`() {
        var buckets = WaitingCalls(ceiling: 10, now: .zero)
        buckets.refuse(10, .write, now: .zero)
        #expect(buckets.rate(of: .delete) < 8)
        #expect(buckets.rate(of: .list) == 10)
        let write = buckets.enqueue(.write)
        let read = buckets.enqueue(.read)
        #expect(buckets.takeGranted(now: .zero) == [read])
        #expect(buckets.takeGranted(now: .milliseconds(250)) == [write])
    }

    @Test func `a listing waits for at most one other read however many wait`() {
        var buckets = WaitingCalls(ceiling: 1, now: .zero)
        let reads = (0..<1000).map { _ in buckets.enqueue(.read) }
        #expect(buckets.takeGranted(now: .zero) == [reads[0]])
        let listing = buckets.enqueue(.list)
        #expect(buckets.takeGranted(now: .seconds(1)) == [listing])
    }

    @Test func `a pause that a service asks for holds for its lane, and not for ever`() {
        var buckets = WaitingCalls(ceiling: 10, now: .zero)
        buckets.refuse(10, .read, retryAfter: .seconds(3600), now: .zero)
        _ = buckets.enqueue(.list)
        #expect(buckets.takeGranted(now: .seconds(9)).isEmpty)
        #expect(buckets.takeGranted(now: .seconds(10)).count == 1)
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

    @Test func `what was refused of the same burst lowers the rate once`() {
        var few = WaitingCalls(ceiling: 20, now: .zero)
        few.refuse(5, .read, now: .zero)
        var buckets = WaitingCalls(ceiling: 20, now: .zero)
        buckets.refuse(20, .read, now: .zero)
        #expect(buckets.rate(of: .read) < 20)
        #expect(buckets.rate(of: .read) == few.rate(of: .read))
        #expect(buckets.rate(of: .write) == 20)
    }

    @Test func `no storm pushes the rate below its floor, and it climbs back`() {
        var buckets = WaitingCalls(ceiling: 20, now: .zero)
        var now = Duration.zero
        for _ in 0..<200 {
            now += .seconds(2)
            buckets.refuse(40, .write, now: now)
        }
        #expect(buckets.rate(of: .write) >= 0.35)
        #expect(buckets.rate(of: .write) < 2)
        for _ in 0..<2000 { _ = buckets.enqueue(.write) }
        while buckets.rate(of: .write) < 20, now < .seconds(1000) {
            now += buckets.delayOfNextGrant(now: now) ?? .seconds(1000)
            buckets.accept(buckets.takePasses(now: now), now: now)
        }
        #expect(now < .seconds(460))
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
        while let pass = buckets.take(for: waiting, now: now) {
            granted.append(queues[pass.lane, default: []].removeFirst())
        }
        return granted
    }

    mutating func takePasses(now: Duration) -> [RateBuckets.Pass] {
        var passes: [RateBuckets.Pass] = []
        while let pass = buckets.take(for: waiting, now: now) {
            queues[pass.lane, default: []].removeFirst()
            passes.append(pass)
        }
        return passes
    }

    mutating func accept(_ passes: [RateBuckets.Pass], now: Duration) {
        for pass in passes { buckets.accepted(pass, now: now) }
    }

    /// Sends up to so many calls of a lane at once, all of which are refused.
    mutating func refuse(
        _ count: Int,
        _ lane: RateBuckets.Lane,
        retryAfter: Duration = .zero,
        now: Duration
    ) {
        for _ in 0..<count { _ = enqueue(lane) }
        for pass in takePasses(now: now) { _ = buckets.refused(pass, retryAfter: retryAfter, now: now) }
        queues[lane] = []
        _ = buckets.take(for: [], now: now)
    }

    mutating func raiseWrites(to ceiling: Double) { buckets.raiseWrites(to: ceiling) }

    func delayOfNextGrant(now: Duration) -> Duration? {
        buckets.delayOfNextToken(for: waiting, now: now)
    }

    func rate(of lane: RateBuckets.Lane) -> Double { buckets.rate(of: lane) }
}
