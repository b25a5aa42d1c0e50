// SPDX-License-Identifier: Apache-2.0

/// The text of `--help`, made from the table of options.
package enum HelpText {
    /// Columns that the text keeps to: the classic terminal.
    private static let width = 80

    /// The whole text, under the name that the program was called by.
    static func text(subcommands: [Subcommand], isReplacement: Bool = false) -> String {
        let replacement = "\(Invocation.replacedProgram) \(ConfigurationFile.managerType)"
        let names = isReplacement ? [replacement] : ["scaler-oci-hpc"]
        var lines = [
            "Runs every task of an OpenGRIS Scaler cluster as one OCI Container Instance.", "", "Usage:",
        ]
        lines += names.flatMap { ["  \($0) [flags] SCHEDULER_ADDRESS", "  \($0) [flags] config.toml"] }
        lines.append(
            isReplacement
                ? "  \(Invocation.replacedProgram) TYPE ...  (other managers: the next such program in PATH)"
                : "  \(replacement) [flags] SCHEDULER_ADDRESS"
        )
        if !subcommands.isEmpty, !isReplacement {
            lines.append("  scaler-oci-hpc SUBCOMMAND [flags]")
            lines += ["", "Subcommands (each has its own --help):"]
            let widest = subcommands.map(\.name.count).max() ?? 0
            lines += subcommands.map {
                "  \($0.name)\(String(repeating: " ", count: widest - $0.name.count + 2))\($0.summary)"
            }
        }
        for group in Option.groups {
            lines += ["", "\(group.title):"]
            for option in group.options { lines += entry(option) }
        }
        lines += closing
        // The examples are of the program under its own name.
        if !isReplacement {
            lines += ["", "Examples:"]
            for (purpose, command) in examples {
                lines += wrapped(purpose, indent: "  ") + broken(command).map { "    \($0)" }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The lines about a subcommand's own options, or those of `Option.table` that it obeys; each ends in a line break.
    package static func describe(_ options: [Option]) -> String {
        options.flatMap(entry).map { $0 + "\n" }.joined()
    }

    private static func entry(_ option: Option) -> [String] {
        ["  \(heading(option))"] + wrapped(option.help + notes(option), indent: "      ")
    }

    private static func heading(_ option: Option) -> String {
        if case .positional = option.role { return option.spelling }
        let short = option.short.map { ", -\($0)" } ?? ""
        return option.spelling + short + (option.placeholder.isEmpty ? "" : " \(option.placeholder)")
    }

    /// ` (default: 100; env: OCI_REGION)`.
    static func notes(_ option: Option) -> String {
        var notes: [String] = []
        if option.isRequired { notes.append("required") }
        if let text = option.defaultText { notes.append("default: \(text)") }
        let variables = option.variables
        if !variables.isEmpty { notes.append("env: \(variables.joined(separator: " or "))") }
        return notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))"
    }

    private static func wrapped(_ text: String, indent: String) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indent.count + line.count + 1 + word.count > width {
                lines.append(indent + line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return lines + [indent + line]
    }

    /// Command lines that a newcomer needs, and what they are for.
    static let examples: [(purpose: String, command: String)] = [
        (
            "Make what tasks need in OCI, the image included, and a config.toml that says so:",
            "scaler-oci-hpc provision --compartment-id OCID --availability-domain AD-1 --subnet-id OCID --build-image"
        ),
        ("Run the managers of that file, beside its scheduler:", "scaler-oci-hpc up config.toml"),
        (
            "Work for a scheduler that runs already, in 20 containers at most:",
            "scaler-oci-hpc -c config.toml --base-concurrency 20 tcp://10.0.0.4:8516"
        ),
    ]

    /// Which of several values counts, and how flags and keys are written.
    static let precedence = """
        A flag wins over the environment, the environment over the file, the file over the default; what is required may \
        come from any of them. Unique beginnings of long flags will do. The file's keys are the long flags, with - or _, \
        under [[worker_manager]] with type = "oci_hpc".
        """

    /// What the program exits with, and why.
    static let exitCodes: [(code: String, meaning: String)] = [
        ("0", "done; of managers, after a stop in order"),
        (
            "1",
            "check: something failed; reap: something was left alone; cleanup: something stays; the answer to a question "
                + "was no"
        ),
        ("2", "wrong command line"),
        ("69", "OCI, or something else that is needed, cannot be used at present"),
        ("73", "a file cannot be read or written"),
        ("75", "managers: a stop left something in the cloud; start again, or reap"),
        ("77", "OCI refuses: the credentials, or for want of a policy"),
        ("78", "wrong configuration, or something that it names cannot be used"),
        ("128+n", "ended by signal n: a subcommand by the first, managers by the second"),
    ]

    /// The exit code that no table can hold.
    static let companionExitCode =
        "up also ends with the code of the program of Scaler's that ended by itself."

    private static var closing: [String] {
        var lines = [""] + wrapped(precedence, indent: "") + ["", "Exit codes:"]
        for (code, meaning) in exitCodes {
            let indent = String(repeating: " ", count: 9)
            let rows = wrapped(meaning, indent: indent)
            lines.append("  \(code)" + rows[0].dropFirst(2 + code.count))
            lines += rows.dropFirst()
        }
        return lines + [companionExitCode]
    }

    /// A command line in lines that a terminal shows whole, which a shell takes as one.
    static func broken(_ command: String) -> [String] {
        var lines: [String] = []
        for word in command.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count < 64 || !word.hasPrefix("--") {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                if !lines.isEmpty { lines[lines.count - 1] += " \\" }
                lines.append(lines.isEmpty ? String(word) : "    \(word)")
            }
        }
        return lines
    }
}

extension Option {
    /// The default for help and reference, or nil when there is none worth showing.
    var defaultText: String? {
        guard !isRequired else { return nil }
        let texts = show(Settings(schedulerAddress: .unset))
        return texts.allSatisfy(\.isEmpty) ? nil : texts.joined(separator: ",")
    }
}

/// The release of this program, here and nowhere else.
package enum Version {
    /// By the rules of semantic versioning.
    package static let text = "0.1.0"
    /// The day of the release, or that on which its last option was written: the date of the manual pages.
    package static let date = "2026-11-30"
}
