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
    package var service: CloudService {
        switch self {
        case .createContainerInstance, .getContainerInstance, .listContainerInstances,
            .deleteContainerInstance, .getContainer, .retrieveLogs,
            .listContainerInstanceShapes, .listWorkRequestErrors:
            .containerInstances
        case .getNamespace, .getBucket, .putObject, .getObject, .listObjects, .deleteObject,
            .batchDeleteObjects, .createBucket, .deleteBucket, .getObjectLifecyclePolicy,
            .putObjectLifecyclePolicy, .listMultipartUploads, .abortMultipartUpload:
            .objectStorage
        case .listAvailabilityDomains, .getTenancy, .getCompartment, .listUserGroupMemberships, .getGroup,
            .listDynamicGroups, .createDynamicGroup, .updateDynamicGroup, .deleteDynamicGroup, .listPolicies,
            .createPolicy, .updatePolicy, .deletePolicy:
            .identity
        case .getSubnet: .core
        case .listContainerRepositories, .createContainerRepository, .deleteContainerRepository,
            .listContainerImages:
            .artifacts
        case .listLimitDefinitions, .getResourceAvailability: .limits
        case .issueRegistryToken: .registry
        case .federateInstance, .refreshSessionToken: .authentication
        }
    }

    var method: String {
        switch self {
        case .retrieveLogs, .batchDeleteObjects: "POST"
        case .putObject, .putObjectLifecyclePolicy, .updateDynamicGroup, .updatePolicy: "PUT"
        default:
            switch lane {
            case .read: "GET"
            case .write: "POST"
            case .delete: "DELETE"
            }
        }
    }

    /// The queue it waits in for a token of the rate buckets.
    var lane: RateBuckets.Lane {
        switch self {
        case .createContainerInstance, .putObject, .federateInstance, .refreshSessionToken, .createBucket,
            .putObjectLifecyclePolicy, .createDynamicGroup, .updateDynamicGroup, .createPolicy, .updatePolicy,
            .createContainerRepository:
            .write
        case .deleteContainerInstance, .deleteObject, .batchDeleteObjects, .deleteBucket,
            .abortMultipartUpload, .deleteDynamicGroup, .deletePolicy, .deleteContainerRepository:
            .delete
        // RetrieveLogs is a POST, and still only reads.
        case .getContainerInstance, .listContainerInstances, .getContainer, .retrieveLogs,
            .listContainerInstanceShapes, .listWorkRequestErrors, .getNamespace, .getBucket, .getObject,
            .listObjects, .getObjectLifecyclePolicy, .listMultipartUploads, .listAvailabilityDomains,
            .getTenancy,
            .getCompartment, .listUserGroupMemberships, .getGroup, .listDynamicGroups, .listPolicies,
            .getSubnet,
            .listContainerRepositories, .listContainerImages, .listLimitDefinitions, .getResourceAvailability,
            .issueRegistryToken:
            .read
        }
    }

    /// What a policy must allow for this call, without `Allow group X to` and `in compartment Y`, empty if nothing can
    /// be missing (Container Instances IAM policies and Object Storage policy reference).
    var permissions: [String] {
        switch self {
        case .createContainerInstance, .deleteContainerInstance:
            ["manage compute-container-family", "use virtual-network-family"]
        case .getContainerInstance, .getContainer: ["read compute-container-family"]
        case .listContainerInstances, .listContainerInstanceShapes, .listWorkRequestErrors:
            ["inspect compute-container-family"]
        case .retrieveLogs: ["use compute-container-family"]
        case .putObject, .deleteObject, .batchDeleteObjects, .abortMultipartUpload: ["manage objects"]
        case .getObject: ["read objects"]
        case .listObjects: ["inspect objects"]
        case .getBucket, .getObjectLifecyclePolicy, .listMultipartUploads: ["read buckets"]
        case .createBucket, .deleteBucket, .putObjectLifecyclePolicy: ["manage buckets"]
        case .listAvailabilityDomains, .getCompartment: ["inspect compartments"]
        case .getTenancy: ["inspect tenancies"]
        case .listUserGroupMemberships, .getGroup: ["inspect groups", "inspect users"]
        case .listDynamicGroups: ["inspect dynamic-groups"]
        case .createDynamicGroup, .updateDynamicGroup, .deleteDynamicGroup: ["manage dynamic-groups"]
        case .listPolicies: ["inspect policies"]
        case .createPolicy, .updatePolicy, .deletePolicy: ["manage policies"]
        case .getSubnet: ["use virtual-network-family"]
        case .listContainerRepositories, .listContainerImages: ["read repos"]
        case .createContainerRepository, .deleteContainerRepository: ["manage repos"]
        case .listLimitDefinitions, .getResourceAvailability: ["inspect resource-availability"]
        case .getNamespace, .federateInstance, .refreshSessionToken, .issueRegistryToken: []
        }
    }
}
