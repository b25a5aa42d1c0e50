// SPDX-License-Identifier: Apache-2.0

internal import JSON
package import OCIProfile
internal import Transport

/// What is said of regions outside this program, in the SDKs' order: `~/.oci/regions-config.json`, then the variable
/// `OCI_REGION_METADATA`.
package enum RegionSources {
    /// A table of all regions there are has some 20 KB.
    private static let bytesMax = 1 << 20

    /// Finds a region by identifier or short code.
    ///
    /// What cannot be read is skipped, as the SDKs do: it describes regions that few need.
    package static func resolve(_ name: String, environment: [String: String], home: String) -> Region {
        var texts: [[UInt8]] = []
        if let file = try? readFile("\(home)/.oci/regions-config.json", byteCountMax: bytesMax) {
            texts.append(file)
        }
        if let variable = environment["OCI_REGION_METADATA"] { texts.append(Array(variable.utf8)) }
        return Region.resolve(
            name,
            metadata: texts.flatMap(metadata),
            defaultDomain: environment["OCI_DEFAULT_REALM"]
        )
    }

    /// The regions that a JSON array of objects describes, or one such object.
    static func metadata(in text: [UInt8]) -> [RegionMetadata] {
        switch try? JSON.read(text) {
        case .array(let regions): regions.compactMap(region)
        case .some(let value): [region(value)].compactMap(\.self)
        case nil: []
        }
    }

    private static func region(_ value: JSON) -> RegionMetadata? {
        guard case .object(let members) = value else { return nil }
        return RegionMetadata(
            members.compactMap { member in
                if case .string(let text) = member.value { (name: member.name, value: text) } else { nil }
            }
        )
    }
}
