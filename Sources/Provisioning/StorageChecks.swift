// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Encodings
internal import EventLoop
internal import OCIServices
internal import Transport

/// Whether payloads and results can be stored, and stay long enough.
@LoopActor
struct StorageChecks {
    private let run: CheckRun
    private let cloud: Cloud

    init(_ run: CheckRun, _ cloud: Cloud) {
        self.run = run
        self.cloud = cloud
    }

    private var settings: Settings { cloud.settings }

    func perform() async throws(ProvisioningError) {
        let settings = settings
        let name = settings.objectStorageBucket
        let buckets = Buckets(
            calls: cloud.calls,
            namespace: settings.objectStorageNamespace,
            compartmentID: settings.compartmentID
        )
        let cloud = cloud
        let bucket = try await run.check("bucket", .storage) {
            () async throws(CheckFault) -> (seen: String, value: Bool) in
            let found = try await checking("the bucket cannot be looked up") { () async throws(OCIError) in
                try await buckets.find(name, deadline: cloud.deadline)
            }
            guard found != nil else {
                throw .failed(
                    Complaint(
                        "bucket \(name) cannot be used",
                        why:
                            "it does not exist in namespace \(settings.objectStorageNamespace), or you may not read it",
                        remedy:
                            "run scaler-oci-hpc provision, give another --object-storage-bucket, or let an "
                            + "administrator allow 'Allow group <group> to read buckets in compartment id "
                            + "\(settings.compartmentID)'"
                    )
                )
            }
            return (name, true)
        }
        try await run.check("bucket-lifecycle", .storage) { () async throws(CheckFault) in
            guard bucket != nil else { throw .skipped("needs the bucket") }
            let rules = try await checking("the bucket's lifecycle rules cannot be read") {
                () async throws(OCIError) in
                try await buckets.lifecycle(of: name, deadline: cloud.deadline)
            }
            switch LifecycleVerdict(rules, settings) {
            case .fits(let text): return text
            case .warns(let complaint): throw .warned(complaint)
            case .fails(let complaint): throw .failed(complaint)
            }
        }
        try await run.check("objects", .storage) { () async throws(CheckFault) in
            guard bucket != nil else { throw .skipped("needs the bucket") }
            return try await objects()
        }
    }

    /// Writes, lists, reads and deletes one object.
    private func objects() async throws(CheckFault) -> String {
        let objects = ObjectStorage(
            calls: cloud.calls,
            namespace: settings.objectStorageNamespace,
            bucket: settings.objectStorageBucket
        )
        let name = "\(settings.objectStoragePrefix)/check-\(Hexadecimal.encode(secureRandomBytes(count: 8)))"
        let content = secureRandomBytes(count: 64)
        let cloud = cloud
        _ = try await checking("objects cannot be written") { () async throws(OCIError) in
            try await objects.put(name, content, deadline: cloud.deadline)
        }
        let verdict = await spawn { () async -> Result<Bool, CheckFault> in
            do throws(CheckFault) {
                let page = try await checking("objects cannot be listed") { () async throws(OCIError) in
                    try await objects.list(prefix: name, deadline: cloud.deadline)
                }
                let read = try await checking("objects cannot be read") { () async throws(OCIError) in
                    try await objects.get(name, limit: 1024, deadline: cloud.deadline)
                }
                return .success(read == content && page.objects.map(\.name) == [name])
            } catch {
                return .failure(error)
            }
        }.value
        // Whatever came before: what was written is taken away.
        let deletion = await spawn { () async -> Result<Bool, CheckFault> in
            do throws(CheckFault) {
                _ = try await checking("objects cannot be deleted") { () async throws(OCIError) in
                    try await objects.delete(name, deadline: cloud.deadline)
                }
                return .success(true)
            } catch {
                return .failure(error)
            }
        }.value
        let isSame = try verdict.get()
        _ = try deletion.get()
        guard isSame else {
            throw .failed(
                Complaint(
                    "an object did not come back as it was written",
                    why: "something between here and Object Storage changes what passes",
                    remedy: "check --oci-endpoint and any proxy"
                )
            )
        }
        return "written, listed, read and deleted"
    }
}

/// Whether the bucket's rules leave objects alone for as long as a task may take.
enum LifecycleVerdict: Equatable {
    case fits(String)
    case warns(Complaint)
    case fails(Complaint)

    /// Judges the rules that may act on the task objects.
    init(_ rules: [LifecycleRule], _ settings: Settings) {
        let prefix = settings.objectStoragePrefix + "/"
        // An archived object cannot be read either; infrequent access is only slower to list.
        let harmful = rules.filter {
            $0.mayCover(prefix: prefix) && ["DELETE", "ARCHIVE"].contains($0.action)
        }
        let timeout = settings.jobTimeout.components.seconds
        guard let shortest = harmful.min(by: { $0.days < $1.days }) else {
            self = .warns(
                Complaint(
                    "no lifecycle rule deletes old objects under \(prefix)",
                    why: "what a crash leaves behind stays, and costs, for ever",
                    remedy:
                        "let scaler-oci-hpc provision set one, or add a rule that deletes them after 7 days"
                )
            )
            return
        }
        guard Int64(shortest.days) * 86_400 >= timeout else {
            self = .fails(
                Complaint(
                    "the bucket's lifecycle is shorter than a task may run",
                    why:
                        "rule \(shortest.name) acts on objects under \(prefix) after \(shortest.days) days, and "
                        + "--job-timeout-seconds is \(timeout): a result may be gone before it is fetched, and the "
                        + "task fails for no visible reason",
                    remedy:
                        "raise the rule to \((timeout + 86_399) / 86_400) days or more, or lower --job-timeout-seconds"
                )
            )
            return
        }
        self = .fits("objects live \(shortest.days) days, tasks at most \(timeout) s")
    }
}
