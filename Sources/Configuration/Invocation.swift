// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// What the user asked the program to do.
package enum Invocation: Sendable, Equatable {
    /// Run these managers: one, or one for each entry of the file.
    case run([Settings])
    /// Print this text, the settings with their origins, and exit 0.
    case printConfig(String)
    /// Print this text and exit 0.
    case help(String)
    case version
    /// Do this instead; the arguments after its name are untouched.
    case subcommand(name: String, arguments: [String])

    /// The program whose name this one may be called by.
    package static let replacedProgram = "scaler_worker_manager"

    /// The kind of worker manager that a command line of the replaced program asks for, if that is not ours.
    ///
    /// It is the first bare word; the value of a flag that stands apart from it is taken for none only after `--config`,
    /// as the replaced program does.
    package static func foreignManagerType(_ arguments: [String]) -> String? {
        guard programName(arguments) == replacedProgram else { return nil }
        var rest = arguments.dropFirst()
        if rest.contains(ConfigurationFile.managerType) { return nil }
        while let word = rest.popFirst() {
            if word == "-c" || word == "--config" {
                _ = rest.popFirst()
            } else if !ArgumentScan.looksLikeFlag(word) {
                let isName = word.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "_") }
                return isName ? word : nil
            }
        }
        return nil
    }

    private static func programName(_ arguments: [String]) -> String {
        arguments.first.flatMap { $0.split(separator: "/").last.map(String.init) } ?? ""
    }

    /// Reads a command line, the environment and at most one file, and returns what to do.
    ///
    /// `arguments` are all of argv; the first one's last path component decides between the forms
    /// `scaler-oci-hpc [flags] ADDRESS` and `scaler_worker_manager oci_hpc [flags] ADDRESS`. One of `subcommands` may
    /// stand in place of the address, before, between or behind its flags. Throws the first fault found, as one line.
    package static func parse(
        arguments: [String],
        environment: [String: String],
        subcommands: [Subcommand] = [],
        readFile: (String) throws(ConfigurationError) -> [UInt8]
    ) throws(ConfigurationError) -> Invocation {
        let isReplacement = programName(arguments) == replacedProgram
        let rest = Array(arguments.dropFirst())
        if !isReplacement, let index = subcommandIndex(rest, subcommands) {
            var arguments = rest
            return .subcommand(name: arguments.remove(at: index), arguments: arguments)
        }
        let help = HelpText.text(subcommands: subcommands, isReplacement: isReplacement)
        if asksForHelp(rest) { return .help(help) }
        let scan = try ArgumentScan(rest, options: Option.table)
        if scan.has("help") { return .help(help) }
        if scan.has("print-reference") { return .help(MarkdownReference.text) }
        if scan.has("version") { return .version }
        if let page = scan.texts("print-man")?.last { return .help(try ManualPages.text(page, subcommands)) }
        if let shell = scan.texts("print-completions")?.last {
            return .help(try Completions.script(shell, subcommands))
        }
        var words = scan.words
        if isReplacement {
            guard let index = words.firstIndex(of: ConfigurationFile.managerType) else {
                throw .unknownManagerType(words.first)
            }
            words.remove(at: index)
        }
        let (address, file) = try positional(words, configFlag: scan.texts("config")?.last, subcommands)
        let all = try settings(scan, address: address, file: file, environment, readFile)
        return scan.has("print-config") ? .printConfig(ConfigurationReport.text(all)) : .run(all)
    }

    /// Reads settings for a subcommand: the same table, sources and precedence, but only what it needs is required.
    ///
    /// `scan` was made with `Option.table` and the subcommand's own rows; its `--config` names the file. `required`
    /// names the options without which it cannot work, e.g. `compartment-id`. Returns one value, or one for each entry
    /// of the file; throws the first fault found, as one line.
    package static func settings(
        scan: ArgumentScan,
        environment: [String: String],
        required: [String],
        readFile: (String) throws(ConfigurationError) -> [UInt8]
    ) throws(ConfigurationError) -> [Settings] {
        let file = scan.texts("config")?.last
        let options = Option.table.filter { required.contains($0.name) }
        return try settings(scan, address: nil, file: file, environment, required: options, readFile)
    }

    private static func settings(
        _ scan: ArgumentScan,
        address: String?,
        file: String?,
        _ environment: [String: String],
        required: [Option] = Option.table.filter(\.isRequired),
        _ readFile: (String) throws(ConfigurationError) -> [UInt8]
    ) throws(ConfigurationError) -> [Settings] {
        var entries: [ManagerEntry?] = [nil]
        if let path = file { entries = try ConfigurationFile.entries(try readFile(path), path: path) }
        if scan.has("strict-config"), let key = entries.compactMap({ $0?.unknownKeys.first }).first {
            throw .unknownKey(key)
        }
        var all: [Settings] = []
        for entry in entries {
            let settings = try Settings(
                scan: scan,
                address: address,
                environment: environment,
                entry: entry,
                required: required
            )
            // Two managers of one name at one scheduler would take each other's workers for their own.
            let isTwin = all.contains {
                $0.workerManagerID == settings.workerManagerID
                    && $0.schedulerAddress == settings.schedulerAddress
            }
            guard !isTwin else {
                throw .contradiction(
                    "\(printable(file ?? "")):\(entry?.line ?? 1): a second manager is called "
                        + "\(quoted(settings.workerManagerID)) at one scheduler; give each its own worker_manager_id"
                )
            }
            all.append(settings)
        }
        return all
    }

    /// Where the name of a subcommand stands, if one does; what is the value of a flag is none.
    private static func subcommandIndex(_ arguments: [String], _ subcommands: [Subcommand]) -> Int? {
        let flags = arguments.prefix { $0 != "--" }
        return flags.indices.first { index in
            guard let command = subcommands.first(where: { $0.name == flags[index] }) else { return false }
            let options =
                command.options
                + Option.table.filter { row in
                    !command.options.contains { $0.name == row.name }
                }
            guard let flag = flags[..<index].lastIndex(where: ArgumentScan.looksLikeFlag),
                !flags[flag].utf8.contains(UInt8(ascii: "=")),
                let option = try? ArgumentScan.lookUp(flags[flag], among: options)
            else { return true }
            switch option.form {
            case .toggle: return true
            case .greedyList: return false
            case .text, .whole, .decimal, .list, .pairs: return flag + 1 < index
            }
        }
    }

    /// Help is wanted even where the rest of the line is wrong, but not after `--`.
    private static func asksForHelp(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
    }

    /// The bare words of a command line that runs managers: an address, a file, or both.
    private static func positional(
        _ words: [String],
        configFlag: String?,
        _ subcommands: [Subcommand]
    ) throws(ConfigurationError) -> (address: String?, file: String?) {
        var address: String?
        var file = configFlag
        for word in words {
            if word.hasSuffix(".toml"), !SchedulerAddress.hasScheme(word) {
                if let file { throw .severalFiles(file, word) }
                file = word
            } else if !word.utf8.contains(UInt8(ascii: ":")) {
                throw .unknownWord(word, nearest: nearest(to: word, among: subcommands.map(\.name)))
            } else if address != nil {
                throw .unexpectedArgument(word)
            } else {
                address = word
            }
        }
        return (address, file)
    }
}
