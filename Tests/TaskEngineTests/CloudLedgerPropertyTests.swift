// SPDX-License-Identifier: Apache-2.0

import Glibc
import TaskEngine
import TestSupport
import Testing

/// Random sequences of events, judged by a small model of the cloud.
@Suite(.timeLimit(.minutes(2))) struct CloudLedgerPropertyTests {
    /// `SCALER_LEDGER_SEED` repeats one sequence, and prints it.
    private static let chosenSeed = unsafe getenv("SCALER_LEDGER_SEED").flatMap {
        unsafe UInt64(String(cString: $0))
    }

    /// The model after so many random events and everything that it takes to come to rest.
    private static func run(_ seed: UInt64, steps: Int, isTracing: Bool = false) -> CloudModel {
        let model = CloudModel(seed: seed, isTracing: isTracing)
        for _ in 0..<steps where model.violation == nil { model.step() }
        if model.violation == nil { model.comeToRest() }
        return model
    }

    /// The same with as many events as the seed says.
    private static func stepCount(_ seed: UInt64) -> Int { 10 + Int(seed % 8) * 10 }

    /// The shortest beginning of a failing sequence that fails, told event by event.
    private static func story(of seed: UInt64) -> String {
        let steps =
            (0...stepCount(seed)).first { run(seed, steps: $0).violation != nil } ?? stepCount(seed)
        let model = run(seed, steps: steps, isTracing: true)
        return (["SCALER_LEDGER_SEED=\(seed)"] + model.events + [model.violation ?? "no rule is broken"])
            .joined(separator: "\n")
    }

    @Test func `whatever happens, nothing is lost, nothing is left and the limit holds`() {
        if let seed = Self.chosenSeed {
            let story = Self.story(of: seed)
            print(story)
            #expect(story.hasSuffix("no rule is broken"))
            return
        }
        let first = UInt64.random(in: 0 ... .max / 2)
        for seed in first..<first + 200_000 where Self.run(seed, steps: Self.stepCount(seed)).violation != nil
        {
            Issue.record("\(Self.story(of: seed))")
            return
        }
    }

    @Test func `the same events yield the same orders`() {
        let first = UInt64.random(in: 0 ... .max / 2)
        for seed in first..<first + 500 {
            let orders = Self.run(seed, steps: 80).orders
            #expect(orders == Self.run(seed, steps: 80).orders, "seed \(seed)")
        }
    }
}
