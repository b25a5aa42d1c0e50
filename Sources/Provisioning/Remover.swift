// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIServices

/// Removes what provision made, one resource after the other.
@LoopActor
final class Remover {
    /// A bucket that is not empty after so many rounds is being filled by somebody.
    private static let roundCountMax = 3

    private let cloud: Cloud
    private let console: Console
    private let steps: Steps
    private var home: ServiceCalls?

    init(cloud: Cloud, console: Console, count: Int) {
        self.cloud = cloud
        self.console = console
        steps = Steps(console, count: count)
    }

    /// Removes one resource with what is in it; that it has gone meanwhile is no error.
    func remove(_ item: ProvisionedResource) async throws(ProvisioningError) {
        steps.begin(item.description)
        let identity = Identity(calls: cloud.calls, tenancyID: cloud.tenancyID)
        do throws(ProvisioningError) {
            switch item.kind {
            case .bucket(let name): try await removeBucket(name, item)
            case .repository(let id):
                let repositories = ContainerRepositories(
                    calls: cloud.calls,
                    compartmentID: cloud.settings.compartmentID
                )
                try await send(repositories.deletion(of: id), by: cloud.calls)
            case .dynamicGroup(let id):
                try await send(identity.dynamicGroupDeletion(of: id), by: try await homeCalls())
            case .policy(let id):
                try await send(identity.policyDeletion(of: id), by: try await homeCalls())
            }
        } catch {
            steps.abandon()
            throw error
        }
        steps.settle(item.description, "removed")
    }

    private func removeBucket(_ name: String, _ item: ProvisionedResource) async throws(ProvisioningError) {
        let buckets = Buckets(
            calls: cloud.calls,
            namespace: cloud.namespace,
            compartmentID: cloud.settings.compartmentID
        )
        for round in 1... {
            try await empty(name, buckets, total: item.contentCount)
            do throws(ProvisioningError) {
                return try await send(buckets.deletion(of: name), by: cloud.calls)
            } catch .cloud(.service(let failure)) where failure.code == "BucketNotEmpty" {
                guard round < Self.roundCountMax else { throw .cloud(.service(failure)) }
            }
        }
    }

    private func empty(_ name: String, _ buckets: Buckets, total: Int) async throws(ProvisioningError) {
        let objects = ObjectStorage(calls: cloud.calls, namespace: cloud.namespace, bucket: name)
        let cloud = cloud
        let uploads = try await inCloud { () async throws(OCIError) in
            try await buckets.unfinishedUploads(in: name, deadline: cloud.deadline)
        }
        for upload in uploads { try await send(buckets.abortion(of: upload, in: name), by: cloud.calls) }
        var done = 0
        while true {
            let page = try await inCloud { () async throws(OCIError) in
                try await objects.list(
                    prefix: "",
                    limit: ObjectStorage.batchCountMax,
                    deadline: cloud.deadline
                )
            }
            let batch = page.objects.map(\.name)
            if batch.isEmpty { return }
            let left = try await inCloud { () async throws(OCIError) in
                try await objects.deleteBatch(batch, deadline: cloud.deadline)
            }
            // Without this a bucket whose objects nobody may delete would be listed for ever.
            if left.count == batch.count {
                throw .unusable(
                    Complaint(
                        "objects of bucket \(name) cannot be deleted",
                        why: left.first?.message ?? "the service does not say why",
                        remedy: "check the bucket's retention rules and your right to 'manage objects'"
                    )
                )
            }
            done += batch.count - left.count
            console.showProgress("deleting objects", done: done, total: max(total, done))
        }
    }

    /// Sends a deletion; what is gone already is as it should be.
    private func send(_ request: ServiceRequest, by calls: ServiceCalls) async throws(ProvisioningError) {
        let deadline = cloud.deadline
        _ = try await inCloud { () async throws(OCIError) in
            try await calls.callIfPresent(request, absence: .certainOrForbidden, deadline: deadline) { _ in }
        }
    }

    private func homeCalls() async throws(ProvisioningError) -> ServiceCalls {
        if let home { return home }
        let cloud = cloud
        let tenancy = try await inCloud { () async throws(OCIError) in
            try await Identity(calls: cloud.calls, tenancyID: cloud.tenancyID).tenancy(
                deadline: cloud.deadline
            )
        }
        let calls = try await cloud.home(regionKey: tenancy.homeRegionKey)
        home = calls
        return calls
    }
}
