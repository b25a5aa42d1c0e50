// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIServices

/// One check as a value: its name in the report, the checks it needs, and the function that makes it.
struct Check {
    typealias Look = @LoopActor () async throws(CheckFault) -> String

    let name: String
    /// The checks of the same table that must have passed before this one.
    let needs: [Need]
    /// Returns what was seen if it is as it should be.
    let run: Look

    init(_ name: String, needs: Need..., run: @escaping Look) {
        self.name = name
        self.needs = needs
        self.run = run
    }

    /// A check that is left out, and why.
    init(_ name: String, skipped reason: String) {
        self.init(name) { () throws(CheckFault) in throw .skipped(reason) }
    }

    /// A check that others need.
    struct Need: Sendable {
        let check: String
        /// What the report says of a check that lacks it; nil leaves that check out of the report.
        let reason: String?
    }
}

/// How a check that does not pass is told from inside it.
enum CheckFault: Error {
    case warned(Diagnostic)
    case failed(Diagnostic)
    case skipped(String)
    case cancelled
}

extension CheckFault {
    /// The fault that a failed call is.
    init(_ what: String, _ error: OCIError) {
        if case .cancelled = error { self = .cancelled } else { self = .failed(Diagnostic(what, error)) }
    }

    /// The fault that an error of what the subcommands share is.
    init(_ what: String, _ error: CommandError) {
        switch error {
        case .cancelled, .declined: self = .cancelled
        case .cloud(let error): self.init(what, error)
        case .unusable(let diagnostic), .program(let diagnostic): self = .failed(diagnostic)
        case .configuration(let error):
            self = .failed(Diagnostic(what, why: error.description, remedy: "mend the configuration"))
        case .file(let path, let error):
            let why = "\(path): \(error)"
            self = .failed(Diagnostic(what, why: why, remedy: "check the path and its permissions"))
        }
    }
}

/// Runs a call to the cloud inside a check; `what` says what could not be done if it fails.
@LoopActor
func checking<Value: Sendable>(
    _ what: String,
    _ call: @autoclosure @LoopActor () async throws(OCIError) -> Value
) async throws(CheckFault) -> Value {
    do throws(OCIError) { return try await call() } catch { throw CheckFault(what, error) }
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
        do throws(CheckFault) {
            return .passed(try await check.run())
        } catch {
            switch error {
            case .warned(let diagnostic): return .warned(diagnostic)
            case .failed(let diagnostic): return .failed(diagnostic)
            case .skipped(let reason): return .skipped(reason)
            case .cancelled: throw .cancelled
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
