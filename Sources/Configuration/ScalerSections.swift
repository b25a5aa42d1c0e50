// SPDX-License-Identifier: Apache-2.0

/// What a Scaler configuration file says of Scaler's own programs, as far as somebody who starts them must know.
///
/// Everything else in those sections is theirs to read: they are given the same file.
package struct ScalerSections: Sendable, Equatable {
    /// `bind_address` of `[object_storage_server]`; nil without that section.
    package let objectStorageServer: SchedulerAddress?
    /// `[scheduler]`; nil without that section.
    package let scheduler: SchedulerSection?
    /// Types of worker managers in the file that this program is not.
    package let otherManagerTypes: [String]
    /// Whether the file has a `[gui]`, Scaler's web interface.
    package let hasGUI: Bool

    /// The addresses in `[scheduler]`.
    package struct SchedulerSection: Sendable, Equatable {
        /// `bind_address`.
        package let bindAddress: SchedulerAddress
        /// `object_storage_address`.
        package let objectStorageAddress: SchedulerAddress
    }

    /// Reads the sections of a file.
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
        hasGUI = Self.section("gui", of: root) != nil
        otherManagerTypes = ConfigurationFile.managerTypes(root).filter {
            $0 != ConfigurationFile.managerType
        }
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
