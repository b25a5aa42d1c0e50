// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Encodings
internal import EventLoop
internal import OCIServices
internal import Transport

/// Whether payloads and results can be stored, and stay long enough.
@LoopActor
final class StorageChecks {
    private let cloud: Cloud
    private let settings: Settings
    private let buckets: Buckets
    private let objects: ObjectStorage

    init(_ cloud: Cloud) {
        self.cloud = cloud
        settings = cloud.settings
        buckets = Buckets(
            calls: cloud.calls,
            namespace: settings.objectStorageNamespace,
            compartmentID: settings.compartmentID
        )
        objects = cloud.taskObjects
    }

    var checks: [Check] {
        let bucket = Check.Need(check: "bucket", reason: "needs the bucket")
        return [
            Check("bucket", run: checkBucket),
            Check("bucket-lifecycle", needs: bucket, run: checkLifecycle),
            Check("objects", needs: bucket, run: checkObjects),
        ]
    }

    private func checkBucket() async throws(CommandError) -> CheckOutcome {
        let name = settings.objectStorageBucket
        let found = try await checking(
            "the bucket cannot be looked up",
            await buckets.find(name, deadline: cloud.deadline)
        )
        return found == nil ? .failed(.missingBucket(settings)) : .passed(name)
    }

    private func checkLifecycle() async throws(CommandError) -> CheckOutcome {
        let rules = try await checking(
            "the bucket's lifecycle rules cannot be read",
            await buckets.lifecycle(of: settings.objectStorageBucket, deadline: cloud.deadline)
        )
        return BucketLifecycle.judge(rules, settings)
    }

    /// Writes, lists, reads and deletes one object.
    private func checkObjects() async throws(CommandError) -> CheckOutcome {
        let name = "\(settings.objectStoragePrefix)/check-\(Hexadecimal.encode(secureRandomBytes(count: 8)))"
        let content = secureRandomBytes(count: 64)
        _ = try await checking(
            "objects cannot be written",
            await objects.put(name, content, deadline: cloud.deadline)
        )
        // Tasks of their own, so that cancelling does not reach them: the object is deleted whatever came before.
        let reading = await spawn { await self.read(name, content) }.value
        let deletion = await spawn { await self.delete(name) }.value
        let isSame = try reading.get()
        try deletion.get()
        return isSame ? .passed("written, listed, read and deleted") : .failed(.changedObject)
    }

    /// Whether the object is listed and read as it was written.
    private func read(_ name: String, _ content: [UInt8]) async -> Result<Bool, CommandError> {
        do throws(CommandError) {
            let page = try await checking(
                "objects cannot be listed",
                await objects.list(prefix: name, deadline: cloud.deadline)
            )
            let read = try await checking(
                "objects cannot be read",
                await objects.get(name, limit: 1024, deadline: cloud.deadline)
            )
            return .success(read == content && page.objects.map(\.name) == [name])
        } catch {
            return .failure(error)
        }
    }

    private func delete(_ name: String) async -> Result<Void, CommandError> {
        do throws(CommandError) {
            _ = try await checking(
                "objects cannot be deleted",
                await objects.delete(name, deadline: cloud.deadline)
            )
            return .success(())
        } catch {
            return .failure(error)
        }
    }
}

/// Whether the bucket's rules leave objects alone for as long as a task may take.
enum BucketLifecycle {
    /// Judges the rules that may act on the task objects.
    static func judge(_ rules: [LifecycleRule], _ settings: Settings) -> CheckOutcome {
        let prefix = settings.objectStoragePrefix + "/"
        // An archived object cannot be read either; infrequent access is only slower to list.
        let harmful = rules.filter {
            $0.mayCover(prefix: prefix) && ["DELETE", "ARCHIVE"].contains($0.action)
        }
        let timeout = settings.jobTimeout.components.seconds
        guard let shortest = harmful.min(by: { $0.days < $1.days }) else {
            return .warned(.noLifecycleRule(prefix: prefix))
        }
        guard Int64(shortest.days) * 86_400 >= timeout else {
            return .failed(.shortLifecycle(shortest, prefix: prefix, jobTimeoutSeconds: timeout))
        }
        return .passed("objects live \(shortest.days) days, tasks at most \(timeout) s")
    }
}
