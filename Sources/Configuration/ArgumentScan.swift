// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// The texts that one source gave for one option.
struct Given: Sendable, Equatable {
    /// One text, unless the option is a list.
    var texts: [String]
    var origin: SettingOrigin
    /// Items of a list that an earlier flag gave and this one left out.
    var droppedItems: [String] = []
}

/// A command line, cut into flags with their texts and bare words; nothing is converted yet.
///
/// The rules are those of Python's argparse, so that command lines of `scaler_worker_manager` keep working:
/// `--flag value` and `--flag=value`, the same for short flags, unique abbreviations of long flags, `--` ends
/// the flags, a negative number is a value and not a flag, the last of several wins. Only tags collect, one a flag.
package struct ArgumentScan: Sendable {
    /// Bare words, in order.
    package private(set) var words: [String] = []
    var flags: [String: Given] = [:]
    /// The flag whose value was read last, if that is a secret.
    private var secretFlag: String?
    private let options: [Option]

    /// Scans what the user typed, the program's name not included; throws at the first flag that is not right.
    ///
    /// `options` are the flags to know, e.g. `Option.table` and a subcommand's own `.invocation` rows.
    package init(_ arguments: [String], options: [Option]) throws(ConfigurationError) {
        self.options = options.filter { if case .positional = $0.role { false } else { true } }
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                return
            }
            guard Self.looksLikeFlag(argument) else {
                // The rest of a password that the shell took apart must not come back as an unknown word.
                if let secretFlag, !SchedulerAddress.hasScheme(argument), !argument.hasSuffix(".toml") {
                    throw .dividedSecret(flag: secretFlag)
                }
                words.append(argument)
                continue
            }
            try flag(argument, &rest)
        }
    }

    /// The texts given for a flag, or nil when it was not given; a switch gives `true`.
    package func texts(_ name: String) -> [String]? { flags[name]?.texts }

    /// True when a switch or flag was given.
    package func has(_ name: String) -> Bool { flags[name] != nil }

    private mutating func flag(
        _ argument: String,
        _ rest: inout ArraySlice<String>
    ) throws(ConfigurationError) {
        let parts = parts(argument)
        let option = try Self.lookUp(parts[0], among: options)
        let spelling = parts[0].hasPrefix("--") ? "--\(option.name)" : parts[0]
        var texts: [String] = []
        switch option.form {
        case .toggle:
            guard parts.count == 1 else { throw .unwantedValue(flag: spelling) }
            texts = ["true"]
        case .greedyList where parts.count == 1:
            // Stops at an address, unlike argparse, which would take the scheduler's for one more of the list.
            while let next = rest.first, !Self.looksLikeFlag(next), !SchedulerAddress.hasScheme(next) {
                texts.append(rest.removeFirst())
            }
            guard !texts.isEmpty else { throw .missingValue(flag: spelling, placeholder: option.placeholder) }
        default:
            if parts.count == 2 {
                texts = [parts[1]]
            } else if let next = rest.first, !Self.looksLikeFlag(next) {
                texts = [rest.removeFirst()]
            } else {
                throw .missingValue(flag: spelling, placeholder: option.placeholder)
            }
        }
        let before = flags[option.name]
        var droppedItems: [String] = []
        switch option.form {
        case .pairs: texts = (before?.texts ?? []) + texts
        case .list, .greedyList:
            let kept = Self.items(texts)
            droppedItems = ((before?.droppedItems ?? []) + Self.items(before?.texts ?? [])).filter {
                !kept.contains($0)
            }
        case .text, .whole, .decimal, .toggle: break
        }
        flags[option.name] = Given(texts: texts, origin: .flag(spelling), droppedItems: droppedItems)
        secretFlag = option.isSecret ? spelling : nil
    }

    /// What a list's texts have between commas.
    private static func items(_ texts: [String]) -> [String] {
        texts.flatMap { text in
            text.split(separator: ",").map { item in String(item.drop { $0 == " " }) }
        }
    }

    /// A flag without its value, then the value if it stands in the same word: `--flag=value`, or `-cvalue`, which only
    /// short flags of one letter allow.
    private func parts(_ argument: String) -> [String] {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init
        )
        let (flag, rest) = (argument.dropFirst().prefix(1), argument.dropFirst(2))
        guard !argument.hasPrefix("--"), !rest.isEmpty, parts[0].count > 2,
            options.contains(where: { $0.short.map { $0 == flag } ?? false && $0.form != .toggle }),
            !options.contains(where: { $0.short?.hasPrefix(parts[0].dropFirst()) ?? false })
        else { return parts }
        return ["-\(flag)", String(rest)]
    }

    /// The option that a flag names, dashes included and perhaps cut short, or why it names none.
    static func lookUp(_ flag: String, among options: [Option]) throws(ConfigurationError) -> Option {
        guard flag.hasPrefix("--") else {
            let short = flag.dropFirst()
            if let option = options.first(where: { $0.short.map { $0 == short } ?? false }) { return option }
            let matches = options.filter { $0.short?.hasPrefix(short) ?? false }
            if matches.count == 1 { return matches[0] }
            if matches.count > 1 { throw .ambiguousFlag(flag, candidates: matches.map(\.name)) }
            throw .unknownFlag(flag, nearest: nearest(to: String(short), among: options.map(\.name)))
        }
        let name = String(flag.dropFirst(2))
        if let option = options.first(where: { $0.name == name }) { return option }
        // What was unique in the command that this replaces stays so: the new options come second.
        for isNew in [false, true] {
            let matches = options.filter { $0.isNew == isNew && $0.name.hasPrefix(name) }
            if matches.count == 1 { return matches[0] }
            if matches.count > 1 { throw .ambiguousFlag(flag, candidates: matches.map(\.name)) }
        }
        throw .unknownFlag(flag, nearest: nearest(to: name, among: options.map(\.name)))
    }

    /// A lone dash and negative numbers are values.
    static func looksLikeFlag(_ argument: String) -> Bool {
        guard argument.hasPrefix("-"), argument != "-" else { return false }
        return !argument.dropFirst().utf8.allSatisfy { $0.isASCIIDigit || $0 == UInt8(ascii: ".") }
    }
}
