// SPDX-License-Identifier: Apache-2.0

package import OCIProfile

/// A call that this daemon makes, under its name in the API reference.
package enum Operation: String, Sendable, CaseIterable {
    case createContainerInstance = "CreateContainerInstance"
    case getContainerInstance = "GetContainerInstance"
    case listContainerInstances = "ListContainerInstances"
    case deleteContainerInstance = "DeleteContainerInstance"
    case getContainer = "GetContainer"
    case listContainers = "ListContainers"
    case retrieveLogs = "RetrieveLogs"
    case listContainerInstanceShapes = "ListContainerInstanceShapes"
    case listWorkRequestErrors = "ListWorkRequestErrors"
    case getNamespace = "GetNamespace"
    case getBucket = "GetBucket"
    case putObject = "PutObject"
    case getObject = "GetObject"
    case headObject = "HeadObject"
    case listObjects = "ListObjects"
    case deleteObject = "DeleteObject"
    case batchDeleteObjects = "BatchDeleteObjects"
    case listAvailabilityDomains = "ListAvailabilityDomains"
    case federateInstance = "FederateInstance"
    case refreshSessionToken = "RefreshSessionToken"

    /// The service that serves it.
    package var service: CloudService {
        switch self {
        case .createContainerInstance, .getContainerInstance, .listContainerInstances,
            .deleteContainerInstance, .getContainer, .listContainers, .retrieveLogs,
            .listContainerInstanceShapes, .listWorkRequestErrors:
            .containerInstances
        case .getNamespace, .getBucket, .putObject, .getObject, .headObject, .listObjects, .deleteObject,
            .batchDeleteObjects:
            .objectStorage
        case .listAvailabilityDomains: .identity
        case .federateInstance, .refreshSessionToken: .authentication
        }
    }

    /// The queue it waits in for a token of the rate buckets.
    var lane: RateBuckets.Lane {
        switch self {
        case .createContainerInstance, .putObject, .federateInstance, .refreshSessionToken: .write
        case .deleteContainerInstance, .deleteObject, .batchDeleteObjects: .delete
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
        case .listContainerInstances, .listContainers, .listContainerInstanceShapes, .listWorkRequestErrors:
            ["inspect compute-container-family"]
        case .retrieveLogs: ["use compute-container-family"]
        case .putObject, .deleteObject, .batchDeleteObjects: ["manage objects"]
        case .getObject, .headObject: ["read objects"]
        case .listObjects: ["inspect objects"]
        case .getBucket: ["read buckets"]
        case .listAvailabilityDomains: ["inspect compartments"]
        case .getNamespace, .federateInstance, .refreshSessionToken: []
        }
    }
}
