// SPDX-License-Identifier: Apache-2.0

internal import Configuration

/// The command line of one subcommand: what it takes, and the help that says so.
struct CommandForm: Sendable {
    /// The word to type.
    let name: String
    /// One line for the list of subcommands.
    let summary: String
    /// What else there is to know, for its own help.
    let details: String
    /// What stands behind the name in the first line of the help.
    let usage: String
    /// Rows of its own, and rows of the table of settings.
    let options: [Option]
    /// Own flags that mean a setting, such as `region` for `oci-region`.
    let synonyms: [String: String]

    init(
        _ name: String,
        _ summary: String,
        details: String = "",
        usage: String = "[flags]",
        own: [Option],
        settings: [String],
        synonyms: [String: String] = [:]
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.usage = usage
        options =
            own + settings.map(Option.named) + [
                .invocation("help", short: "h", "Print this help, then exit.")
            ]
        self.synonyms = synonyms
    }

    /// The text of its `--help`.
    var help: String {
        var text = "\(summary)\n\nUsage:\n  scaler-oci-hpc \(name) \(usage)\n"
        if !details.isEmpty { text += "\n\(details)\n" }
        return text + "\nFlags:\n" + HelpText.describe(options)
    }

    /// Scans the arguments; nil when help was asked for.
    func scan(_ arguments: [String], wordCountMax: Int = 0) throws(CommandError) -> ArgumentScan? {
        if arguments.contains("--help") || arguments.contains("-h") { return nil }
        let scan = try configured(try ArgumentScan(arguments, options: options))
        if scan.words.count > wordCountMax {
            throw .configuration(.strayWord(scan.words[wordCountMax], command: name))
        }
        return try configured(try scan.renaming(synonyms))
    }
}

extension CommandForm {
    /// Settings that say how to get at OCI.
    static let cloudSettings = [
        "oci-region", "oci-profile", "auth-type", "oci-endpoint", "ca-bundle", "max-requests-per-second",
    ]
    /// The short names that the Python provisioner has for some of them.
    static let cloudSynonyms = ["region": "oci-region", "profile": "oci-profile"]
    static let cloudOptions: [Option] = [
        .invocation("region", placeholder: "REGION", "The same as --oci-region."),
        .invocation("profile", placeholder: "NAME", "The same as --oci-profile."),
    ]

    static let savedConfiguration = ".scaler_oci_config.json"
    static let savedEnvironment = ".scaler_oci_hpc.env"
    static let configurationFile = "config.toml"
    static let defaultPrefix = "scaler-oci"

    static let configOption = Option.invocation(
        "config",
        short: "c",
        placeholder: "FILE",
        "What provision saved (default: \(savedConfiguration))."
    )
    static let prefixOption = Option.invocation(
        "prefix",
        placeholder: "PREFIX",
        "Beginning of the names of all resources (default: \(defaultPrefix))."
    )
}
