// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Transport

struct OwnedResourcesOrder: Sendable {
    /// One for each manager of a configuration file, else one.
    let managers: [Settings]
    let isAnyOwner: Bool
    let isDryRun: Bool
    let timeout: Duration

    init(_ given: CommandInput) throws(CommandError) {
        var input = given
        if !input.has("config"), Self.isFileThere {
            input.scan = try input.form.scan(["--config", CommandForm.configurationFile] + input.arguments)
        }
        isAnyOwner = input.has("all-owners")
        isDryRun = input.has("dry-run")
        timeout = .seconds(try input.positiveNumber("timeout", unit: "seconds") ?? 600)
        managers = try Self.managers(input)
    }

    private static func managers(_ input: CommandInput) throws(CommandError) -> [Settings] {
        // For other flags an empty value means "not set". Here it is an unset shell variable, which must not mean another
        // owner.
        if input.text("owner-id")?.isEmpty == true {
            let text = "--owner-id: the value is empty; give an id, or leave the flag out"
            throw .configuration(.contradiction(text))
        }
        // An owner is known by its id, or by the manager and the scheduler that the id is made of.
        let needsManager = !input.has("all-owners") && !input.has("owner-id")
        let place = ["compartment-id", "object-storage-bucket"]
        var all = try input.managers(required: place + (needsManager ? ["worker-manager-id"] : []))
        if let address = try input.schedulerAddress {
            for index in all.indices { all[index].schedulerAddress = address }
        } else if needsManager {
            for one in all where one.origins["scheduler-address"] == nil && one.ownerID == nil {
                let path = input.text("config")
                throw .configuration(.missingSettings(["--scheduler"], path: path, line: nil))
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
            // A file that cannot be read is reported by the code that reads it.
            return !error.isFileMissing
        }
    }
}
