// SPDX-License-Identifier: Apache-2.0

/// What the provisioned resources are called; the names are those of Scaler's own provisioner.
struct ProvisionedNames: Sendable, Equatable {
    let prefix: String
    let bucket: String
    let dynamicGroup: String
    let policy: String
    let repository: String

    /// Names that begin with `prefix`; the bucket's also tells namespace and region apart.
    init(prefix: String, namespace: String, region: String, bucket: String?) {
        self.prefix = prefix
        self.bucket = bucket ?? "\(prefix)-\(namespace)-\(region)"
        dynamicGroup = "\(prefix)-dg"
        policy = "\(prefix)-policy"
        repository = "\(prefix)-worker"
    }

    func image(registry: String, namespace: String) -> String {
        "\(registry)/\(namespace)/\(repository):latest"
    }
}

extension Cloud {
    /// The names of what provision makes here; an empty `bucket` is named like the rest.
    func names(prefix: String, bucket: String) -> ProvisionedNames {
        let chosen = bucket.isEmpty ? nil : bucket
        return ProvisionedNames(prefix: prefix, namespace: namespace, region: regionName, bucket: chosen)
    }
}

/// The tags by which cleanup knows what provision created, and for which compartment.
///
/// Names are not enough: a dynamic group belongs to the whole tenancy, and a bucket of that name may be somebody's.
enum Provenance: Equatable {
    case ours
    case anotherCompartment(String)
    case foreign

    static let makerTag = "scaler-provisioned-by"
    static let makerValue = "scaler-oci-hpc"
    static let compartmentTag = "scaler-provisioned-for"

    /// The tags of a new resource: these two, then the user's own.
    static func tags(compartmentID: String, own: [(String, String)]) -> [(String, String)] {
        [(makerTag, makerValue), (compartmentTag, compartmentID)] + own
    }

    init(tags: [String: String], compartmentID: String) {
        guard tags[Self.makerTag] == Self.makerValue else {
            self = .foreign
            return
        }
        let compartment = tags[Self.compartmentTag] ?? ""
        self = compartment == compartmentID ? .ours : .anotherCompartment(compartment)
    }
}

/// Who may do what, as policy statements (IAM policy reference of Container Instances, Networking, Container Registry
/// and Object Storage).
enum PolicyStatements {
    /// Whose containers act as the dynamic group.
    static func matchingRule(compartmentID: String) -> String {
        "ALL {resource.type='computecontainerinstance', resource.compartment.id='\(compartmentID)'}"
    }

    /// The statements that Scaler's own provisioner makes; ours allow the containers what they need of it.
    static func ofScalersProvisioner(names: ProvisionedNames, compartmentID: String) -> [String] {
        [
            "Allow dynamic-group \(names.dynamicGroup) to manage objects in compartment id \(compartmentID) "
                + "where target.bucket.name='\(names.bucket)'"
        ]
    }

    /// All statements, in order; `launchers` is `group NAME` or `dynamic-group NAME`, nil for none.
    static func all(
        names: ProvisionedNames,
        compartmentID: String,
        region: String,
        launchers: String?
    ) -> [String] {
        let place = "in compartment id \(compartmentID)"
        // A container that could list would learn the names of other tasks' objects, which are all that protects them. Ours reads
        // and stores; Scaler's own runner deletes its payload, too.
        let permissions = ["OBJECT_READ", "OBJECT_CREATE", "OBJECT_OVERWRITE", "OBJECT_DELETE"]
        let withoutListing = permissions.map { "request.permission='\($0)'" }.joined(separator: ", ")
        let inBucket = "where target.bucket.name='\(names.bucket)'"
        let containers = "Allow dynamic-group \(names.dynamicGroup)"
        let launching = launchers.map { launchers in
            [
                "manage compute-container-family \(place)", "use virtual-network-family \(place)",
                "read repos \(place)", "read buckets \(place)", "manage objects \(place) \(inBucket)",
            ].map { "Allow \(launchers) to \($0)" }
        }
        return [
            "\(containers) to manage objects \(place) where all {target.bucket.name='\(names.bucket)', "
                + "any {\(withoutListing)}}",
            "\(containers) to read repos \(place)",
            // Without it the service refuses a lifecycle rule: it is the service itself that deletes.
            "Allow service objectstorage-\(region) to manage object-family \(place)",
        ] + (launching ?? [])
    }
}
