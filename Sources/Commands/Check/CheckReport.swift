// SPDX-License-Identifier: Apache-2.0

internal import JSON

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

    /// `failed`, with the parts of its diagnostic.
    static func failed(_ what: String, why: String, remedy: String) -> CheckOutcome {
        .failed(Diagnostic(what, why: why, remedy: remedy))
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
        let name = result.name + String(repeating: " ", count: max(1, 22 - result.name.count))
        switch result.outcome {
        case .passed(let seen): return ["ok    \(name)\(seen)"]
        case .skipped(let reason): return ["skip  \(name)\(reason)"]
        case .warned(let diagnostic): return lines("warn", name, diagnostic)
        case .failed(let diagnostic): return lines("FAIL", name, diagnostic)
        }
    }

    private static func lines(_ mark: String, _ name: String, _ diagnostic: Diagnostic) -> [String] {
        [
            "\(mark)  \(name)\(diagnostic.what)", "      why:    \(diagnostic.why)",
            "      remedy: \(diagnostic.remedy)",
        ]
    }

    /// The last line.
    var summary: String {
        var counts = ["passed": 0, "warned": 0, "failed": 0, "skipped": 0]
        for result in results { counts[Self.word(result.outcome), default: 0] += 1 }
        let parts = ["passed", "warned", "failed", "skipped"].compactMap { word in
            counts[word].flatMap { $0 > 0 ? "\($0) \(word)" : nil }
        }
        return parts.joined(separator: ", ")
    }

    var json: JSON {
        .object(present: [("ok", .bool(isPassed)), ("checks", .array(results.map(Self.json)))])
    }

    private static func json(_ result: CheckResult) -> JSON {
        var members: [(String, JSON?)] = [
            ("name", .string(result.name)), ("phase", .string(result.phase.rawValue)),
            ("outcome", .string(word(result.outcome))),
        ]
        switch result.outcome {
        case .passed(let text), .skipped(let text): members.append(("detail", .string(text)))
        case .warned(let diagnostic), .failed(let diagnostic):
            members += [
                ("what", .string(diagnostic.what)), ("why", .string(diagnostic.why)),
                ("remedy", .string(diagnostic.remedy)),
            ]
        }
        return .object(present: members)
    }

    private static func word(_ outcome: CheckOutcome) -> String {
        switch outcome {
        case .passed: "passed"
        case .warned: "warned"
        case .failed: "failed"
        case .skipped: "skipped"
        }
    }
}
