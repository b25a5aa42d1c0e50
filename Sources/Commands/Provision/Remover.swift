// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIServices

@LoopActor
final class Remover {
    /// A bucket that is not empty after so many rounds is being filled by somebody.
    private static let roundCountMax = 3

    private let cloud: Cloud
    private let console: Console
    private var home: ServiceCalls?

    init(cloud: Cloud, console: Console) {
        self.cloud = cloud
        self.console = console
    }

    /// Removes the resources with what is in them; that one has gone meanwhile is no error.
    func remove(_ items: [ProvisionedResource]) async throws(CommandError) {
        let steps = Steps(console, count: items.count)
        for item in items {
            let step = Step(item.description) { () async throws(CommandError) in
                try await self.removal(of: item)
            }
            try await steps.perform(step) { (_, change) async throws(CommandError) in
                try await self.delete(change.request, by: change.calls)
                return change.verb.rawValue
            }
        }
    }

    private func removal(of item: ProvisionedResource) async throws(CommandError) -> StepPlan {
        switch item.removal {
        case .bucket(let name, let objectCount):
            try await removeBucket(name, objectCount: objectCount)
            return .done(Change.Verb.removed.rawValue)
        case .request(let request, let inHomeRegion):
            return .send(.removed, request, by: inHomeRegion ? try await homeCalls() : cloud.calls)
        }
    }

    private func removeBucket(_ name: String, objectCount: Int) async throws(CommandError) {
        for round in 1... {
            try await empty(name, total: objectCount)
            do throws(CommandError) {
                return try await delete(cloud.buckets.deletion(of: name), by: cloud.calls)
            } catch .cloud(.service(let failure)) where failure.code == "BucketNotEmpty" {
                guard round < Self.roundCountMax else { throw .cloud(.service(failure)) }
            }
        }
    }

    private func empty(_ name: String, total: Int) async throws(CommandError) {
        let objects = ObjectStorage(calls: cloud.calls, namespace: cloud.namespace, bucket: name)
        let uploads = try await inCloud(
            await cloud.buckets.unfinishedUploads(in: name, deadline: cloud.deadline)
        )
        for upload in uploads {
            try await delete(cloud.buckets.abortion(of: upload, in: name), by: cloud.calls)
        }
        var done = 0
        while true {
            let limit = ObjectStorage.batchCountMax
            let page = try await inCloud(
                await objects.list(prefix: "", limit: limit, deadline: cloud.deadline)
            )
            let batch = page.objects.map(\.name)
            if batch.isEmpty { return }
            let left = try await inCloud(await objects.deleteBatch(batch, deadline: cloud.deadline))
            // Without this a bucket whose objects nobody may delete would be listed for ever.
            if left.count == batch.count {
                throw .unusable(
                    "objects of bucket \(name) cannot be deleted",
                    why: left.first?.message ?? "the service does not say why",
                    remedy: "check the bucket's retention rules and your right to 'manage objects'"
                )
            }
            done += batch.count - left.count
            console.showProgress("deleting objects", done: done, total: max(total, done))
        }
    }

    /// Sends a deletion; what is gone already is as it should be.
    private func delete(_ request: ServiceRequest, by calls: ServiceCalls) async throws(CommandError) {
        _ = try await inCloud(
            await calls.callIfPresent(request, orForbidden: true, deadline: cloud.deadline) { _ in }
        )
    }

    private func homeCalls() async throws(CommandError) -> ServiceCalls {
        if let home { return home }
        let tenancy = try await inCloud(await cloud.identity.tenancy(deadline: cloud.deadline))
        let calls = try await cloud.home(regionKey: tenancy.homeRegionKey)
        home = calls
        return calls
    }
}
