// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Encodings
internal import JSON
internal import Transport

/// What provision leaves for the other subcommands: `.scaler_oci_config.json`, with the keys of Scaler's provisioner.
struct SavedConfiguration: Sendable {
    static let environmentKey = "env_file"
    static let configurationKey = "config_toml"
    /// Key of the SHA-256 of the configuration file as provision would write it.
    static let configurationDigestKey = "config_toml_sha256"

    /// Keys with their values, in the order of the file.
    var entries: [(key: String, value: JSON)]

    init(_ entries: [(key: String, value: JSON)]) { self.entries = entries }

    init(reading path: String) throws(CommandError) {
        let bytes: [UInt8]
        do throws(TransportError) {
            bytes = try readFile(path, byteCountMax: ConfigurationReader.bytesMax)
        } catch {
            guard error.isFileMissing else { throw .file(path: path, error) }
            throw .unusable(
                "there is no \(path)",
                why: "provision has not run here",
                remedy: "run scaler-oci-hpc provision first, or name the file with --config"
            )
        }
        guard case .object(let members) = try? JSON.read(bytes) else {
            throw .unusable(
                "\(path) cannot be read",
                why: "it is not a JSON object",
                remedy: "run scaler-oci-hpc provision again, or name another file with --config"
            )
        }
        entries = members.map { ($0.name, $0.value) }
    }

    /// What the file says, or nothing if it is not there.
    init(ifPresent path: String) throws(CommandError) {
        do throws(TransportError) {
            _ = try readFile(path, byteCountMax: ConfigurationReader.bytesMax)
        } catch {
            if error.isFileMissing {
                self.init([])
                return
            }
        }
        try self.init(reading: path)
    }

    /// A value as text: strings as they are, numbers as JSON has them; nil for absent, empty and anything else.
    subscript(key: String) -> String? { entries.last { $0.key == key }.flatMap { Self.text($0.value) } }

    /// The values that are settings of the daemon.
    func settings(path: String) -> ManagerEntry {
        var values: [String: String] = [:]
        for (key, value) in entries { values[key] = Self.text(value) }
        return ManagerEntry(saved: values, path: path)
    }

    var text: String { JSON.object(present: entries.map { ($0.key, $0.value) }).pretty + "\n" }

    static func digest(_ bytes: [UInt8]) -> String {
        Hexadecimal.encode(DigestAlgorithm.sha256.digest(bytes))
    }

    private static func text(_ value: JSON) -> String? {
        switch value {
        case .string(let text): text.isEmpty ? nil : text
        case .integer(let number): "\(number)"
        case .real(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        case .array(let elements):
            elements.isEmpty ? nil : elements.compactMap(Self.text).joined(separator: ",")
        case .null, .object: nil
        }
    }
}

extension JSON {
    var pretty: String { pretty(indent: "") }

    private func pretty(indent: String) -> String {
        let inner = indent + "  "
        switch self {
        case .object(let members) where !members.isEmpty:
            let lines = members.map { member in
                "\(inner)\(JSON.string(member.name).compact): \(member.value.pretty(indent: inner))"
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        case .array(let elements) where !elements.isEmpty:
            let lines = elements.map { inner + $0.pretty(indent: inner) }
            return "[\n\(lines.joined(separator: ",\n"))\n\(indent)]"
        default: return compact
        }
    }

    var compact: String { String(decoding: encoded(), as: UTF8.self) }
}

/// Reads configuration files.
package enum ConfigurationReader {
    /// More than any configuration file needs; a device file by mistake must not fill the memory.
    static let bytesMax = 1 << 20

    /// The bytes of the file at `path`.
    package static func read(_ path: String) throws(ConfigurationError) -> [UInt8] {
        do throws(TransportError) {
            return try readFile(path, byteCountMax: bytesMax)
        } catch {
            throw .unreadableFile(path: path, reason: "\(error)")
        }
    }
}
