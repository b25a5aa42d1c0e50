// SPDX-License-Identifier: Apache-2.0

package import OCIProfile

/// A call that this daemon makes.
package enum Operation: String, Sendable, CaseIterable {
    case createContainerInstance, getContainerInstance, listContainerInstances, deleteContainerInstance
    case getContainer, retrieveLogs, listContainerInstanceShapes, listWorkRequestErrors, getNamespace
    case getBucket, putObject, getObject, listObjects, deleteObject, batchDeleteObjects, createBucket
    case deleteBucket, getObjectLifecyclePolicy, putObjectLifecyclePolicy, listMultipartUploads
    case abortMultipartUpload, listAvailabilityDomains, getTenancy, getCompartment
    case listUserGroupMemberships, getGroup, listDynamicGroups, createDynamicGroup, updateDynamicGroup
    case deleteDynamicGroup, listPolicies, createPolicy, updatePolicy, deletePolicy, getSubnet
    case listContainerRepositories, createContainerRepository, deleteContainerRepository
    case listContainerImages, listLimitDefinitions, getResourceAvailability, issueRegistryToken
    case federateInstance, refreshSessionToken

    /// The name in the API reference.
    package var name: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

    /// The service that serves it.
    package var service: CloudService { facts.service }

    var method: String { facts.method }

    /// The queue it waits in for a token of the rate buckets.
    var lane: RateBuckets.Lane { facts.lane }

    /// What a policy must allow for this call, without `Allow group X to` and `in compartment Y`, empty if nothing can
    /// be missing (Container Instances IAM policies and Object Storage policy reference).
    var permissions: [String] { facts.permissions }

    /// Whether it is about one resource that its path names by an OCID.
    var isOfOneResource: Bool {
        switch self {
        case .getContainerInstance, .deleteContainerInstance, .getContainer, .retrieveLogs,
            .listWorkRequestErrors, .getSubnet:
            true
        default: false
        }
    }

    private typealias Facts = (
        service: CloudService, method: String, lane: RateBuckets.Lane, permissions: [String]
    )

    private var facts: Facts {
        switch self {
        case .createContainerInstance: (.containerInstances, "POST", .write, Self.launching)
        case .deleteContainerInstance: (.containerInstances, "DELETE", .delete, Self.launching)
        case .getContainerInstance, .getContainer:
            (.containerInstances, "GET", .read, ["read compute-container-family"])
        case .listContainerInstances:
            (.containerInstances, "GET", .list, ["inspect compute-container-family"])
        case .listContainerInstanceShapes, .listWorkRequestErrors:
            (.containerInstances, "GET", .read, ["inspect compute-container-family"])
        // A POST, and still it only reads.
        case .retrieveLogs: (.containerInstances, "POST", .read, ["use compute-container-family"])
        case .getNamespace: (.objectStorage, "GET", .read, [])
        case .putObject: (.objectStorage, "PUT", .write, ["manage objects"])
        case .getObject: (.objectStorage, "GET", .read, ["read objects"])
        case .listObjects: (.objectStorage, "GET", .list, ["inspect objects"])
        case .deleteObject, .abortMultipartUpload: (.objectStorage, "DELETE", .delete, ["manage objects"])
        case .batchDeleteObjects: (.objectStorage, "POST", .delete, ["manage objects"])
        case .getBucket, .getObjectLifecyclePolicy, .listMultipartUploads:
            (.objectStorage, "GET", .read, ["read buckets"])
        case .createBucket: (.objectStorage, "POST", .write, ["manage buckets"])
        case .deleteBucket: (.objectStorage, "DELETE", .delete, ["manage buckets"])
        case .putObjectLifecyclePolicy: (.objectStorage, "PUT", .write, ["manage buckets"])
        case .listAvailabilityDomains, .getCompartment: (.identity, "GET", .read, ["inspect compartments"])
        case .getTenancy: (.identity, "GET", .read, ["inspect tenancies"])
        case .listUserGroupMemberships, .getGroup:
            (.identity, "GET", .read, ["inspect groups", "inspect users"])
        case .listDynamicGroups: (.identity, "GET", .read, ["inspect dynamic-groups"])
        case .createDynamicGroup: (.identity, "POST", .write, ["manage dynamic-groups"])
        case .updateDynamicGroup: (.identity, "PUT", .write, ["manage dynamic-groups"])
        case .deleteDynamicGroup: (.identity, "DELETE", .delete, ["manage dynamic-groups"])
        case .listPolicies: (.identity, "GET", .read, ["inspect policies"])
        case .createPolicy: (.identity, "POST", .write, ["manage policies"])
        case .updatePolicy: (.identity, "PUT", .write, ["manage policies"])
        case .deletePolicy: (.identity, "DELETE", .delete, ["manage policies"])
        case .getSubnet: (.core, "GET", .read, ["use virtual-network-family"])
        case .listContainerRepositories, .listContainerImages: (.artifacts, "GET", .read, ["read repos"])
        case .createContainerRepository: (.artifacts, "POST", .write, ["manage repos"])
        case .deleteContainerRepository: (.artifacts, "DELETE", .delete, ["manage repos"])
        case .listLimitDefinitions, .getResourceAvailability:
            (.limits, "GET", .read, ["inspect resource-availability"])
        case .issueRegistryToken: (.registry, "GET", .read, [])
        case .federateInstance, .refreshSessionToken: (.authentication, "POST", .write, [])
        }
    }

    private static let launching = ["manage compute-container-family", "use virtual-network-family"]
}
