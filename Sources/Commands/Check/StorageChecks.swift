// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Encodings
internal import EventLoop
internal import OCIServices
internal import Transport

/// Whether payloads and results can be stored, and stay long enough.
@LoopActor
struct StorageChecks {
    let cloud: Cloud

    private var settings: Settings { cloud.settings }
    private var objects: ObjectStorage { cloud.taskObjects }
    private var buckets: Buckets {
        Buckets(calls: cloud.calls, namespace: cloud.taskNamespace, compartmentID: settings.compartmentID)
    }

    var checks: [Check] {
        let bucket = Check.Need(check: "bucket", reason: "needs the bucket")
        return [
            Check("bucket", run: checkBucket).given("object-storage-bucket", in: settings),
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
        if found != nil { return .passed(name) }
        return .failed(
            "bucket \(name) cannot be used",
            why: "it does not exist in namespace \(cloud.taskNamespace), or you may not read it",
            remedy:
                "run scaler-oci-hpc provision, give another --object-storage-bucket, or let an administrator "
                + "allow 'Allow group <group> to read buckets in compartment id \(settings.compartmentID)'"
        )
    }

    private func checkLifecycle() async throws(CommandError) -> CheckOutcome {
        let rules = try await checking(
            "the bucket's lifecycle rules cannot be read",
            await buckets.lifecycle(of: settings.objectStorageBucket, deadline: cloud.deadline)
        )
        return BucketLifecycle.judge(rules, settings)
    }

    private func checkObjects() async throws(CommandError) -> CheckOutcome {
        let name = "\(settings.objectStoragePrefix)/check-\(Hexadecimal.encode(LoopRandom.bytes(count: 8)))"
        let content = LoopRandom.bytes(count: 64)
        _ = try await checking(
            "objects cannot be written",
            await objects.put(name, Blob(content), deadline: cloud.deadline)
        )
        // Tasks of their own, so that cancelling does not reach them: the object is deleted whatever came before.
        let reading = await spawnCatching { () async throws(CommandError) in
            try await reads(name, content)
        }.value
        let deletion = await spawnCatching { () async throws(CommandError) in
            _ = try await checking(
                "objects cannot be deleted",
                await objects.delete(name, deadline: cloud.deadline)
            )
        }.value
        let isSame = try reading.get()
        try deletion.get()
        if isSame { return .passed("written, listed, read and deleted") }
        return .failed(
            "an object did not come back as it was written",
            why: "something between here and Object Storage changes what passes",
            remedy: "check --oci-endpoint and any proxy"
        )
    }

    private func reads(_ name: String, _ content: [UInt8]) async throws(CommandError) -> Bool {
        let page = try await checking(
            "objects cannot be listed",
            await objects.list(prefix: name, deadline: cloud.deadline)
        )
        let read = try await checking(
            "objects cannot be read",
            await objects.get(name, limit: 1024, deadline: cloud.deadline)
        )
        return read == content && page.objects.map(\.name) == [name]
    }
}

/// Whether the bucket's rules leave objects alone for as long as a task may take.
enum BucketLifecycle {
    static func judge(_ rules: [LifecycleRule], _ settings: Settings) -> CheckOutcome {
        let prefix = settings.objectStoragePrefix + "/"
        // An archived object cannot be read either; infrequent access is only slower to list.
        let harmful = rules.filter {
            $0.mayCover(prefix: prefix) && ["DELETE", "ARCHIVE"].contains($0.action)
        }
        let timeout = settings.jobTimeout.components.seconds
        guard let shortest = harmful.min(by: { $0.days < $1.days }) else {
            return .warned(
                Diagnostic(
                    "no lifecycle rule deletes old objects under \(prefix)",
                    why: "what a crash leaves behind stays, and costs, for ever",
                    remedy:
                        "let scaler-oci-hpc provision set one, or add a rule that deletes them after 7 days"
                )
            )
        }
        guard Int64(shortest.days) * 86_400 >= timeout else {
            return .failed(
                "the bucket's lifecycle is shorter than a task may run",
                why: "rule \(shortest.name) acts on objects under \(prefix) after \(shortest.days) days, and "
                    + "--job-timeout-seconds is \(timeout): a result may be gone before it is fetched, and the "
                    + "task fails for no visible reason",
                remedy:
                    "raise the rule to \((timeout + 86_399) / 86_400) days or more, or lower --job-timeout-seconds"
            )
        }
        return .passed("objects live \(shortest.days) days, tasks at most \(timeout) s")
    }
}
