// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import OCIServices

/// `RequestPace` against services that bear so much, in simulated time; more calls wait than ever can be sent.
@Suite struct RequestPaceTests {
    private static let rates = [2.0, 3, 5, 10, 20, 50, 100, 200, 500]

    /// What is chance in one run is not in the mean of several.
    private static func means(
        _ service: Service,
        seconds: Int,
        from start: Int
    ) -> (accepted: Double, refused: Double) {
        let tallies = (1...6).map { Run(service, seconds: seconds, seed: $0).tally(start..<seconds) }
        let sums = tallies.reduce((0, 0)) { ($0.0 + $1.accepted, $0.1 + $1.refused) }
        return (sums.0 / 6, sums.1 / 6)
    }

    @Test(arguments: rates, [Service.Form.savesUp(seconds: 1), .slidingWindow])
    func `nearly all that a service bears is used, and little refused`(_ rate: Double, _ form: Service.Form) {
        let service = Service(form, bears: rate)
        let (accepted, refused) = Self.means(service, seconds: 120, from: 30)
        // Two requests that arrive a little early are too many for a window of two.
        #expect(accepted >= (form == .slidingWindow && rate < 3 ? 0.85 : 0.9) * min(rate, 200))
        #expect(refused <= 0.03)
        let run = Run(service, seconds: 120)
        let usual = run.tally(30..<120).accepted
        for second in stride(from: 30, to: 120, by: 10) {
            #expect(abs(run.tally(second..<second + 10).accepted - usual) <= usual * 0.2)
        }
    }

    @Test(arguments: [
        (2.0, 200.0), (2, 500), (20, 200), (50, 100), (100, 500), (500, 100), (200, 20), (100, 50), (50, 10),
    ])
    func `half a minute after a step nearly all is used again`(_ before: Double, _ after: Double) {
        for form in [Service.Form.savesUp(seconds: 1), .slidingWindow] {
            for stepAt in [40, 53] {
                let service = Service(form, bears: before, then: after, at: Double(stepAt))
                let run = Run(service, seconds: stepAt + 60)
                let (accepted, refused) = run.tally(stepAt + 30..<stepAt + 60)
                #expect(accepted >= 0.9 * min(after, 200), "\(form), step at \(stepAt) s")
                #expect(refused <= 0.1, "\(form), step at \(stepAt) s")
            }
        }
    }

    @Test(arguments: rates)
    func `refusals that are not for the rate cost little`(_ rate: Double) {
        let service = Service(.savesUp(seconds: 1), bears: rate, refusesAnyway: 0.05)
        #expect(Self.means(service, seconds: 240, from: 30).accepted >= 0.85 * min(rate, 200))
        let run = Run(service, seconds: 30)
        // The start, too, is not stopped by them.
        if rate > 200 { #expect(run.tally(8..<30).accepted >= 0.85 * 200) }
    }

    @Test func `until the first refusals the rate doubles every second, but only while calls wait`() {
        var pace = RequestPace(ceiling: 200, now: .zero)
        pace.advance(to: .seconds(60), isWanted: false)
        #expect(pace.perSecond == 20)
        pace.advance(to: .seconds(60), isWanted: true)
        pace.advance(to: .seconds(62), isWanted: false)
        #expect((79.5...80).contains(pace.perSecond))
        pace.advance(to: .seconds(600), isWanted: true)
        #expect(pace.perSecond < 81)
    }

    @Test func `a burst that uses up what was saved counts as calls that wait, and single calls do not`() {
        var pace = RequestPace(ceiling: 200, now: .zero)
        for second in 1...100 {
            #expect(pace.take() != nil)
            pace.advance(to: .seconds(second), isWanted: false)
        }
        #expect(pace.perSecond == 20)
        while pace.take() != nil {}
        #expect((25...28).contains(pace.perSecond))
    }

    /// A create and a deletion for each of 600 tasks, and all of them wait from the start.
    @Test func `a service that refuses nothing gets 1,200 requests within 12 seconds`() {
        let run = Run(Service(.savesUp(seconds: 1), bears: 500), seconds: 13)
        #expect((0..<12).reduce(0) { $0 + run.tally($1..<$1 + 1).accepted } >= 1200)
    }

    @Test func `a service that asks for a pause gets it`() throws {
        var pace = RequestPace(ceiling: 2, now: .zero)
        for _ in 0..<2 {
            let taken = pace.take()
            let pass = try #require(taken)
            _ = pace.refused(pass, retryAfter: .seconds(5), now: .zero)
        }
        pace.advance(to: .milliseconds(4900), isWanted: true)
        #expect(pace.take() == nil)
        #expect(pace.delay(.milliseconds(4900)) == .milliseconds(100))
        pace.advance(to: .seconds(5), isWanted: true)
        #expect(pace.take() != nil)
    }

    @Test func `a ceiling is never passed, and reached in seconds`() {
        let run = Run(Service(.savesUp(seconds: 1), bears: 500), seconds: 12, ceiling: 80)
        // On their way some requests cross the border of a second.
        #expect((0..<10).allSatisfy { run.tally($0..<$0 + 3).accepted <= 81 })
        #expect(run.tally(4..<12).accepted > 79)
    }
}

/// A service that bears so many requests a second.
struct Service {
    enum Form: Hashable, CustomTestStringConvertible {
        /// What is not used is saved up, for so many seconds.
        case savesUp(seconds: Double)
        /// So many within any second.
        case slidingWindow

        var testDescription: String { self == .slidingWindow ? "a sliding window" : "a token bucket" }
    }

    private let form: Form
    private var perSecond: Double
    private var step: (at: Double, perSecond: Double)?
    private let refusedAnyway: Double
    private var tokens: Double
    private var at = 0.0
    private var accepted: [Double] = []
    private var expiredCount = 0

    init(
        _ form: Form,
        bears perSecond: Double,
        then later: Double? = nil,
        at stepAt: Double = 0,
        refusesAnyway: Double = 0
    ) {
        self.form = form
        self.perSecond = perSecond
        step = later.map { (stepAt, $0) }
        refusedAnyway = refusesAnyway
        tokens = perSecond
    }

    mutating func accepts(at now: Double, _ random: inout SeededRandom) -> Bool {
        if let step, step.at <= now { (perSecond, self.step) = (step.perSecond, nil) }
        if refusedAnyway > 0, Double.random(in: 0..<1, using: &random) < refusedAnyway { return false }
        switch form {
        case .savesUp(let seconds):
            tokens = min(perSecond * seconds, tokens + (now - at) * perSecond)
            at = now
            guard tokens > 1 - 1e-9 else { return false }
            tokens -= 1
        case .slidingWindow:
            while expiredCount < accepted.count, accepted[expiredCount] <= now - 1 { expiredCount += 1 }
            guard Double(accepted.count - expiredCount) < perSecond else { return false }
            accepted.append(now)
        }
        return true
    }
}

/// What became of the requests of each second.
private struct Run {
    private var seconds: [(accepted: Int, refused: Int)]
    private var arrivals: [(at: Double, pass: RequestPace.Pass)] = []
    private var answers: [(at: Double, pass: RequestPace.Pass, isAccepted: Bool)] = []

    /// Sends as `RequestPace` says; each way takes 10 to 50 ms.
    init(_ service: Service, seconds count: Int, ceiling: Double = 200, seed: UInt64 = 1) {
        seconds = Array(repeating: (0, 0), count: count + 1)
        var service = service
        var random = SeededRandom(seed: seed)
        var pace = RequestPace(ceiling: ceiling, now: .zero)
        var now = 0.0
        while now < Double(count) {
            pace.advance(to: .seconds(now), isWanted: true)
            let due = now + pace.delay(.seconds(now)).inSeconds
            let next = min(arrivals.map(\.at).min() ?? .infinity, answers.map(\.at).min() ?? .infinity)
            now = max(now, min(due + 1e-6, next))
            pace.advance(to: .seconds(now), isWanted: true)
            for arrival in Self.takeDue(&arrivals, now, \.at) {
                let isAccepted = service.accepts(at: now, &random)
                seconds[Int(now)].accepted += isAccepted ? 1 : 0
                seconds[Int(now)].refused += isAccepted ? 0 : 1
                answers.append((now + .random(in: 0.01...0.05, using: &random), arrival.pass, isAccepted))
            }
            for answer in Self.takeDue(&answers, now, \.at) {
                if answer.isAccepted {
                    pace.accepted(answer.pass, now: .seconds(now))
                } else {
                    _ = pace.refused(answer.pass, retryAfter: .zero, now: .seconds(now))
                }
            }
            while let pass = pace.take() {
                arrivals.append((now + .random(in: 0.01...0.05, using: &random), pass))
            }
        }
    }

    private static func takeDue<One>(_ all: inout [One], _ now: Double, _ at: KeyPath<One, Double>) -> [One] {
        guard let due = all.firstIndex(where: { $0[keyPath: at] <= now }) else { return [] }
        return [all.remove(at: due)]
    }

    /// How many were accepted a second, and which share was refused, in a stretch of time.
    func tally(_ stretch: Range<Int>) -> (accepted: Double, refused: Double) {
        let accepted = seconds[stretch].reduce(0) { $0 + $1.accepted }
        let refused = seconds[stretch].reduce(0) { $0 + $1.refused }
        let share = Double(refused) / Double(max(1, accepted + refused))
        return (Double(accepted) / Double(stretch.count), share)
    }
}
