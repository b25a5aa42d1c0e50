// SPDX-License-Identifier: Apache-2.0

internal import JSON
package import OCIProfile
internal import Transport

/// What is said of regions outside this program, in the SDKs' order: `~/.oci/regions-config.json`, then the variable
/// `OCI_REGION_METADATA`.
package enum RegionSources {
    /// A table of all regions there are has some 20 KB.
    private static let bytesMax = 1 << 20

    /// Finds a region by identifier or short code; what cannot be read is skipped, as the SDKs do: it describes
    /// regions that few need.
    package static func resolve(_ name: String, environment: [String: String], home: String) -> Region {
        let file = try? readFile("\(home)/.oci/regions-config.json", byteCountMax: bytesMax)
        let texts = [file, environment["OCI_REGION_METADATA"].map { Array($0.utf8) }].compactMap(\.self)
        let defaultDomain = environment["OCI_DEFAULT_REALM"]
        return Region.resolve(name, metadata: texts.flatMap(metadata), defaultDomain: defaultDomain)
    }

    /// The regions that a JSON array of objects describes, or one such object.
    static func metadata(in text: [UInt8]) -> [Region] {
        switch try? JSON.read(text) {
        case .array(let regions): regions.compactMap(region)
        case .some(let value): [value].compactMap(region)
        case nil: []
        }
    }

    private static func region(_ value: JSON) -> Region? {
        guard case .object(let members) = value else { return nil }
        return Region(
            metadata: members.compactMap { member in
                if case .string(let text) = member.value { (name: member.name, value: text) } else { nil }
            }
        )
    }
}
