// SPDX-License-Identifier: Apache-2.0

/// The text of `--print-config`: a TOML file that, read back, gives the same settings (secrets aside), with
/// the origin of every value beside it.
enum ConfigurationReport {
    static func text(_ all: [Settings]) -> String {
        all.map { lines(of: $0).joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private static func lines(of settings: Settings) -> [String] {
        var lines = ["[[worker_manager]]", "type = \"\(ConfigurationFile.managerType)\""]
        for option in Option.table {
            let origin = printable((settings.origins[option.name] ?? .defaultValue).description)
            switch option.role {
            case .invocation: break
            case .ignored(let reason):
                if settings.origins[option.name] != nil {
                    lines.append("# \(option.key) has no effect: \(reason)  # \(origin)")
                }
            case .setting, .positional:
                lines.append("\(value(option, settings))  # \(origin)")
            }
        }
        return lines + settings.unknownKeys.map { "# \($0.description)" }
    }

    /// `key = value`, or a comment where there is no value or none to show.
    private static func value(_ option: Option, _ settings: Settings) -> String {
        let texts = option.show(settings)
        if option.isSecret, !texts.isEmpty { return "# \(option.key) = \"********\"" }
        switch option.form {
        case .list, .greedyList, .pairs:
            return "\(option.key) = [\(texts.map(tomlString).joined(separator: ", "))]"
        case .text:
            return texts.first.map { "\(option.key) = \(tomlString($0))" } ?? "# \(option.key) is not set"
        case .whole, .decimal, .toggle:
            return texts.first.map { "\(option.key) = \($0)" } ?? "# \(option.key) is not set"
        }
    }
}
