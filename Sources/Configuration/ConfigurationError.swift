// SPDX-License-Identifier: Apache-2.0

/// What is wrong with the command line, the environment or the configuration file.
///
/// Each reads as one line: where, what, and what to do next. Never a value of a secret.
package enum ConfigurationError: Error, Sendable, Equatable {
    case unknownFlag(String, nearest: String?)
    case ambiguousFlag(String, candidates: [String])
    /// A flag that needs a value came without one; `placeholder` names the value.
    case missingValue(flag: String, placeholder: String)
    case unwantedValue(flag: String)
    /// Another word stands behind a secret, which may be a part of it.
    case dividedSecret(flag: String)
    case unexpectedArgument(String)
    case strayWord(String, command: String)
    case unknownWord(String, nearest: String?)
    /// The program was called as `scaler_worker_manager` without, or with another, kind of manager.
    case unknownManagerType(String?)
    case severalFiles(String, String)
    /// A value that does not parse, is out of range or of the wrong type. `setting` is the option's name.
    case badValue(setting: String, origin: SettingOrigin, fault: ValueFault)
    /// The file cannot be read; the reason is the system's.
    case unreadableFile(path: String, reason: String)
    case malformedFile(path: String, line: Int, column: Int, reason: String)
    /// A key that no setting has, where that cannot be left alone.
    case unknownKey(UnknownKey)
    /// The same setting twice in one entry, e.g. as `a_b` and `a-b`.
    case repeatedKey(String, path: String, line: Int, earlierLine: Int)
    /// The file has no `[[worker_manager]]` of type `oci_hpc`; the types it has.
    case noManager(path: String, otherTypes: [String])
    /// Required settings that nobody gave; `path` and `line` name the file's entry, if there is one.
    case missingSettings([String], path: String?, line: Int?)
    case contradiction(String)

    /// The flag takes one of these words only.
    static func noSuchWord(_ word: String, flag: String, known: [String]) -> ConfigurationError {
        let fault = ValueFault.malformed(
            "\(quoted(word)) is no choice",
            "give one of \(known.joined(separator: ", "))"
        )
        return .badValue(setting: flag, origin: .flag(flag), fault: fault)
    }

    /// Whether the command line does not parse, rather than that a value is wrong.
    package var isUsage: Bool {
        switch self {
        case .unknownFlag, .ambiguousFlag, .missingValue, .unwantedValue, .dividedSecret, .unexpectedArgument,
            .strayWord, .unknownWord, .unknownManagerType, .severalFiles:
            true
        case .badValue(_, .flag, let fault), .badValue(_, .argument, let fault): !fault.isOutOfRange
        case .badValue, .unreadableFile, .malformedFile, .unknownKey, .repeatedKey, .noManager,
            .missingSettings, .contradiction:
            false
        }
    }

    /// The one line to print.
    package var description: String {
        switch self {
        case .unknownFlag(let flag, let nearest):
            "unknown flag \(quoted(flag)); \(meant(nearest.map { "--\($0)" }))"
        case .ambiguousFlag(let flag, let candidates):
            "\(quoted(flag)) is short for several flags; write out one of \(spelled(candidates))"
        case .missingValue(let flag, let placeholder):
            "\(flag) needs a value; write \(flag) \(placeholder)"
        case .unwantedValue(let flag):
            "\(flag) is a switch and takes no value; write just \(flag)"
        case .dividedSecret(let flag):
            "\(flag) takes one word, and another one follows; put a value that has blanks between quotes"
        case .unexpectedArgument(let word):
            "unexpected argument \(quoted(word)); one scheduler address is enough, flags begin with --"
        case .strayWord(let word, let command):
            "\(quoted(word)) means nothing here; see scaler-oci-hpc \(command) --help"
        case .unknownWord(let word, let nearest):
            "\(quoted(word)) is neither a scheduler address such as tcp://127.0.0.1:8516, a .toml file nor a "
                + "subcommand; \(meant(nearest))"
        case .unknownManagerType(let word):
            "\(word.map { "\(quoted($0)) is no worker manager of this program" } ?? "no worker manager is named")"
                + "; write scaler_worker_manager oci_hpc, then flags and the scheduler's address"
        case .severalFiles(let first, let second):
            "two configuration files, \(quoted(first)) and \(quoted(second)); give one"
        case .badValue(let setting, let origin, let fault):
            "\(place(of: setting, origin)): \(fault.problem); \(fault.remedy)"
        case .unreadableFile(let path, let reason):
            "\(printable(path)): \(printable(reason)); check the path and its permissions"
        case .malformedFile(let path, let line, let column, let reason):
            "\(printable(path)):\(line):\(column): \(printable(reason)); the file must be TOML 1.0"
        case .unknownKey(let key): key.description
        case .repeatedKey(let key, let path, let line, let earlierLine):
            "\(printable(path)):\(line): \(quoted(key)) is already given on line \(earlierLine); remove one"
        case .noManager(let path, let otherTypes):
            "\(printable(path)): no [[worker_manager]] with type = \"oci_hpc\""
                + (otherTypes.isEmpty ? "" : " among \(otherTypes.map(quoted).joined(separator: ", "))")
                + "; add one, as in the Quick Start"
        case .missingSettings(let names, let path, let line):
            (path.map { "\(printable($0)):\(line ?? 1): " } ?? "")
                + "missing \(names.joined(separator: ", ")); give \(names.count == 1 ? "it" : "each") as a flag, "
                + "environment variable or key of a TOML file (--help lists them)"
                + (path == nil && names.count > 1
                    ? "; scaler-oci-hpc provision makes what tasks need, and such a file" : "")
        case .contradiction(let line): line
        }
    }

    private func place(of setting: String, _ origin: SettingOrigin) -> String {
        switch origin {
        case .argument: "SCHEDULER_ADDRESS"
        case .flag(let spelling): spelling
        case .environment(let name): "environment variable \(name)"
        case .file, .defaultValue: "\(printable(origin.description)): \(withUnderscores(setting))"
        }
    }

    private func meant(_ nearest: String?) -> String { nearest.map { "did you mean \($0)?" } ?? "see --help" }

    private func spelled(_ names: [String]) -> String { names.map { "--\($0)" }.joined(separator: ", ") }
}

/// Why one value cannot be used: problem and remedy are halves of a sentence.
package struct ValueFault: Error, Sendable, Equatable {
    /// True when the text parses and only its value is refused.
    package let isOutOfRange: Bool
    /// Such as `0 is out of range`.
    package let problem: String
    /// Such as `give a whole number from 1 to 100`.
    package let remedy: String

    /// A text that does not parse.
    package static func malformed(_ problem: String, _ remedy: String) -> ValueFault {
        ValueFault(isOutOfRange: false, problem: problem, remedy: remedy)
    }

    /// A value that parses and is refused.
    package static func outOfRange(_ problem: String, _ remedy: String) -> ValueFault {
        ValueFault(isOutOfRange: true, problem: problem, remedy: remedy)
    }
}
