// SPDX-License-Identifier: Apache-2.0

/// The manual: man(1) of the program and of each subcommand, man(5) of the file; made from the table of options.
package enum ManualPages {
    private static let program = "scaler-oci-hpc"
    private static let purpose = "run tasks of OpenGRIS Scaler as OCI Container Instances"

    /// The page that `--print-man` names: `program`, `file`, or a subcommand's name.
    static func text(_ page: String, _ subcommands: [Subcommand]) throws(ConfigurationError) -> String {
        switch page {
        case "program": return programPage(subcommands)
        case "file": return filePage()
        default:
            if let subcommand = subcommands.first(where: { $0.name == page }) {
                return subcommandPage(subcommand)
            }
            let known = ["program", "file"] + subcommands.map(\.name)
            throw .noSuchWord(page, flag: "--print-man", known: known)
        }
    }

    private static func programPage(_ subcommands: [Subcommand]) -> String {
        var page = Roff(name: program, section: 1, manual: "User Commands")
        page.heading("NAME")
        page.paragraph("\(program) - \(purpose)")
        page.heading("SYNOPSIS")
        for rest in ["SCHEDULER_ADDRESS", "config.toml"] {
            page.paragraph(formatted: synopsis(program, "[flags] \(rest)"))
        }
        page.paragraph(
            formatted: synopsis("\(Invocation.replacedProgram) oci_hpc", "[flags] SCHEDULER_ADDRESS")
        )
        if !subcommands.isEmpty { page.paragraph(formatted: synopsis(program, "SUBCOMMAND [flags]")) }
        page.heading("DESCRIPTION")
        page.paragraph(
            "A worker manager of OpenGRIS Scaler: it connects to the scheduler, runs every task as one OCI Container "
                + "Instance, and answers. It takes the place of scaler_worker_manager oci_hpc, with the same flags, "
                + "environment variables and file."
        )
        page.paragraph(HelpText.precedence)
        if !subcommands.isEmpty {
            page.heading("SUBCOMMANDS")
            for one in subcommands { page.item(Roff.bold(one.name), one.summary) }
        }
        page.heading("OPTIONS")
        for group in Option.groups {
            page.subheading(group.title)
            for option in group.options { page.item(tag(option), option.help + HelpText.notes(option)) }
        }
        page.exitStatus()
        page.heading("EXAMPLES")
        for (purpose, command) in HelpText.examples {
            page.paragraph(purpose)
            page.literal(HelpText.broken(command))
        }
        page.seeAlso([(program, 5)] + subcommands.map { ("\(program)-\($0.name)", 1) })
        return page.text
    }

    private static func subcommandPage(_ subcommand: Subcommand) -> String {
        let name = "\(program)-\(subcommand.name)"
        var page = Roff(name: name, section: 1, manual: "User Commands")
        page.heading("NAME")
        page.paragraph("\(name) - \(lowercasedFirst(subcommand.summary))")
        page.heading("SYNOPSIS")
        page.paragraph(formatted: synopsis("\(program) \(subcommand.name)", subcommand.usage))
        page.heading("DESCRIPTION")
        page.paragraph(subcommand.details.isEmpty ? subcommand.summary : subcommand.details)
        page.heading("OPTIONS")
        for option in subcommand.options { page.item(tag(option), option.help + HelpText.notes(option)) }
        page.exitStatus()
        page.seeAlso([(program, 1), (program, 5)])
        return page.text
    }

    private static func filePage() -> String {
        var page = Roff(name: program, section: 5, manual: "File Formats")
        page.heading("NAME")
        page.paragraph("\(program) - configuration file of \(program)")
        page.heading("DESCRIPTION")
        page.paragraph(
            "The file is Scaler's own, in TOML 1.0. This program reads its tables [[worker_manager]] with type = "
                + "\"oci_hpc\"; one file may hold several, each with its own worker_manager_id, and one process runs them "
                + "all. Other tables are left alone, but for those of the scheduler and of the object storage server, "
                + "which the subcommand up starts. The keys may be written with - for _."
        )
        page.paragraph(
            "A key that is not known is a warning, or with --strict-config a mistake. Every mistake is one line with the "
                + "number of the file's line, and exit code 78."
        )
        page.heading("KEYS")
        for group in Option.groups where group.options.contains(where: \.isFileKey) {
            page.subheading(group.title)
            for option in group.options where option.isFileKey {
                let kind = "\(option.form.tomlTypes)\(option.form == .text ? choices(option) : "")"
                page.item(
                    "\(Roff.bold(option.key)) = \(Roff.italic(kind))",
                    option.help + HelpText.notes(option)
                )
            }
        }
        page.heading("EXAMPLES")
        page.paragraph("One manager, for a scheduler on the same host:")
        page.literal(exampleFile)
        page.seeAlso([(program, 1)])
        return page.text
    }

    /// The least that a manager needs.
    static let exampleFile = [
        "[[worker_manager]]",
        "type = \"oci_hpc\"",
        "scheduler_address = \"tcp://127.0.0.1:8516\"",
        "worker_manager_id = \"wm-oci-hpc\"",
        "compartment_id = \"ocid1.compartment.oc1..aaaa\"",
        "availability_domain = [\"AD-1\", \"AD-2\"]",
        "subnet_id = \"ocid1.subnet.oc1.iad.aaaa\"",
        "container_image = \"iad.ocir.io/namespace/scaler-oci-worker:latest\"",
        "object_storage_namespace = \"namespace\"",
        "object_storage_bucket = \"scaler-oci-tasks\"",
        "base_concurrency = 20",
    ]

    // MARK: - Pieces

    private static func tag(_ option: Option) -> String {
        if case .positional = option.role { return Roff.italic(option.spelling) }
        let flags = option.spellings.map(Roff.bold).joined(separator: ", ")
        return option.placeholder.isEmpty ? flags : "\(flags) \(Roff.italic(option.placeholder))"
    }

    private static func choices(_ option: Option) -> String {
        let words = ValueHint(placeholder: option.placeholder, subcommands: []).words
        return words.isEmpty ? "" : ": \(option.placeholder)"
    }

    private static func synopsis(_ name: String, _ rest: String) -> String {
        "\(Roff.bold(name)) \(Roff.italic(rest))"
    }

    private static func lowercasedFirst(_ sentence: String) -> String {
        sentence.prefix(1).lowercased() + sentence.dropFirst(1).prefix(sentence.count - 2)
    }
}

extension Roff {
    fileprivate mutating func exitStatus() {
        heading("EXIT STATUS")
        for (code, meaning) in HelpText.exitCodes { item(Self.bold(code), meaning) }
        paragraph(HelpText.companionExitCode)
    }

    fileprivate mutating func seeAlso(_ pages: [(name: String, section: Int)]) {
        heading("SEE ALSO")
        let names = pages.map { "\(Self.bold($0.name))(\($0.section))" }
        paragraph(formatted: names.joined(separator: ", "))
    }
}

extension ValueForm {
    /// The types of TOML that it may have in the file.
    fileprivate var tomlTypes: String {
        switch self {
        case .text: "string"
        case .whole: "integer"
        case .decimal: "number"
        case .toggle: "boolean"
        case .list, .greedyList: "string or array of strings"
        case .pairs: "array of strings or table"
        }
    }
}
