// SPDX-License-Identifier: Apache-2.0

/// A region of OCI and the domain under which its services answer.
package struct Region: Equatable, Hashable, Sendable {
    /// Identifier, such as `us-ashburn-1`; nil where the user gave a whole domain instead.
    package let identifier: String?
    /// Short code, such as `iad`, where one is known.
    package let key: String?
    /// Realm, such as `oc1`, where one is known.
    package let realm: String?
    /// Second-level domain of the realm, such as `oraclecloud.com`; or the whole domain that the user gave.
    package let domain: String

    /// Finds a region by identifier or short code, or makes the best of an unknown name, in the SDKs' order.
    ///
    /// `metadata` holds what `~/.oci/regions-config.json`, `OCI_REGION_METADATA` and the metadata service say, in that
    /// order; they only add to the regions known here. `defaultDomain` is `OCI_DEFAULT_REALM`.
    package static func resolve(
        _ name: String,
        metadata: [Region] = [],
        defaultDomain: String? = nil
    ) -> Region {
        let name = name.trimmed.lowercased()
        let found = (KnownRegions.all + metadata).first { $0.key == name || $0.identifier == name }
        if let found { return found }
        if name.contains(".") { return Region(identifier: nil, key: nil, realm: nil, domain: name) }
        let domain = defaultDomain.flatMap { $0.isEmpty ? nil : $0 } ?? KnownRegions.commercialDomain
        return Region(identifier: name, key: nil, realm: nil, domain: domain)
    }

    /// The host name of a service in this region; of the registry by short code where there is one, as users write it.
    package func host(of service: CloudService) -> String {
        if service == .registry, let key, realm == "oc1" { return "\(key).ocir.io" }
        guard let identifier else { return "\(service.rawValue).\(domain)" }
        return "\(service.rawValue).\(identifier).\(service.isBelowOCI ? "oci." : "")\(domain)"
    }
}

extension Region {
    /// Takes the members of the JSON object in which a file, the environment or the metadata service describes a region,
    /// whose names are compared and values taken in lower case; nil unless all four are there.
    package init?(metadata members: [(name: String, value: String)]) {
        let values = Dictionary(members.map { ($0.name.lowercased(), $0.value.trimmed.lowercased()) }) { $1 }
        guard let realm = values.nonEmpty("realmkey"), let domain = values.nonEmpty("realmdomaincomponent"),
            let key = values.nonEmpty("regionkey"), let identifier = values.nonEmpty("regionidentifier")
        else { return nil }
        self.init(identifier: identifier, key: key, realm: realm, domain: domain)
    }
}
