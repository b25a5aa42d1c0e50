// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Glibc
internal import OCIServices
internal import Transport
internal import CloudOwnership

/// What cleanup is told.
struct CleanupOrder: Sendable {
    let settings: Settings
    let names: (prefix: String, bucket: String?)
    let savedPath: String
    let saved: SavedConfiguration?
    let isConfirmed: Bool
    let isDryRun: Bool

    /// Reads the command line and what provision saved; nil when help was asked for.
    init?(_ arguments: [String], environment: [String: String]) throws(ProvisioningError) {
        guard let scan = try CommandForm.cleanup.scan(arguments) else { return nil }
        savedPath = scan.texts("config")?.last ?? CommandForm.savedConfiguration
        // Without the file, the names follow from the flags.
        let needsFile = scan.has("config") || !scan.has("compartment-id")
        saved = needsFile ? try SavedConfiguration(reading: savedPath) : nil
        do throws(ConfigurationError) {
            settings = try Invocation.settings(
                scan: scan,
                environment: environment,
                saved: saved?.settings(path: savedPath),
                required: ["compartment-id"]
            )
        } catch {
            throw .configuration(error)
        }
        names = (
            scan.texts("prefix")?.last ?? saved?["prefix"] ?? CommandForm.defaultPrefix,
            settings.objectStorageBucket.isEmpty ? nil : settings.objectStorageBucket
        )
        isConfirmed = scan.has("yes")
        isDryRun = scan.has("dry-run")
    }
}

/// `scaler-oci-hpc cleanup`.
enum CleanupCommand {
    @LoopActor
    static func run(_ arguments: [String], _ console: Console) async throws(ProvisioningError) -> Int32 {
        guard let order = try CleanupOrder(arguments, environment: environmentVariables()) else {
            console.put(CommandForm.cleanup.help)
            return 0
        }
        let cloud = try await Cloud.open(order.settings, console)
        let inventory = try await Provisioned(
            cloud: cloud,
            prefix: order.names.prefix,
            bucket: order.names.bucket
        )
        .takeStock()
        let removable = inventory.filter { $0.provenance == .ours }
        for item in inventory where item.provenance != .ours {
            console.say("stays: \(item.description), which provision did not make for this compartment")
        }
        for item in removable { console.say("to be removed: \(item.description)") }
        if order.isDryRun { return 0 }
        if removable.isEmpty {
            console.say("nothing of provision's is there")
        } else {
            try await console.confirm("Remove all of this?", isConfirmed: order.isConfirmed)
            try await checkIdle(cloud)
            let remover = Remover(cloud: cloud, console: console, count: removable.count)
            for item in removable { try await remover.remove(item) }
        }
        removeFiles(order, console)
        return 0
    }

    /// Managers that run on would lose their bucket in the middle of a task.
    @LoopActor
    private static func checkIdle(_ cloud: Cloud) async throws(ProvisioningError) {
        let instances = ContainerInstances(calls: cloud.calls, compartmentID: cloud.settings.compartmentID)
        let deadline = cloud.deadline
        let living = try await inCloud { () async throws(OCIError) in
            try await instances.all(deadline: deadline) {
                OwnedResources.isMarked($0) && !$0.lifecycleState.isStopped && $0.lifecycleState != .deleting
            }
        }
        if !living.isEmpty {
            throw .unusable(
                Complaint(
                    "the resources are in use",
                    why: "\(living.count) container instances of managers run in the compartment",
                    remedy: "stop the managers, or delete what they left with scaler-oci-hpc reap"
                )
            )
        }
    }

    /// Removes what provision wrote; a configuration file that was changed is its user's now.
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
        // Last, for a cleanup that did not get this far needs it again.
        for path in paths + [order.savedPath] where unlink(path) == 0 { console.say("removed: \(path)") }
    }
}
