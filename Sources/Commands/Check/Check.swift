// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIServices

/// One check as a value: its name in the report, the checks it needs, and the function that makes it.
struct Check {
    typealias Look = @LoopActor () async throws(CommandError) -> CheckOutcome

    let name: String
    /// The checks of the same table that must have passed before this one.
    let needs: [Need]
    /// Returns the outcome; throws what kept it from one.
    let run: Look

    init(_ name: String, needs: Need..., run: @escaping Look) {
        self.name = name
        self.needs = needs
        self.run = run
    }

    init(_ name: String, skipped reason: String) {
        self.init(name) { .skipped(reason) }
    }

    struct Need: Sendable {
        let check: String
        /// What the report says of a check that lacks it; nil leaves that check out of the report.
        let reason: String?
    }
}

/// Runs a call to the cloud inside a check; `what` says what could not be done if it fails.
@LoopActor
func checking<Value: Sendable>(
    _ what: String,
    _ call: @autoclosure @LoopActor () async throws(OCIError) -> Value
) async throws(CommandError) -> Value {
    do throws(OCIError) {
        return try await call()
    } catch .cancelled {
        throw .cancelled
    } catch {
        throw .unusable(Diagnostic(what, error))
    }
}

/// The report in the making.
@LoopActor
final class CheckRun {
    let order: CheckOrder
    private let console: Console
    private(set) var report = CheckReport()

    init(_ order: CheckOrder, _ console: Console) {
        self.order = order
        self.console = console
    }

    /// Makes the checks of a table in order and writes their outcomes down.
    func perform(_ checks: [Check], _ phase: CheckPhase) async throws(CommandError) {
        var passed: Set<String> = []
        for check in checks {
            let outcome: CheckOutcome
            if let need = check.needs.first(where: { !passed.contains($0.check) }) {
                guard let reason = need.reason else { continue }
                outcome = .skipped(reason)
            } else {
                if !order.isJSON { console.begin("      \(check.name)") }
                outcome = try await self.outcome(of: check)
            }
            if case .passed = outcome { passed.insert(check.name) }
            note(CheckResult(name: check.name, phase: phase, outcome: outcome))
        }
    }

    private func outcome(of check: Check) async throws(CommandError) -> CheckOutcome {
        do throws(CommandError) {
            return try await check.run()
        } catch {
            let what = "what the settings name cannot be looked up"
            switch error {
            case .cancelled, .declined: throw .cancelled
            case .unusable(let diagnostic), .program(let diagnostic): return .failed(diagnostic)
            case .cloud(let error): return .failed(Diagnostic(what, error))
            case .configuration, .file:
                return .failed(Diagnostic(what, why: "\(error)", remedy: "mend the configuration"))
            }
        }
    }

    private func note(_ result: CheckResult) {
        report.add(result)
        if order.isJSON { return }
        console.clear()
        for line in CheckReport.lines(result) { console.put(line) }
    }
}
