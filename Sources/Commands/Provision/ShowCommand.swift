// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import JSON
internal import OCIServices
internal import Reporting

/// One resource that is there, and whose it is.
struct ProvisionedResource: Sendable {
    enum Removal: Sendable {
        /// A bucket goes with its objects, of which the service counts about so many.
        case bucket(name: String, objectCount: Int)
        /// IAM takes its requests in the home region alone.
        case request(ServiceRequest, inHomeRegion: Bool)
    }

    let removal: Removal
    /// Kind and name, and what is in it.
    let description: String
    let provenance: Provenance
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
            found.append(resource(.bucket(name: names.bucket, objectCount: count), text, bucket.freeformTags))
        }
        if let one = try await cloud.repositories.find(names.repository, deadline: cloud.deadline) {
            let text = "repository \(names.repository) with \(one.imageCount) images"
            let request = cloud.repositories.deletion(of: one.id)
            found.append(resource(.request(request, inHomeRegion: false), text, one.freeformTags))
        }
        let identity = cloud.identity
        if let group = try await identity.dynamicGroup(names.dynamicGroup, deadline: cloud.deadline) {
            let request = identity.dynamicGroupDeletion(of: group.id)
            let text = "dynamic group \(names.dynamicGroup)"
            found.append(resource(.request(request, inHomeRegion: true), text, group.freeformTags))
        }
        let compartmentID = cloud.settings.compartmentID
        if let policy = try await identity.policy(names.policy, in: compartmentID, deadline: cloud.deadline) {
            let request = identity.policyDeletion(of: policy.id)
            let text = "policy \(names.policy)"
            found.append(resource(.request(request, inHomeRegion: true), text, policy.freeformTags))
        }
        return found
    }

    private func resource(
        _ removal: ProvisionedResource.Removal,
        _ description: String,
        _ tags: [String: String]
    ) -> ProvisionedResource {
        let provenance = Provenance(tags: tags, compartmentID: cloud.settings.compartmentID)
        return ProvisionedResource(removal: removal, description: description, provenance: provenance)
    }
}

enum ShowCommand {
    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let path = input.savedPath
        // Without the file, the names follow from the flags.
        let saved =
            input.has("compartment-id") && !input.has("config")
            ? try SavedConfiguration(ifPresent: path) : try SavedConfiguration(reading: path)
        let isJSON = input.has("json")
        if !isJSON {
            for (key, value) in saved.entries { console.put("\(key): \(saved[key] ?? value.compact)") }
        }
        let cloud = try await Cloud.open(try input.settings(saved: saved.settings(path: path)), console)
        let prefix = input.text("prefix") ?? saved["prefix"] ?? CommandForm.defaultPrefix
        let names = cloud.names(prefix: prefix, bucket: saved["object_storage_bucket"] ?? "")
        let resources = try await Provisioned(cloud: cloud, names: names).findAll()
        if isJSON {
            let found = resources.map { resource in
                JSON.object(present: [
                    ("resource", .string(resource.description)),
                    ("provisioned", .bool(resource.provenance == .ours)),
                ])
            }
            let all = saved.entries.map { ($0.key, Optional($0.value)) } + [("resources", .array(found))]
            console.put(JSON.object(present: all).pretty)
            return ExitCode.success
        }
        console.put(resources.isEmpty ? "nothing of it exists" : "exists:")
        for resource in resources {
            let note = resource.provenance == .ours ? "" : " (not made by provision)"
            console.put("  \(resource.description)\(note)")
        }
        return ExitCode.success
    }

    @LoopActor
    static func listDomains(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let settings = try input.settings()
        let cloud = try await Cloud.open(settings, console)
        let compartmentID = settings.compartmentID.isEmpty ? cloud.tenancyID : settings.compartmentID
        let domains = AvailabilityDomains(calls: cloud.calls, compartmentID: compartmentID)
        for name in try await inCloud(await domains.all(deadline: cloud.deadline)) { console.put(name) }
        return ExitCode.success
    }
}
