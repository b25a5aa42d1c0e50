// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Transport

/// What list and reap are told.
struct OwnedResourcesOrder: Sendable {
    /// One for each manager of a configuration file, else one.
    let managers: [Settings]
    let isAnyOwner: Bool
    let isJSON: Bool
    let isDryRun: Bool
    let isConfirmed: Bool
    let isForced: Bool
    let timeout: Duration

    /// Reads the command line and the file it names; nil when help was asked for.
    init?(
        _ arguments: [String],
        form: CommandForm,
        environment: [String: String]
    ) throws(CommandError) {
        guard var scan = try form.scan(arguments) else { return nil }
        if !scan.has("config"), Self.isFileThere,
            let named = try form.scan(["--config", CommandForm.configurationFile] + arguments)
        {
            scan = named
        }
        isAnyOwner = scan.has("all-owners")
        isJSON = scan.has("json")
        isDryRun = scan.has("dry-run")
        isConfirmed = scan.has("yes")
        isForced = scan.has("force")
        timeout = .seconds(try configured(try scan.positiveNumber("timeout", unit: "seconds")) ?? 600)
        managers = try configured(try Self.managers(scan, environment))
    }

    private static func managers(
        _ scan: ArgumentScan,
        _ environment: [String: String]
    ) throws(ConfigurationError) -> [Settings] {
        // Elsewhere empty means "not set". Here it is a shell variable that is not, and must not mean another owner.
        if scan.texts("owner-id")?.last?.isEmpty == true {
            throw .contradiction("--owner-id: the value is empty; give an id, or leave the flag out")
        }
        // An owner is known by its id, or by the manager and the scheduler that the id is made of.
        let needsManager = !scan.has("all-owners") && !scan.has("owner-id")
        var all = try Invocation.settings(
            scan: scan,
            environment: environment,
            required: ["compartment-id", "object-storage-bucket"]
                + (needsManager ? ["worker-manager-id"] : []),
            readFile: ConfigurationReader.read
        )
        if let address = try scan.schedulerAddress {
            for index in all.indices { all[index].schedulerAddress = address }
        } else if needsManager {
            for one in all where one.origins["scheduler-address"] == nil && one.ownerID == nil {
                throw .missingSettings(["--scheduler"], path: scan.texts("config")?.last, line: nil)
            }
        }
        return all
    }

    /// Whether the file is there that provision writes, and the daemon is started with.
    private static var isFileThere: Bool {
        do throws(TransportError) {
            _ = try readFile(CommandForm.configurationFile, byteCountMax: 1 << 20)
            return true
        } catch {
            // One that cannot be read is complained of where it is read.
            return !error.isFileMissing
        }
    }
}
