// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@testable import Tasks

@Suite struct AttemptTests {
    private static let limits = Attempt.Limits(create: .seconds(100), job: .seconds(1000))

    private static func instance(_ phase: InstancePhase, id: String = "i") -> ListedInstance {
        ListedInstance(
            id: id,
            task: TaskKey("01"),
            phase: phase,
            state: "\(phase)",
            createdAt: .seconds(10),
            generation: 3
        )
    }

    private static func attempt(activeSince: Duration? = nil) -> Attempt {
        Attempt(instance(.creating), activeSince: activeSince, limits: limits)
    }

    @Test func `an end is told once, and proven by a listing of results that began after it`() {
        let attempt = Self.attempt()
        var told: [Bool] = []
        let stopped = TaskNews.instanceListed(Self.instance(.stopped), begun: .seconds(19))
        told.append(attempt.weigh(stopped, at: .seconds(20)))
        told.append(attempt.weigh(stopped, at: .seconds(21)))
        #expect(attempt.seen.phase == .stopped)
        #expect(attempt.verdict(at: .seconds(21)) == .open(until: .seconds(1020)))
        // One that began before the end was seen may have missed the result.
        told.append(attempt.weigh(.resultsListed(begun: .seconds(20)), at: .seconds(22)))
        #expect(attempt.verdict(at: .seconds(22)) == .open(until: .seconds(1020)))
        told.append(attempt.weigh(.resultsListed(begun: .seconds(21)), at: .seconds(23)))
        #expect(attempt.verdict(at: .seconds(23)) == .endedWithoutResult)
        #expect(told == [true, false, false, false])
    }

    @Test func `an instance that three listings miss has vanished, unless it answers by name`() {
        let attempt = Self.attempt()
        var told: [Bool] = []
        for second in [20, 21] {
            told.append(attempt.weigh(.instanceMissed(begun: .seconds(second)), at: .seconds(second)))
        }
        #expect(attempt.isMissed)
        told.append(attempt.weigh(.instanceMissed(begun: .seconds(22)), at: .seconds(22)))
        _ = attempt.weigh(.resultsListed(begun: .seconds(23)), at: .seconds(23))
        #expect(told == [false, false, true])
        #expect(attempt.verdict(at: .seconds(23)) == .vanished)
        attempt.foundByName()
        #expect(!attempt.isMissed)
        #expect(attempt.verdict(at: .seconds(23)) == .open(until: .seconds(110)))
    }

    @Test func `that there was room for an instance is told once, when it works, and not when it failed`() {
        let place = Placement(availabilityDomain: "AD-1", subnetID: "subnet", shape: "shape")
        for (phase, told) in [
            (InstancePhase.creating, [nil, nil]), (.failed, [nil, nil]), (.running, [place, nil]),
            (.stopped, [place, nil]),
        ] {
            let attempt = Attempt(
                Self.instance(.creating),
                activeSince: nil,
                limits: Self.limits,
                placement: place
            )
            _ = attempt.weigh(.instanceListed(Self.instance(phase), begun: .seconds(19)), at: .seconds(20))
            #expect([attempt.roomShown(), attempt.roomShown()] == told)
            _ = attempt.weigh(.resultListed, at: .seconds(21))
            #expect(attempt.roomShown() == (told[0] == nil ? place : nil))
        }
    }

    @Test func `a listed result decides, until it turns out not to be there`() {
        let attempt = Self.attempt()
        var told: [Bool] = []
        #expect(!attempt.isResultListed)
        told.append(attempt.weigh(.resultListed, at: .seconds(20)))
        #expect(told == [false])
        #expect(attempt.isResultListed)
        #expect(attempt.verdict(at: .seconds(20)) == .resultListed)
        attempt.resultVanished()
        #expect(attempt.verdict(at: .seconds(20)) == .open(until: .seconds(110)))
        attempt.resultFound()
        #expect(attempt.verdict(at: .seconds(20)) == .resultListed)
    }

    @Test func `another instance of the task is no evidence`() {
        let attempt = Self.attempt()
        var told: [Bool] = []
        let other = TaskNews.instanceListed(Self.instance(.stopped, id: "other"), begun: .seconds(20))
        told.append(attempt.weigh(other, at: .seconds(20)))
        told.append(attempt.weigh(.deletionAccepted("other"), at: .seconds(20)))
        told.append(attempt.weigh(.released, at: .seconds(20)))
        #expect(told == [false, false, false])
        #expect(attempt.seen == Self.instance(.creating))
        #expect(attempt.verdict(at: .seconds(20)) == .open(until: .seconds(110)))
    }

    @Test func `time is up only when somebody looked after the limit`() {
        let creating = Self.attempt()
        _ = creating.weigh(.instanceListed(Self.instance(.creating), begun: .seconds(111)), at: .seconds(111))
        #expect(creating.verdict(at: .seconds(112)) == .open(until: nil))
        _ = creating.weigh(.resultsListed(begun: .seconds(111)), at: .seconds(112))
        #expect(creating.verdict(at: .seconds(112)) == .outOfTime(.creating))

        let running = Self.attempt(activeSince: .seconds(20))
        #expect(running.verdict(at: .seconds(1019)) == .open(until: .seconds(1020)))
        _ = running.weigh(.resultsListed(begun: .seconds(1019)), at: .seconds(1020))
        #expect(running.verdict(at: .seconds(1020)) == .open(until: nil))
        _ = running.weigh(.resultsListed(begun: .seconds(1020)), at: .seconds(1021))
        #expect(running.verdict(at: .seconds(1021)) == .outOfTime(.running))
    }
}
