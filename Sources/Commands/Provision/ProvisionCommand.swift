// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIServices
internal import Transport

/// What provision is told.
struct ProvisionOrder: Sendable {
    var settings: Settings
    let prefix: String
    /// What the user said of who launches tasks, unread.
    let group: String?
    let savedPath: String
    let environmentPath: String
    let configurationPath: String
    let isDryRun: Bool

    /// Reads the command line; nil when help was asked for.
    init?(_ arguments: [String], environment: [String: String]) throws(CommandError) {
        guard var scan = try CommandForm.provision.scan(arguments) else { return nil }
        settings = try configured(try Self.settings(&scan, environment))
        if settings.workerManagerID.isEmpty { settings.workerManagerID = "wm-oci-hpc" }
        prefix = scan.texts("prefix")?.last ?? CommandForm.defaultPrefix
        group = scan.texts("group")?.last
        savedPath = scan.texts("config")?.last ?? CommandForm.savedConfiguration
        environmentPath = scan.texts("env-file")?.last ?? CommandForm.savedEnvironment
        configurationPath = scan.texts("config-toml")?.last ?? CommandForm.configurationFile
        isDryRun = scan.has("dry-run")
    }

    private static func settings(
        _ scan: inout ArgumentScan,
        _ environment: [String: String]
    ) throws(ConfigurationError) -> Settings {
        if let minutes = try scan.positiveNumber("job-timeout", unit: "minutes") {
            scan = try scan.replacing("job-timeout", by: "job-timeout-seconds", text: "\(minutes * 60)")
        }
        var settings = try Invocation.settings(
            scan: scan,
            environment: environment,
            saved: nil,
            required: ["compartment-id", "availability-domain", "subnet-id"]
        )
        if let address = try scan.schedulerAddress { settings.schedulerAddress = address }
        return settings
    }
}

/// `scaler-oci-hpc provision`.
enum ProvisionCommand {
    @LoopActor
    static func run(_ arguments: [String], _ console: Console) async throws(CommandError) -> Int32 {
        guard let order = try ProvisionOrder(arguments, environment: environmentVariables()) else {
            console.put(CommandForm.provision.help)
            return 0
        }
        let cloud = try await Cloud.open(order.settings, console, order.isDryRun ? .shown : .silent)
        try await Provisioner(order, cloud, console).run()
        return 0
    }
}

extension ArgumentScan {
    /// The whole number that a flag was given, above zero and small enough for any arithmetic; nil without the flag.
    func positiveNumber(_ name: String, unit: String) throws(ConfigurationError) -> Int? {
        guard let text = texts(name)?.last else { return nil }
        guard let number = Int(text), (1...10_000_000).contains(number) else {
            throw .badValue(
                setting: name,
                origin: .flag("--\(name)"),
                fault: .malformed("'\(text)' is no number of \(unit)", "give a whole number above zero")
            )
        }
        return number
    }

    /// The address that the subcommand's own flag was given; nil without the flag.
    var schedulerAddress: SchedulerAddress? {
        get throws(ConfigurationError) {
            guard let text = texts("scheduler")?.last else { return nil }
            do throws(ValueFault) {
                return try SchedulerAddress(text)
            } catch {
                throw .badValue(setting: "--scheduler", origin: .flag("--scheduler"), fault: error)
            }
        }
    }
}
