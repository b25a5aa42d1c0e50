// SPDX-License-Identifier: Apache-2.0

package import OCIProfile

/// A call that this daemon makes, under its name in the API reference.
package enum Operation: String, Sendable, CaseIterable {
    case createContainerInstance = "CreateContainerInstance"
    case getContainerInstance = "GetContainerInstance"
    case listContainerInstances = "ListContainerInstances"
    case deleteContainerInstance = "DeleteContainerInstance"
    case getContainer = "GetContainer"
    case retrieveLogs = "RetrieveLogs"
    case listContainerInstanceShapes = "ListContainerInstanceShapes"
    case listWorkRequestErrors = "ListWorkRequestErrors"
    case getNamespace = "GetNamespace"
    case getBucket = "GetBucket"
    case putObject = "PutObject"
    case getObject = "GetObject"
    case listObjects = "ListObjects"
    case deleteObject = "DeleteObject"
    case batchDeleteObjects = "BatchDeleteObjects"
    case createBucket = "CreateBucket"
    case deleteBucket = "DeleteBucket"
    case getObjectLifecyclePolicy = "GetObjectLifecyclePolicy"
    case putObjectLifecyclePolicy = "PutObjectLifecyclePolicy"
    case listMultipartUploads = "ListMultipartUploads"
    case abortMultipartUpload = "AbortMultipartUpload"
    case listAvailabilityDomains = "ListAvailabilityDomains"
    case getTenancy = "GetTenancy"
    case getCompartment = "GetCompartment"
    case listUserGroupMemberships = "ListUserGroupMemberships"
    case getGroup = "GetGroup"
    case listDynamicGroups = "ListDynamicGroups"
    case createDynamicGroup = "CreateDynamicGroup"
    case updateDynamicGroup = "UpdateDynamicGroup"
    case deleteDynamicGroup = "DeleteDynamicGroup"
    case listPolicies = "ListPolicies"
    case createPolicy = "CreatePolicy"
    case updatePolicy = "UpdatePolicy"
    case deletePolicy = "DeletePolicy"
    case getSubnet = "GetSubnet"
    case listContainerRepositories = "ListContainerRepositories"
    case createContainerRepository = "CreateContainerRepository"
    case deleteContainerRepository = "DeleteContainerRepository"
    case listContainerImages = "ListContainerImages"
    case listLimitDefinitions = "ListLimitDefinitions"
    case getResourceAvailability = "GetResourceAvailability"
    case issueRegistryToken = "IssueRegistryToken"
    case federateInstance = "FederateInstance"
    case refreshSessionToken = "RefreshSessionToken"

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
        default: .read
        }
    }

    /// What a policy must allow for this call, without `Allow group X to` and `in compartment Y`; empty if nothing
    /// can be missing.
    ///
    /// Container Instances IAM policies and Object Storage policy reference.
    var permissions: [String] {
        switch self {
        case .createContainerInstance, .deleteContainerInstance:
            ["manage compute-container-family", "use virtual-network-family"]
        case .getContainerInstance, .getContainer: ["read compute-container-family"]
        case .listContainerInstances, .listContainerInstanceShapes, .listWorkRequestErrors:
            ["inspect compute-container-family"]
        case .retrieveLogs: ["use compute-container-family"]
        case .putObject, .deleteObject, .batchDeleteObjects: ["manage objects"]
        case .getObject: ["read objects"]
        case .listObjects: ["inspect objects"]
        case .getBucket: ["read buckets"]
        case .getObjectLifecyclePolicy: ["read buckets"]
        case .createBucket, .deleteBucket, .putObjectLifecyclePolicy: ["manage buckets"]
        case .listMultipartUploads: ["read buckets"]
        case .abortMultipartUpload: ["manage objects"]
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
