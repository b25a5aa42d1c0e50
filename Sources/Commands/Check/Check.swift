// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import JSON
internal import OCIServices

/// One check as a value: its name in the report, the checks it needs, and the function that makes it.
struct Check {
    typealias Look = @LoopActor () async throws(CommandError) -> CheckOutcome

    let name: String
    /// The checks of the same table that must have passed before this one.
    let needs: [Need]
    let run: Look

    init(_ name: String, needs: Need..., run: @escaping Look) {
        self.name = name
        self.needs = needs
        self.run = run
    }

    init(_ name: String, needs: Need..., passing look: @escaping Lookup) {
        self.name = name
        self.needs = needs
        run = { () async throws(CommandError) in .passed(try await look()) }
    }

    /// The same check, or one that is skipped where settings that it looks at were not given.
    func given(_ names: String..., in settings: Settings) -> Check {
        let missing = names.filter { settings.origins[$0] == nil }.map { "--\($0)" }
        if missing.isEmpty { return self }
        return Check(name) { .skipped("give \(missing.joined(separator: ", "))") }
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
    } catch {
        if case .cancelled = error { throw .cancelled }
        throw .unusable(Diagnostic(what, error))
    }
}

@LoopActor
final class CheckRun {
    let order: CheckOrder
    private let console: Console
    private(set) var report = CheckReport()

    init(_ order: CheckOrder, _ console: Console) {
        self.order = order
        self.console = console
    }

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
            let result = CheckResult(name: check.name, phase: phase, outcome: outcome)
            report.add(result)
            if order.isJSON { continue }
            console.clear()
            for line in CheckReport.lines(result) { console.put(line) }
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
}

/// A part of the check that can be asked for alone.
enum CheckPhase: String, CaseIterable, Sendable {
    /// Credentials, and that what is named exists and fits.
    case connectivity
    /// The bucket and its rules.
    case storage
    /// A container that runs a task.
    case lifecycle
    /// Tasks submitted to a scheduler.
    case scheduler
}

enum CheckOutcome: Sendable, Equatable {
    /// As it should be; what was seen.
    case passed(String)
    /// It works, and something about it should be changed.
    case warned(Diagnostic)
    /// Tasks cannot run like this.
    case failed(Diagnostic)
    /// Not looked at, and why.
    case skipped(String)

    static func failed(_ what: String, why: String, remedy: String) -> CheckOutcome {
        .failed(Diagnostic(what, why: why, remedy: remedy))
    }

    /// The word for programs, the mark for people (`ok` with the blanks that align it), and what there is to say.
    fileprivate var parts: (word: String, mark: String, text: String, diagnostic: Diagnostic?) {
        switch self {
        case .passed(let seen): ("passed", "ok  ", seen, nil)
        case .warned(let diagnostic): ("warned", "warn", diagnostic.what, diagnostic)
        case .failed(let diagnostic): ("failed", "FAIL", diagnostic.what, diagnostic)
        case .skipped(let reason): ("skipped", "skip", reason, nil)
        }
    }
}

struct CheckResult: Sendable, Equatable {
    /// A word to look up in the documentation, such as `bucket-lifecycle`.
    let name: String
    let phase: CheckPhase
    let outcome: CheckOutcome
}

struct CheckReport: Sendable, Equatable {
    private(set) var results: [CheckResult] = []

    mutating func add(_ result: CheckResult) { results.append(result) }

    var isPassed: Bool { !results.contains { if case .failed = $0.outcome { true } else { false } } }

    /// The lines about one result: the first says what, two more say why and what to do.
    static func lines(_ result: CheckResult) -> [String] {
        let (_, mark, text, diagnostic) = result.outcome.parts
        let name = result.name + String(repeating: " ", count: max(1, 22 - result.name.count))
        guard let diagnostic else { return ["\(mark)  \(name)\(text)"] }
        let (why, remedy) = ("      why:    \(diagnostic.why)", "      remedy: \(diagnostic.remedy)")
        return ["\(mark)  \(name)\(text)", why, remedy]
    }

    var summary: String {
        ["passed", "warned", "failed", "skipped"].compactMap { word in
            let count = results.count { $0.outcome.parts.word == word }
            return count > 0 ? "\(count) \(word)" : nil
        }.joined(separator: ", ")
    }

    var json: JSON {
        .object(present: [("ok", .bool(isPassed)), ("checks", .array(results.map(Self.json)))])
    }

    private static func json(_ result: CheckResult) -> JSON {
        let (word, _, text, diagnostic) = result.outcome.parts
        return .object(present: [
            ("name", .string(result.name)), ("phase", .string(result.phase.rawValue)),
            ("outcome", .string(word)), (diagnostic == nil ? "detail" : "what", .string(text)),
            ("why", diagnostic.map { .string($0.why) }), ("remedy", diagnostic.map { .string($0.remedy) }),
        ])
    }
}
