// SPDX-License-Identifier: Apache-2.0

import Testing

/// A rule, files that break it, and their twins that keep it.
struct Example: Sendable, CustomTestStringConvertible {
    let rule: Rule
    let what: String
    let breach: [SourceTree.File]
    let clean: [SourceTree.File]

    var testDescription: String { "\(rule.name): \(what)" }

    /// One file, at a place that the rule looks at.
    init(
        _ rule: Rule,
        _ what: String,
        at path: String = "Sources/Transport/Planted.swift",
        breach: String,
        clean: String
    ) {
        self.init(rule, what, breach: [path: breach], clean: [path: clean])
    }

    init(_ rule: Rule, _ what: String, breach: [String: String], clean: [String: String]) {
        self.rule = rule
        self.what = what
        self.breach = Self.files(breach)
        self.clean = Self.files(clean)
    }

    private static func files(_ texts: [String: String]) -> [SourceTree.File] {
        texts.sorted { $0.key < $1.key }.map { path, text in
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            return SourceTree.File(path: path, lines: lines + [""])
        }
    }
}

/// Text of so many lines.
func lines(_ count: Int, of line: String = "// a line") -> String {
    Array(repeating: line, count: count).joined(separator: "\n")
}

/// A declaration whose body makes it so many lines long.
func block(_ head: String, lineCount: Int, end: String = "}", indentation: Int = 0) -> String {
    let space = String(repeating: " ", count: indentation)
    return [space + head, lines(lineCount - 2, of: space + "    work()"), space + end].joined(separator: "\n")
}
