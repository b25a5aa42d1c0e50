// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import Glibc
internal import OCIServices
internal import Reporting
internal import Transport

/// What cleanup is told.
struct CleanupOrder: Sendable {
    let settings: Settings
    let names: (prefix: String, bucket: String?)
    let savedPath: String
    let saved: SavedConfiguration?
    let isConfirmed: Bool
    let isDryRun: Bool

    /// Reads the command line and what provision saved.
    init(_ input: CommandInput) throws(CommandError) {
        savedPath = input.text("config") ?? CommandForm.savedConfiguration
        // Without the file, the names follow from the flags.
        let needsFile = input.has("config") || !input.has("compartment-id")
        saved = needsFile ? try SavedConfiguration(reading: savedPath) : nil
        settings = try input.settings(saved: saved?.settings(path: savedPath), required: ["compartment-id"])
        names = (
            input.text("prefix") ?? saved?["prefix"] ?? CommandForm.defaultPrefix,
            settings.objectStorageBucket.isEmpty ? nil : settings.objectStorageBucket
        )
        isConfirmed = input.has("yes")
        isDryRun = input.has("dry-run")
    }
}

/// `scaler-oci-hpc cleanup`.
enum CleanupCommand {
    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let order = try CleanupOrder(input)
        let cloud = try await Cloud.open(order.settings, console)
        let inventory = try await Provisioned(
            cloud: cloud,
            prefix: order.names.prefix,
            bucket: order.names.bucket
        )
        .findAll()
        let removable = inventory.filter { $0.provenance == .ours }
        for item in inventory where item.provenance != .ours {
            console.say("stays: \(item.description), which provision did not make for this compartment")
        }
        for item in removable { console.say("to be removed: \(item.description)") }
        if order.isDryRun { return ExitCode.success }
        if removable.isEmpty {
            console.say("nothing of provision's is there")
        } else {
            try await console.confirm("Remove all of this?", isConfirmed: order.isConfirmed)
            try await checkIdle(cloud)
            try await Remover(cloud: cloud, console: console).remove(removable)
        }
        removeFiles(order, console)
        return ExitCode.success
    }

    /// Refuses while managers have instances: they would lose their bucket in the middle of a task.
    @LoopActor
    private static func checkIdle(_ cloud: Cloud) async throws(CommandError) {
        let living = try await inCloud(
            await cloud.instances.all(deadline: cloud.deadline) {
                OwnedResources.isMarked($0) && !$0.lifecycleState.isStopped && $0.lifecycleState != .deleting
            }
        )
        if !living.isEmpty { throw .unusable(.resourcesInUse(instanceCount: living.count)) }
    }

    /// Removes the files that provision wrote, except a configuration file that was changed since.
    @LoopActor
    private static func removeFiles(_ order: CleanupOrder, _ console: Console) {
        guard let saved = order.saved else { return }
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
        for path in paths + [order.savedPath] where unlink(path) == 0 { console.say("removed: \(path)") }
    }
}
