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
    /// Objects or images in it, by the service's own, approximate count.
    let contentCount: Int
}

/// Looks which of the resources that provision makes are there.
@LoopActor
struct Provisioned {
    let cloud: Cloud
    let names: ProvisionedNames

    /// The resources that are there, in the order in which they can be removed: the policy last, since it may be what
    /// allows the others to be.
    func findAll() async throws(CommandError) -> [ProvisionedResource] { try await inCloud(await find()) }

    private func find() async throws(OCIError) -> [ProvisionedResource] {
        var found: [ProvisionedResource] = []
        if let bucket = try await cloud.buckets.find(names.bucket, deadline: cloud.deadline) {
            let count = bucket.approximateCount ?? 0
            let text = "bucket \(names.bucket) with about \(count) objects"
            found.append(resource(.bucket(name: names.bucket), text, bucket.freeformTags, count: count))
        }
        if let one = try await cloud.repositories.find(names.repository, deadline: cloud.deadline) {
            let text = "repository \(names.repository) with \(one.imageCount) images"
            found.append(resource(.repository(id: one.id), text, one.freeformTags, count: one.imageCount))
        }
        let identity = cloud.identity
        if let group = try await identity.dynamicGroup(names.dynamicGroup, deadline: cloud.deadline) {
            let text = "dynamic group \(names.dynamicGroup)"
            found.append(resource(.dynamicGroup(id: group.id), text, group.freeformTags))
        }
        let compartmentID = cloud.settings.compartmentID
        if let policy = try await identity.policy(names.policy, in: compartmentID, deadline: cloud.deadline) {
            found.append(resource(.policy(id: policy.id), "policy \(names.policy)", policy.freeformTags))
        }
        return found
    }

    private func resource(
        _ kind: ProvisionedResource.Kind,
        _ description: String,
        _ tags: [String: String],
        count: Int = 0
    ) -> ProvisionedResource {
        ProvisionedResource(
            kind: kind,
            description: description,
            provenance: Provenance(tags: tags, compartmentID: cloud.settings.compartmentID),
            contentCount: count
        )
    }
}
