// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import Commands

@Suite struct StepsTests {
    @LoopActor
    private func perform(_ plans: [StepPlan]) async -> [String] {
        var messages = ""
        let console = Console(
            isTerminal: false,
            write: { text, _ in messages += text },
            readAnswer: { nil }
        )
        let steps = Steps(console, count: plans.count)
        do throws(CommandError) {
            for plan in plans {
                try await steps.perform(Step("policy") { () throws(CommandError) in plan }) { _, _ in "sent" }
            }
        } catch {
            messages += "\(error)\n"
        }
        return messages.split(separator: "\n").map(String.init)
    }

    @Test func `a step says how it went, then its details`() async throws {
        try await onLoop {
            var plan = StepPlan.done("exists")
            plan.details = ["  a", "  b"]
            let lines = await perform([.done("accepted"), plan])
            #expect(lines == ["[1/2] policy: accepted", "[2/2] policy: exists", "  a", "  b"])
        }
    }

    @Test func `a refused step fails after its details, and ends the command`() async throws {
        try await onLoop {
            var plan = StepPlan.refuse("it is taken", why: "so it is", remedy: "take another")
            plan.details = ["  a"]
            let lines = await perform([plan, .done("never")])
            #expect(
                lines == ["  a", "[1/2] policy: failed", "it is taken: so it is; take another"]
            )
        }
    }
}
