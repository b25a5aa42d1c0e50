// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One line of a table: what a peer does, and what must come of it.
struct HostileCase: Sendable {
    /// The table's name, such as `http`.
    let family: String
    /// What is asked of the peer, as the heading above the line says.
    let section: String
    let name: String
    let script: Script
    /// `accepted ...`, `refused ...` or `ended ...`, as the family tells what came of it.
    let verdict: String

    /// Whether the peer is meant to keep us waiting until a deadline.
    var isMeantToStall: Bool { verdict.hasPrefix("ended") }

    /// Reads a table: lines `verdict | name | script` below headings `[section]`; `#` begins a comment, and
    /// `let name = script` gives bytes a name.
    static func table(_ family: String, in folder: String) throws -> [HostileCase] {
        var section = ""
        var names: [String: Script] = [:]
        var cases: [HostileCase] = []
        for line in try lines(of: "\(folder)/\(family).txt") {
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                section = String(line.dropFirst().dropLast())
                continue
            }
            if line.hasPrefix("let ") {
                let parts = line.dropFirst("let ".count).split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { throw Script.Malformed(text: String(line)) }
                names[trimmed(parts[0])] = try Script(String(parts[1].dropFirst()), names)
                continue
            }
            let parts = line.split(separator: "|", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { throw Script.Malformed(text: String(line)) }
            cases.append(
                HostileCase(
                    family: family,
                    section: section,
                    name: trimmed(parts[1]),
                    script: try Script(String(parts[2].dropFirst()), names),
                    verdict: trimmed(parts[0])
                )
            )
        }
        return cases
    }

    private static func lines(of path: String) throws -> [Substring] {
        guard let file = fopen(path, "re") else { throw Script.Malformed(text: "no \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&block, 1, block.count, file), count > 0 { bytes += block[..<count] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
