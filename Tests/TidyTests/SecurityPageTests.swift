// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Every promise of the security page names the tests that hold it.
///
/// A section is a table of promises; `Suite/name` stands for a test in Swift, `test_file/test_name` for one in Python.
@Suite struct SecurityPageTests {
    @Test func `every promise of the security page names tests that exist`() throws {
        let page = try #require(Page.all.first { $0.name == "Security" })
        let promises = Promises(page.text)
        #expect(promises.rows.count > 35)
        #expect(promises.breaches(of: TestNames.present) == [])
    }

    @Test func `a promise without a test, with one that does not exist, or outside of a table is found`() {
        let promises = Promises(
            """
            # Security

            What is verified.

            ## Servers

            | what holds | tests |
            |---|---|
            | All is well. | `ATests/one is one`, `test_a/test_one` |
            | Nothing is wrong, `--really`. | none |
            | It is so. | `ATests/two`, `test_a/test_two`, `BTests/one is one` |

            We are nice.

            ## How it is tested

            As it should be.
            """
        )
        let names = TestNames(
            lines: [
                "ATests": ["    @Test func `one is one`() {"], "test_a": ["    def test_one(self) -> None:"],
            ]
        )
        #expect(
            promises.breaches(of: names) == [
                "We are nice.: stands in no table", "Nothing is wrong, `--really`.: names no test",
                "ATests/two: there is no such test", "test_a/test_two: there is no such test",
                "BTests/one is one: there is no such test",
            ]
        )
    }
}

/// What the security page promises.
private struct Promises {
    /// A promise, and the names of its tests.
    private(set) var rows: [(promise: String, tests: [String])] = []
    /// Lines that stand in no table although their section is one.
    private var strays: [String] = []

    private static let head = ["| what holds | tests |", "|---|---|"]

    init(_ text: String) {
        let sections = text.components(separatedBy: "\n## ").dropFirst()
        for section in sections where !section.hasPrefix("How it is tested\n") {
            for line in section.components(separatedBy: "\n").dropFirst() {
                if line.isEmpty || Self.head.contains(line) { continue }
                let cells = line.components(separatedBy: " | ")
                guard line.hasPrefix("| "), line.hasSuffix(" |"), cells.count == 2 else {
                    strays.append(line)
                    continue
                }
                let spans = cells[1].components(separatedBy: "`").enumerated()
                rows.append(
                    (
                        String(cells[0].dropFirst(2)),
                        spans.filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
                    )
                )
            }
        }
    }

    func breaches(of names: TestNames) -> [String] {
        strays.map { "\($0): stands in no table" }
            + rows.filter(\.tests.isEmpty).map { "\($0.promise): names no test" }
            + rows.flatMap(\.tests).filter { !names.contain($0) }.map { "\($0): there is no such test" }
    }
}

/// The tests that there are.
private struct TestNames {
    /// The lines of the files with tests, under the files' names without their extension.
    let lines: [String: [String]]

    static let present = TestNames(
        lines: Dictionary(
            SourceTree.allFiles.filter { $0.path.hasSuffix("Tests.swift") || $0.name.hasPrefix("test_") }
                .map { ($0.stem, $0.lines) },
            uniquingKeysWith: +
        )
    )

    /// Whether there is a test of this name: `Suite/name` or `test_file/test_name`.
    func contain(_ name: String) -> Bool {
        let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return false }
        return (lines[parts[0]] ?? []).contains {
            $0.contains("`\(parts[1])`(") || $0.contains("def \(parts[1])(")
        }
    }
}
