// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIServices

/// One step of a command that changes the cloud: what it is about, and what there is to do.
struct Step {
    typealias Plan = @LoopActor () async throws(CommandError) -> StepPlan

    let title: String
    /// Looks what is there, compares it with what is wanted, and returns what follows.
    let plan: Plan

    init(_ title: String, plan: @escaping Plan) {
        self.title = title
        self.plan = plan
    }

    /// A step that sends nothing.
    init(_ title: String, done look: @escaping Lookup) {
        self.init(title) { () async throws(CommandError) in .done(try await look()) }
    }
}

struct StepPlan: Sendable {
    enum Action: Sendable {
        /// Nothing is to be sent; the text says how it stands.
        case done(String)
        case send(Change)
        /// What is there must not be changed.
        case refuse(Diagnostic)
    }

    let action: Action
    /// Lines to say below the step's own.
    var details: [String] = []

    static func done(_ outcome: String) -> StepPlan { StepPlan(action: .done(outcome)) }
    static func send(
        _ verb: Change.Verb,
        _ request: ServiceRequest,
        by calls: ServiceCalls,
        _ effect: Change.Effect = .resources
    ) -> StepPlan {
        StepPlan(action: .send(Change(verb: verb, request: request, calls: calls, effect: effect)))
    }
    static func refuse(_ what: String, why: String, remedy: String) -> StepPlan {
        StepPlan(action: .refuse(Diagnostic(what, why: why, remedy: remedy)))
    }
}

struct Change: Sendable {
    enum Verb: String, Sendable { case created, changed, removed }
    /// What other services learn only some time after the change.
    enum Effect: Sendable { case resources, permissions }

    let verb: Verb
    let request: ServiceRequest
    /// The calls that take it: IAM has them in the home region alone.
    let calls: ServiceCalls
    let effect: Effect
}

/// Carries out steps, numbers them and shows each with its outcome: `[ 7/12] bucket x: created`.
@LoopActor
final class Steps {
    /// Sends the change of the step with this title; returns what to say of it.
    typealias Send = @LoopActor (_ title: String, Change) async throws(CommandError) -> String

    private let console: Console
    private let count: Int
    private var number = 1

    init(_ console: Console, count: Int) {
        self.console = console
        self.count = count
    }

    /// Carries out a step, whose change `send` sends; an error is shown as the step's outcome and thrown.
    func perform(_ step: Step, send: Send) async throws(CommandError) {
        console.begin(line(step.title))
        do throws(CommandError) {
            let plan = try await step.plan()
            defer { for detail in plan.details { console.say(detail) } }
            let outcome: String
            switch plan.action {
            case .done(let text): outcome = text
            case .send(let change): outcome = try await send(step.title, change)
            case .refuse(let diagnostic): throw .unusable(diagnostic)
            }
            console.finish("\(line(step.title)): \(outcome)")
            number += 1
        } catch {
            console.finish("\(line(step.title)): failed")
            throw error
        }
    }

    private func line(_ title: String) -> String {
        let digits = String(count).count
        let shown = String(repeating: " ", count: max(0, digits - String(number).count)) + String(number)
        return "[\(shown)/\(count)] \(title)"
    }
}
