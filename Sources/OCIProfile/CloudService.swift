// SPDX-License-Identifier: Apache-2.0

/// A service of OCI that has a host name of its own in every region.
package enum CloudService: Sendable, CaseIterable {
    case containerInstances, objectStorage, identity, limits
    /// Networks and compute.
    case core
    /// Exchange of certificates and tokens.
    case authentication
    /// Control plane of the container registry, and the registry itself, where images are pushed to and pulled from.
    case artifacts, registry

    /// What every path of the service's API begins with; empty for Object Storage, whose paths begin at the root, and
    /// for the token service, which has two versions.
    package var basePath: String {
        switch self {
        case .containerInstances: "/20210415"
        case .identity, .artifacts, .core: "/20160918"
        case .limits: "/20190729"
        case .registry: "/20180419"
        case .objectStorage, .authentication: ""
        }
    }

    /// The first label of the host name.
    var name: String {
        switch self {
        case .containerInstances: "compute-containers"
        case .objectStorage: "objectstorage"
        case .identity: "identity"
        case .artifacts: "artifacts"
        case .core: "iaas"
        case .authentication: "auth"
        case .limits: "limits"
        case .registry: "ocir"
        }
    }

    /// Whether `oci` stands between region and domain: the oldest services have their names from before it did.
    var isBelowOCI: Bool { ![.objectStorage, .core, .authentication].contains(self) }
}
