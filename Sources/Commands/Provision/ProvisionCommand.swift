// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Reporting

struct ProvisionOrder: Sendable {
    var settings: Settings
    let prefix: String
    /// What the user said of who launches tasks, unread.
    let group: String?
    let savedPath: String
    let environmentPath: String
    let configurationPath: String
    let isDryRun: Bool

    init(_ input: CommandInput) throws(CommandError) {
        var input = input
        if let minutes = try input.positiveNumber("job-timeout", unit: "minutes") {
            input.scan = try configured(
                try input.scan.replacing("job-timeout", by: "job-timeout-seconds", text: "\(minutes * 60)")
            )
        }
        settings = try input.settings(required: ["compartment-id", "availability-domain", "subnet-id"])
        if let address = try input.schedulerAddress { settings.schedulerAddress = address }
        if settings.workerManagerID.isEmpty { settings.workerManagerID = "wm-oci-hpc" }
        prefix = input.text("prefix") ?? CommandForm.defaultPrefix
        group = input.text("group")
        savedPath = input.savedPath
        environmentPath = input.text("env-file") ?? CommandForm.savedEnvironment
        configurationPath = input.text("config-toml") ?? CommandForm.configurationFile
        isDryRun = input.has("dry-run")
    }
}

enum ProvisionCommand {
    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let order = try ProvisionOrder(input)
        let cloud = try await Cloud.open(order.settings, console, showsCalls: order.isDryRun)
        try await Provisioner(order, cloud, console).run()
        return ExitCode.success
    }
}
