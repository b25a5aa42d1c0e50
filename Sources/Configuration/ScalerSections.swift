// SPDX-License-Identifier: Apache-2.0

/// What a Scaler configuration file says of Scaler's own programs, as far as somebody who starts them must know.
///
/// Everything else in those sections is theirs to read: they are given the same file.
package struct ScalerSections: Sendable, Equatable {
    /// `bind_address` of `[object_storage_server]`; nil without that section.
    package let objectStorageServer: SchedulerAddress?
    /// `[scheduler]`; nil without that section.
    package let scheduler: SchedulerSection?
    /// Worker managers in the file that this program is not.
    package let otherManagers: [OtherManager]
    /// `[gui]`, Scaler's web interface; nil without that section.
    package let gui: GUISection?

    /// The addresses in `[scheduler]`.
    package struct SchedulerSection: Sendable, Equatable {
        /// `bind_address`.
        package let bindAddress: SchedulerAddress
        /// `object_storage_address`.
        package let objectStorageAddress: SchedulerAddress
    }

    /// A worker manager of Scaler's own.
    package struct OtherManager: Sendable, Equatable {
        /// Its `type`.
        package let type: String
        /// `scheduler_address` as it stands there, for its program to judge; nil without.
        package let schedulerAddress: String?
    }

    /// What must be known of `[gui]`.
    package struct GUISection: Sendable, Equatable {
        /// `monitor_address` as it stands there, for its program to judge; nil without.
        package let monitorAddress: String?
    }

    /// Reads the sections of a file; throws where Scaler's programs could not tell two managers of one type apart.
    package init(_ bytes: [UInt8], path: String) throws(ConfigurationError) {
        let root = try ConfigurationFile.table(bytes, path: path)
        let storage = Self.section("object_storage_server", of: root)
        objectStorageServer = try storage.map { section throws(ConfigurationError) in
            try Self.address("bind_address", in: section, path: path)
        }
        scheduler = try Self.section("scheduler", of: root).map { section throws(ConfigurationError) in
            SchedulerSection(
                bindAddress: try Self.address("bind_address", in: section, path: path),
                objectStorageAddress: try Self.address("object_storage_address", in: section, path: path)
            )
        }
        gui = Self.section("gui", of: root).map { section in
            GUISection(monitorAddress: Self.text("monitor_address", in: section))
        }
        otherManagers = ConfigurationFile.managerTables(root).compactMap { table in
            guard let type = ConfigurationFile.typeName(table), type != ConfigurationFile.managerType else {
                return nil
            }
            return OtherManager(type: type, schedulerAddress: Self.text("scheduler_address", in: table))
        }
        let types = otherManagers.map(\.type)
        if let twice = types.first(where: { type in types.count { $0 == type } > 1 }) {
            throw .contradiction(
                "\(printable(path)): two worker managers of type \(quoted(twice)), and Scaler's own program starts one of "
                    + "a type; give each a file of its own"
            )
        }
    }

    private static func text(_ key: String, in table: TOMLTable) -> String? {
        if case .string(let text) = (table[key] ?? table[withDashes(key)])?.value { return text }
        return nil
    }

    private static func section(_ name: String, of root: TOMLTable) -> TOMLTable? {
        let node = root[name] ?? root[withDashes(name)]
        if case .table(let table) = node?.value { return table }
        return nil
    }

    private static func address(
        _ key: String,
        in table: TOMLTable,
        path: String
    ) throws(ConfigurationError) -> SchedulerAddress {
        guard let node = table[key] ?? table[withDashes(key)] else {
            throw .missingSettings([key], path: path, line: table.line)
        }
        do throws(ValueFault) {
            guard case .string(let text) = node.value else {
                throw .malformed("\(printable(node.description)) is no address", "write tcp://HOST:PORT")
            }
            return try SchedulerAddress(text)
        } catch {
            throw .badValue(setting: key, origin: .file(path: path, line: node.line), fault: error)
        }
    }
}
