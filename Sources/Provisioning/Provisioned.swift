// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIServices

/// One resource that is there, and whose it is.
struct ProvisionedResource: Sendable {
    /// What it is, with what it takes to remove it.
    enum Kind: Sendable {
        case bucket(name: String)
        case repository(id: String)
        case dynamicGroup(id: String)
        case policy(id: String)
    }

    let kind: Kind
    /// Kind and name, and what is in it.
    let description: String
    let provenance: Provenance
    /// Objects or images in it, as far as the service has counted.
    let contentCount: Int
}

/// Looks which of the resources that provision makes are there.
@LoopActor
struct Provisioned {
    let cloud: Cloud
    let names: ProvisionedNames

    init(cloud: Cloud, prefix: String, bucket: String?) {
        self.cloud = cloud
        names = ProvisionedNames(
            prefix: prefix,
            namespace: cloud.namespace,
            region: cloud.regionName,
            bucket: bucket
        )
    }

    /// The resources that are there, in the order in which they can be removed: the policy last, since it may be what
    /// allows the others to be.
    func takeStock() async throws(ProvisioningError) -> [ProvisionedResource] {
        let (cloud, names, compartmentID) = (cloud, names, cloud.settings.compartmentID)
        let buckets = Buckets(calls: cloud.calls, namespace: cloud.namespace, compartmentID: compartmentID)
        let repositories = ContainerRepositories(calls: cloud.calls, compartmentID: compartmentID)
        let identity = Identity(calls: cloud.calls, tenancyID: cloud.tenancyID)
        return try await inCloud { () async throws(OCIError) in
            var found: [ProvisionedResource] = []
            func add(
                _ kind: ProvisionedResource.Kind,
                _ text: String,
                _ tags: [String: String],
                count: Int = 0
            ) {
                let provenance = Provenance(tags: tags, compartmentID: compartmentID)
                found.append(
                    ProvisionedResource(
                        kind: kind,
                        description: text,
                        provenance: provenance,
                        contentCount: count
                    )
                )
            }
            if let bucket = try await buckets.find(names.bucket, deadline: cloud.deadline) {
                let count = bucket.approximateCount ?? 0
                let text = "bucket \(names.bucket) with about \(count) objects"
                add(.bucket(name: names.bucket), text, bucket.freeformTags, count: count)
            }
            if let repository = try await repositories.find(names.repository, deadline: cloud.deadline) {
                let text = "repository \(names.repository) with \(repository.imageCount) images"
                add(
                    .repository(id: repository.id),
                    text,
                    repository.freeformTags,
                    count: repository.imageCount
                )
            }
            if let group = try await identity.dynamicGroup(names.dynamicGroup, deadline: cloud.deadline) {
                add(.dynamicGroup(id: group.id), "dynamic group \(names.dynamicGroup)", group.freeformTags)
            }
            let policy = try await identity.policy(names.policy, in: compartmentID, deadline: cloud.deadline)
            if let policy { add(.policy(id: policy.id), "policy \(names.policy)", policy.freeformTags) }
            return found
        }
    }
}
