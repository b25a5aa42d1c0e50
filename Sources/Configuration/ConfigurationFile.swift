// SPDX-License-Identifier: Apache-2.0

/// One `[[worker_manager]]` of type `oci_hpc`: texts by option name, nothing converted yet.
package struct ManagerEntry: Sendable {
    let path: String
    let line: Int
    var given: [String: Given] = [:]
    /// Keys that no setting has.
    var unknownKeys: [UnknownKey] = []
}

/// Finds this program's entries in a Scaler configuration file.
///
/// The file belongs to all of Scaler: other sections, and worker managers of other types, are none of our
/// business and are not looked into. A key of our own entries that is not known is told, since a misspelt key that is
/// ignored is a default that nobody chose; it stops nothing unless that was asked for, since it may be an option of the
/// next release of Scaler's.
enum ConfigurationFile {
    static let managerType = "oci_hpc"

    /// A larger file is no configuration.
    static let bytesMax = 1 << 20

    /// Tables that the all-in-one `scaler FILE` reads inside an entry; their keys are the entry's own.
    private static let subtables = [
        "worker-manager-config", "worker-config", "logging-config", "container-instance-config",
    ]

    static func table(_ bytes: [UInt8], path: String) throws(ConfigurationError) -> TOMLTable {
        guard bytes.count <= bytesMax else {
            throw .unreadableFile(path: path, reason: "larger than \(bytesMax) bytes")
        }
        do {
            return try TOMLParser.parse(bytes)
        } catch {
            throw .malformedFile(path: path, line: error.line, column: error.column, reason: error.reason)
        }
    }

    static func entries(_ bytes: [UInt8], path: String) throws(ConfigurationError) -> [ManagerEntry] {
        let root = try table(bytes, path: path)
        let tables = managerTables(root)
        let ours = tables.filter { typeName($0) == managerType }
        guard !ours.isEmpty else { throw .noManager(path: path, otherTypes: tables.compactMap(typeName)) }
        return try ours.map { (table) throws(ConfigurationError) in
            var entry = ManagerEntry(path: path, line: table.line)
            try collect(table, into: &entry, isSubtable: false)
            return entry
        }
    }

    /// `[[worker_manager]]`, a single `[worker_manager]`, or an array of inline tables.
    static func managerTables(_ root: TOMLTable) -> [TOMLTable] {
        switch root["worker_manager"]?.value ?? root["worker-manager"]?.value {
        case .tables(let tables): tables.all
        case .table(let table): [table]
        case .array(let nodes):
            nodes.compactMap { node in
                if case .table(let table) = node.value { table } else { nil }
            }
        default: []
        }
    }

    static func typeName(_ table: TOMLTable) -> String? {
        if case .string(let name) = table["type"]?.value { name } else { nil }
    }

    private static func collect(
        _ table: TOMLTable,
        into entry: inout ManagerEntry,
        isSubtable: Bool
    ) throws(ConfigurationError) {
        for key in table.keys {
            guard let node = table[key] else { continue }
            let name = withDashes(key)
            if name == "type", !isSubtable { continue }
            if case .table(let inner) = node.value, subtables.contains(name), !isSubtable {
                try collect(inner, into: &entry, isSubtable: true)
                continue
            }
            guard let option = Option.table.first(where: { $0.name == name && $0.isFileKey }) else {
                let known = Option.table.filter(\.isFileKey).map(\.key)
                let nearest = nearest(to: withUnderscores(key), among: known)
                entry.unknownKeys.append(
                    UnknownKey(key: key, path: entry.path, line: node.line, nearest: nearest)
                )
                continue
            }
            let origin = SettingOrigin.file(path: entry.path, line: node.line)
            if case .file(_, let earlier) = entry.given[name]?.origin {
                throw .repeatedKey(key, path: entry.path, line: node.line, earlierLine: earlier)
            }
            do {
                entry.given[name] = Given(texts: try option.texts(of: node), origin: origin)
            } catch {
                throw .badValue(setting: name, origin: origin, fault: error)
            }
        }
    }
}

extension Option {
    var isFileKey: Bool { if case .invocation = role { false } else { true } }

    /// The texts that a TOML value stands for, so that all sources are read by the same code.
    fileprivate func texts(of node: TOMLNode) throws(ValueFault) -> [String] {
        switch (node.value, form) {
        case (.string(let text), _): return [text]
        case (.integer(let number), .whole), (.integer(let number), .decimal): return ["\(number)"]
        case (.float(let number), .decimal): return ["\(number)"]
        case (.boolean(let flag), .toggle): return ["\(flag)"]
        case (.array(let nodes), .list), (.array(let nodes), .greedyList), (.array(let nodes), .pairs):
            return try nodes.map { (node) throws(ValueFault) in
                guard case .string(let text) = node.value else { throw wrongType(node) }
                return text
            }
        case (.table(let table), .pairs): return try pairs(table, prefix: "")
        default: throw wrongType(node)
        }
    }

    /// `{ team = "x", ops = { cost = "y" } }` as `team=x`, `ops.cost=y`.
    private func pairs(_ table: TOMLTable, prefix: String) throws(ValueFault) -> [String] {
        var texts: [String] = []
        for key in table.keys {
            guard let node = table[key] else { continue }
            switch node.value {
            case .string(let text): texts.append("\(prefix)\(key)=\(text)")
            case .table(let inner) where prefix.isEmpty: texts += try pairs(inner, prefix: "\(key).")
            default: throw wrongType(node)
            }
        }
        return texts
    }

    private func wrongType(_ node: TOMLNode) -> ValueFault {
        let expected =
            switch form {
            case .text: "a string"
            case .whole: "a whole number"
            case .decimal: "a number"
            case .toggle: "true or false"
            case .list, .greedyList: "a string or an array of strings"
            case .pairs: "an array of strings or a table of strings"
            }
        let found = isSecret ? "the value" : printable(node.description)
        return .malformed("\(found) is of the wrong type", "give \(expected)")
    }
}
