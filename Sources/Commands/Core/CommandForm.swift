// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Glibc

/// The command line of one subcommand: what it takes, and the help that says so.
struct CommandForm: Sendable {
    /// Name, help and flags: its own, then those of the table of settings.
    let subcommand: Subcommand
    /// Own flags that mean a setting, such as `region` for `oci-region`.
    let synonyms: [String: String]
    /// The settings without which it does not work, wherever they come from.
    let required: [String]
    /// Whether one bare word means something.
    let takesWord: Bool

    /// A form from its parts.
    ///
    /// `settings` are the rows of the table that it obeys beside those that say how to get at OCI; nil for neither.
    /// `replacesAction` is true for an action of Scaler's own provisioner: all flags of that are taken then. `takesProgramFlags`
    /// is true where the flags of the program without a subcommand are taken, too.
    init(
        _ name: String,
        _ summary: String,
        details: String = "",
        usage: String = "[flags]",
        own: [Option],
        settings: [String]? = [],
        required: [String] = [],
        synonyms: [String: String] = [:],
        replacesAction: Bool = false,
        takesWord: Bool = false,
        takesProgramFlags: Bool = false
    ) {
        self.required = required
        self.takesWord = takesWord
        let help = Option.invocation("help", short: "h", new: false).help("Print this help, then exit.")
        let options: [Option]
        if let settings {
            let named = (settings + Self.cloudSettings).map { name in
                Option.named(name).isRequired(required.contains(name))
            }
            let rows = own + Self.cloudOptions + named
            options = (replacesAction ? Self.withProvisionerFlags(rows) : rows) + [help]
            self.synonyms = Self.cloudSynonyms.merging(synonyms) { $1 }
        } else {
            options = own + [help]
            self.synonyms = synonyms
        }
        subcommand = Subcommand(
            name,
            summary,
            details: details,
            usage: usage,
            options: options,
            takesProgramFlags: takesProgramFlags
        )
    }

    var name: String { subcommand.name }
    var options: [Option] { subcommand.options }

    var help: String {
        let details = subcommand.details
        var text = "\(subcommand.summary)\n\nUsage:\n  scaler-oci-hpc \(name) \(subcommand.usage)\n"
        if !details.isEmpty { text += "\n\(details)\n" }
        return text + "\nFlags:\n" + HelpText.describe(options)
    }

    static func asksForHelp(_ arguments: [String]) -> Bool {
        arguments.contains("--help") || arguments.contains("-h")
    }

    /// Scans the arguments, among which nothing is but flags, and one word for a form that takes one.
    func scan(_ arguments: [String]) throws(CommandError) -> ArgumentScan {
        let scan = try configured(try ArgumentScan(arguments, options: options))
        if let word = scan.words.dropFirst(takesWord ? 1 : 0).first {
            throw .configuration(.strayWord(word, command: name))
        }
        return try configured(try scan.renaming(synonyms))
    }
}

struct CommandInput: Sendable {
    let form: CommandForm
    let arguments: [String]
    let environment: [String: String]
    var scan: ArgumentScan

    init(_ form: CommandForm, _ arguments: [String], environment: [String: String]) throws(CommandError) {
        self.form = form
        self.arguments = arguments
        self.environment = environment
        scan = try form.scan(arguments)
    }

    func has(_ name: String) -> Bool { scan.has(name) }

    var savedPath: String { text("config") ?? CommandForm.savedConfiguration }
    var prefix: String { text("prefix") ?? CommandForm.defaultPrefix }

    /// The text that a flag was given last; nil without the flag.
    func text(_ name: String) -> String? { scan.texts(name)?.last }

    /// The bare word of a form that takes one.
    var word: String? { form.takesWord ? scan.words.first : nil }

    /// The settings that flags, environment and what provision saved say together.
    func settings(saved: ManagerEntry? = nil, required: [String] = []) throws(CommandError) -> Settings {
        try configured(
            try Invocation.settings(scan: scan, environment: environment, saved: saved, required: required)
        )
    }

    /// The settings of each manager of the configuration file that `config` names.
    func managers(required: [String]) throws(CommandError) -> [Settings] {
        try configured(
            try Invocation.settings(
                scan: scan,
                environment: environment,
                required: required,
                readFile: ConfigurationReader.read
            )
        )
    }

    /// The settings of each manager of the file that `config` names, or of the usual one if it is there.
    func managersOfFile(required: [String]) throws(CommandError) -> [Settings] {
        try withUsualFile().managers(required: required)
    }

    /// The same with the file that provision writes, and the daemon is started with, where it is there and none is named.
    ///
    /// A file that cannot be read is reported by the code that reads it.
    func withUsualFile() throws(CommandError) -> CommandInput {
        let isThere = access(CommandForm.configurationFile, F_OK) == 0 || errno != ENOENT
        if has("config") || !isThere { return self }
        var input = self
        input.scan = try form.scan(["--config", CommandForm.configurationFile] + arguments)
        return input
    }

    /// The whole number that a flag was given, above zero and small enough for any arithmetic; nil without the flag.
    func positiveNumber(_ name: String, unit: String) throws(CommandError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(ungrouped(text)), (1...10_000_000).contains(number) else {
            throw .badFlag(
                name,
                .malformed("'\(text)' is no number of \(unit)", "give a whole number above zero")
            )
        }
        return number
    }

    /// The address that `--scheduler` was given; nil without the flag.
    var schedulerAddress: SchedulerAddress? {
        get throws(CommandError) {
            guard let text = text("scheduler") else { return nil }
            do throws(ValueFault) { return try SchedulerAddress(text) } catch {
                throw .badFlag("scheduler", error)
            }
        }
    }
}

extension CommandForm {
    /// Settings that say how to get at OCI.
    private static let cloudSettings = [
        "oci-region", "oci-profile", "auth-type", "oci-endpoint", "ca-bundle", "max-requests-per-second",
    ]
    /// The short names that the Python provisioner has for some of them.
    private static let cloudSynonyms = ["region": "oci-region", "profile": "oci-profile"]
    private static let cloudOptions: [Option] = [
        .invocation("region", placeholder: "REGION").help("The same as --oci-region."),
        .invocation("profile", placeholder: "NAME").help("The same as --oci-profile."),
    ]

    /// Flags of Scaler's provisioner, whose one parser takes all of them with every action.
    private static let provisionerFlags: KeyValuePairs = [
        "compartment-id": "OCID", "region": "REGION", "prefix": "PREFIX", "profile": "NAME", "image": "IMAGE",
        "availability-domain": "AD", "subnet-id": "OCID", "instance-shape": "SHAPE", "instance-ocpus": "N",
        "instance-memory-gb": "GB", "job-timeout": "MINUTES", "config": "FILE", "env-file": "FILE",
    ]

    /// The rows and those of the provisioner's flags that they lack; its flags have precedence where one is cut short.
    private static func withProvisionerFlags(_ rows: [Option]) -> [Option] {
        let others = provisionerFlags.filter { flag in !rows.contains { $0.name == flag.key } }.map { flag in
            Option.invocation(flag.key, placeholder: flag.value)
                .help("No effect here; accepted, since Scaler's provisioner takes it with every action.")
        }
        return (rows + others).map { row in row.isNew(!provisionerFlags.contains { $0.key == row.name }) }
    }

    static let savedConfiguration = ".scaler_oci_config.json"
    static let savedEnvironment = ".scaler_oci_hpc.env"
    static let configurationFile = "config.toml"
    static let defaultPrefix = "scaler-oci"

    static let configOption = Option.invocation("config", short: "c", placeholder: "FILE")
        .help("What provision saved (default: \(savedConfiguration)).")
    static let prefixOption = Option.invocation("prefix", placeholder: "PREFIX")
        .help("Beginning of the names of all resources (default: \(defaultPrefix)).")
}
