// SPDX-License-Identifier: Apache-2.0

/// A subcommand that the program has beside running managers, such as `list`: what its help, its manual page and the shells'
/// completions say.
///
/// Its arguments are its own to read, with `ArgumentScan`.
package struct Subcommand: Sendable {
    /// The word to type.
    package let name: String
    /// One line for the help.
    package let summary: String
    /// What it does, in sentences; may be empty.
    package let details: String
    /// What stands behind the name in a command line.
    package let usage: String
    /// The flags that are its own.
    package let options: [Option]
    /// True when it takes every flag of the program itself, too.
    package let takesProgramFlags: Bool

    /// A subcommand from its parts.
    package init(
        _ name: String,
        _ summary: String,
        details: String = "",
        usage: String = "[flags]",
        options: [Option],
        takesProgramFlags: Bool = false
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.usage = usage
        self.options = options
        self.takesProgramFlags = takesProgramFlags
    }

    /// Its own flags, then those of the program that it takes.
    var allFlags: [Option] {
        guard takesProgramFlags else { return options }
        return options + Option.flags.filter { row in !options.contains { $0.name == row.name } }
    }
}

/// What a shell can offer in the place of a value.
struct ValueHint: Equatable {
    enum Path: Equatable { case none, file, directory }

    /// Words to choose among.
    private(set) var words: [String] = []
    /// Whether, and which, paths may stand there, too.
    private(set) var path = Path.none

    /// What the text says that help puts in the value's place: `a|b`, `FILE`, or one of the other names of a kind of value.
    init(placeholder: String, subcommands: [Subcommand]) {
        let parts = placeholder.split(separator: "|").map(String.init)
        for part in parts {
            switch part {
            case "FILE", "PATH", "PATH ...": path = .file
            case "DIRECTORY": path = .directory
            case "SUBCOMMAND": words += subcommands.map(\.name)
            default: if parts.count > 1 { words.append(part) }
            }
        }
    }
}

extension Option {
    /// The rows of the table that have a flag.
    static let flags = table.filter { if case .positional = $0.role { false } else { true } }

    /// True when the flag needs a value.
    var takesValue: Bool { form != .toggle }

    /// The flag in each of its spellings.
    var spellings: [String] { ["--\(name)"] + (short.map { ["-\($0)"] } ?? []) }
}
