// SPDX-License-Identifier: Apache-2.0

/// A service of OCI that has a host name of its own in every region, whose first label is the raw value.
package enum CloudService: String, Sendable, CaseIterable {
    case containerInstances = "compute-containers"
    case objectStorage = "objectstorage"
    case identity, limits
    /// Networks and compute.
    case core = "iaas"
    /// Exchange of certificates and tokens.
    case authentication = "auth"
    /// Control plane of the container registry.
    case artifacts
    /// The registry itself, where images are pushed to and pulled from.
    case registry = "ocir"

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

    /// Whether `oci` stands between region and domain: the oldest services have their names from before it did.
    var isBelowOCI: Bool { ![.objectStorage, .core, .authentication].contains(self) }
}
