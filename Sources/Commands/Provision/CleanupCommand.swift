// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import Glibc
internal import OCIServices
internal import Reporting
internal import Transport

enum CleanupCommand {
    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let path = input.savedPath
        // Without the file, the names follow from the flags.
        let needsFile = input.has("config") || !input.has("compartment-id")
        let saved = needsFile ? try saved(path) : nil
        let settings = try input.settings(saved: saved?.settings(path: path), required: input.form.required)
        if let saved { try requireAgreement(saved, path, settings, prefix: input.text("prefix")) }
        let cloud = try await Cloud.open(settings, console)
        let prefix = input.text("prefix") ?? saved?["prefix"] ?? CommandForm.defaultPrefix
        let names = cloud.names(prefix: prefix, bucket: settings.objectStorageBucket)
        let inventory = try await Provisioned(cloud: cloud, names: names).findAll()
        let removable = inventory.filter { $0.provenance == .ours }
        for item in inventory where item.provenance != .ours {
            console.say("stays: \(item.description), which provision did not make for this compartment")
        }
        for item in removable { console.say("to be removed: \(item.description)") }
        if input.has("dry-run") { return ExitCode.success }
        if removable.isEmpty {
            console.say("nothing of provision's is there")
        } else {
            try await console.confirm("Remove all of this?", isConfirmed: input.has("yes"))
            try await checkIdle(cloud)
            try await Remover(cloud: cloud, console: console).remove(removable)
        }
        // Of what stays somebody must know.
        guard removable.count == inventory.count else {
            console.say("\(inventory.count - removable.count) stay; see which above")
            if saved != nil { console.say("kept: \(path)") }
            return ExitCode.negative
        }
        if let saved { removeFiles(saved, path, console) }
        return ExitCode.success
    }

    /// What provision saved.
    ///
    /// Nothing else may be taken for it, since the file is removed in the end.
    private static func saved(_ path: String) throws(CommandError) -> SavedConfiguration {
        let saved = try SavedConfiguration(reading: path)
        guard saved["compartment_id"] != nil else {
            throw .unusable(
                "\(path) is not what provision saved",
                why: "it names no compartment_id",
                remedy: "name the right file with --config"
            )
        }
        return saved
    }

    /// Refuses flags and variables that mean other resources than those that the file records: these would be removed, and
    /// nobody would know of the recorded ones any more.
    private static func requireAgreement(
        _ saved: SavedConfiguration,
        _ path: String,
        _ settings: Settings,
        prefix: String?
    ) throws(CommandError) {
        let given = [
            ("compartment_id", settings.compartmentID),
            ("object_storage_namespace", settings.objectStorageNamespace),
            ("object_storage_bucket", settings.objectStorageBucket), ("prefix", prefix),
        ]
        for (key, value) in given {
            guard let value, !value.isEmpty, let recorded = saved[key], recorded != value else { continue }
            throw .unusable(
                "\(path) records \(key) \(recorded), and a flag or variable says \(value)",
                why: "other resources would be removed than those that the file is the record of",
                remedy:
                    "leave that flag or variable out; or give --compartment-id without --config for what has no record"
            )
        }
    }

    /// Refuses while managers have instances: they would lose their bucket in the middle of a task.
    @LoopActor
    private static func checkIdle(_ cloud: Cloud) async throws(CommandError) {
        let living = try await inCloud(
            await cloud.instances.all(deadline: .never, tagged: OwnedResources.isMarked) {
                !$0.lifecycleState.isStopped && $0.lifecycleState != .deleting ? $0.id : nil
            }
        )
        if living.isEmpty { return }
        throw .unusable(
            "the resources are in use",
            why: "\(living.count) container instances of managers run in the compartment",
            remedy: "stop the managers, or delete what they left with scaler-oci-hpc reap"
        )
    }

    /// Removes the files that provision wrote, except a configuration file that was changed since.
    @LoopActor
    private static func removeFiles(_ saved: SavedConfiguration, _ savedPath: String, _ console: Console) {
        var paths = [saved[SavedConfiguration.environmentKey]].compactMap(\.self)
        if let path = saved[SavedConfiguration.configurationKey],
            let bytes = try? readFile(path, byteCountMax: 1 << 20)
        {
            if SavedConfiguration.digest(bytes) == saved[SavedConfiguration.configurationDigestKey] {
                paths.append(path)
            } else {
                console.say("stays: \(path), which was changed since provision wrote it")
            }
        }
        // The saved file goes last: a cleanup that was interrupted needs it again.
        for path in paths + [savedPath] where unlink(path) == 0 { console.say("removed: \(path)") }
    }
}
