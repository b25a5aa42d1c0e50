// SPDX-License-Identifier: Apache-2.0

/// Where a setting's value came from; the order of the cases is the order of precedence, last wins.
package enum SettingOrigin: Sendable, Hashable {
    /// Nobody said anything.
    case defaultValue
    /// A key of the configuration file.
    case file(path: String, line: Int)
    /// An environment variable; one that is set but empty counts.
    case environment(String)
    /// A flag, spelled as the user did.
    case flag(String)
    /// The bare word that is the scheduler's address.
    case argument

    /// For logs and `--print-config`, such as `config.toml:17`.
    package var description: String {
        switch self {
        case .defaultValue: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let name): "environment \(name)"
        case .flag(let spelling): spelling
        case .argument: "command line"
        }
    }
}
