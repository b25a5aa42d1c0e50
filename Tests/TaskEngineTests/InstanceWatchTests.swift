// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import TestSupport
import Testing

@Suite struct InstanceWatchTests {
    private func watch() -> InstanceWatch {
        InstanceWatch(createTimeout: .seconds(100), jobTimeout: .seconds(1000), createdAt: .seconds(10))
    }

    @Test func `a stop counts only with a listing of results that began after it was seen`() {
        var watch = watch()
        watch.instanceListed(.stopped, started: .seconds(20), now: .seconds(21))
        watch.resultsListed(started: .seconds(20))
        #expect(watch.verdict(at: .seconds(22)) == .open(until: .seconds(1021)))
        watch.resultsListed(started: .seconds(22))
        #expect(watch.verdict(at: .seconds(23)) == .endedWithoutResult)
    }

    @Test func `a result outweighs everything that was learned before`() {
        var watch = watch()
        watch.instanceListed(.stopped, started: .seconds(20), now: .seconds(21))
        watch.resultsListed(started: .seconds(22))
        watch.resultListed()
        #expect(watch.verdict(at: .seconds(5000)) == .resultListed)
    }

    @Test func `a result that vanished leaves the rest of the evidence standing`() {
        var watch = watch()
        watch.resultListed()
        watch.instanceListed(.stopped, started: .seconds(20), now: .seconds(21))
        watch.resultVanished()
        #expect(watch.verdict(at: .seconds(22)) == .open(until: .seconds(1021)))
        watch.resultsListed(started: .seconds(23))
        #expect(watch.verdict(at: .seconds(24)) == .endedWithoutResult)
    }

    @Test func `three listings in a row must miss an instance, and one that shows it starts the count anew`()
    {
        var watch = watch()
        for start in [20, 30] { watch.instanceMissed(started: .seconds(start), now: .seconds(start + 1)) }
        watch.instanceListed(.running, started: .seconds(40), now: .seconds(41))
        for start in [50, 60] { watch.instanceMissed(started: .seconds(start), now: .seconds(start + 1)) }
        watch.resultsListed(started: .seconds(70))
        #expect(watch.verdict(at: .seconds(71)) == .open(until: .seconds(1041)))
        watch.instanceMissed(started: .seconds(80), now: .seconds(81))
        watch.resultsListed(started: .seconds(82))
        #expect(watch.verdict(at: .seconds(83)) == .vanished)
    }

    @Test func `a listing from before the create cannot miss an instance`() {
        var watch = watch()
        for _ in 0..<9 { watch.instanceMissed(started: .seconds(10), now: .seconds(11)) }
        #expect(!watch.isMissed)
    }

    @Test func `an instance that answers by name was not gone`() {
        var watch = watch()
        for start in [20, 30, 40] { watch.instanceMissed(started: .seconds(start), now: .seconds(start)) }
        watch.resultsListed(started: .seconds(50))
        #expect(watch.verdict(at: .seconds(51)) == .vanished)
        watch.foundByName()
        #expect(watch.verdict(at: .seconds(51)) == .open(until: .seconds(110)))
    }

    @Test func `an instance that stays in deletion counts as stopped after a while`() {
        var watch = watch()
        watch.instanceListed(.deleting, started: .seconds(20), now: .seconds(20))
        watch.instanceListed(.deleting, started: .seconds(139), now: .seconds(139))
        watch.resultsListed(started: .seconds(139))
        #expect(watch.verdict(at: .seconds(140)) == .open(until: .seconds(1020)))
        watch.instanceListed(.deleting, started: .seconds(140), now: .seconds(140))
        watch.resultsListed(started: .seconds(141))
        #expect(watch.verdict(at: .seconds(142)) == .endedWithoutResult)
    }

    @Test func `a creation is too long only when somebody looked after the limit`() {
        var watch = watch()
        watch.instanceListed(.creating, started: .seconds(109), now: .seconds(109))
        watch.resultsListed(started: .seconds(109))
        #expect(watch.verdict(at: .seconds(110)) == .open(until: nil))
        watch.instanceListed(.creating, started: .seconds(111), now: .seconds(112))
        #expect(watch.verdict(at: .seconds(113)) == .open(until: nil))
        watch.resultsListed(started: .seconds(112))
        #expect(watch.verdict(at: .seconds(113)) == .outOfTime(.creating))
    }

    @Test func `an instance that vanished before it became active is said to have vanished`() {
        var watch = watch()
        for start in [105, 111] { watch.instanceMissed(started: .seconds(start), now: .seconds(start)) }
        watch.resultsListed(started: .seconds(112))
        #expect(watch.verdict(at: .seconds(109)) == .open(until: .seconds(110)))
        #expect(watch.verdict(at: .seconds(113)) == .open(until: nil))
        watch.instanceMissed(started: .seconds(113), now: .seconds(114))
        watch.resultsListed(started: .seconds(115))
        #expect(watch.verdict(at: .seconds(116)) == .vanished)
    }

    @Test func `the time to run begins when the instance is active, and outages do not end it`() {
        var watch = watch()
        #expect(watch.verdict(at: .seconds(50)) == .open(until: .seconds(110)))
        watch.instanceListed(.running, started: .seconds(60), now: .seconds(61))
        #expect(watch.verdict(at: .seconds(1060)) == .open(until: .seconds(1061)))
        // Nobody could look for an hour.
        #expect(watch.verdict(at: .seconds(5000)) == .open(until: nil))
        watch.resultsListed(started: .seconds(5001))
        #expect(watch.verdict(at: .seconds(5002)) == .outOfTime(.running))
    }

    @Test func `an adopted instance whose time was up long ago gets a look all the same`() {
        var watch = InstanceWatch(
            createTimeout: .seconds(100),
            jobTimeout: .seconds(1000),
            createdAt: .seconds(-9000),
            activeSince: .seconds(-8000)
        )
        #expect(watch.verdict(at: .seconds(1)) == .open(until: nil))
        watch.resultsListed(started: .seconds(1))
        #expect(watch.verdict(at: .seconds(2)) == .outOfTime(.running))
    }

    @Test func `no order of evidence fails a task while nobody has looked since`() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<500 {
            var watch = watch()
            var now = 10
            var lastResults = 0
            for _ in 0..<40 {
                now += Int.random(in: 1...60, using: &random)
                let start = Duration.seconds(now - Int.random(in: 0...5, using: &random))
                switch Int.random(in: 0..<5, using: &random) {
                case 0: watch.instanceListed(.running, started: start, now: .seconds(now))
                case 1: watch.instanceListed(.creating, started: start, now: .seconds(now))
                case 2: watch.instanceMissed(started: start, now: .seconds(now))
                case 3: watch.instanceListed(.stopped, started: start, now: .seconds(now))
                default:
                    watch.resultsListed(started: start)
                    lastResults = now
                }
                switch watch.verdict(at: .seconds(now)) {
                case .open, .resultListed: break
                case .endedWithoutResult, .vanished, .outOfTime: #expect(lastResults > 0)
                }
            }
        }
    }

    @Test func `one that had started when it was asked for by name has the time of a run from then on`() {
        var watch = watch()
        watch.instanceListed(.creating, started: .seconds(111), now: .seconds(112))
        watch.resultsListed(started: .seconds(111))
        #expect(watch.verdict(at: .seconds(112)) == .outOfTime(.creating))
        watch.startedByName(at: .seconds(113))
        #expect(watch.verdict(at: .seconds(113)) == .open(until: .seconds(1113)))
        watch.instanceListed(.creating, started: .seconds(114), now: .seconds(115))
        #expect(watch.verdict(at: .seconds(115)) == .open(until: .seconds(1113)))
    }
}
