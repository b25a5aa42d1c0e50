// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import JSON
internal import OCIServices
internal import Reporting
internal import Transport

enum ShowCommand {
    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let path = input.text("config") ?? CommandForm.savedConfiguration
        let saved = try SavedConfiguration(reading: path)
        let isJSON = input.has("json")
        if !isJSON {
            for (key, value) in saved.entries { console.put("\(key): \(saved[key] ?? value.compact)") }
        }
        let cloud = try await Cloud.open(try input.settings(saved: saved.settings(path: path)), console)
        let prefix = saved["prefix"] ?? CommandForm.defaultPrefix
        let names = cloud.names(prefix: prefix, bucket: saved["object_storage_bucket"] ?? "")
        let resources = try await Provisioned(cloud: cloud, names: names).findAll()
        if isJSON {
            let found = resources.map { resource in
                JSON.object(present: [
                    ("resource", .string(resource.description)),
                    ("provisioned", .bool(resource.provenance == .ours)),
                ])
            }
            let all = saved.entries.map { ($0.key, Optional($0.value)) } + [("resources", .array(found))]
            console.put(JSON.object(present: all).pretty)
            return ExitCode.success
        }
        console.put(resources.isEmpty ? "nothing of it exists" : "exists:")
        for resource in resources {
            console.put(
                "  \(resource.description)\(resource.provenance == .ours ? "" : " (not made by provision)")"
            )
        }
        return ExitCode.success
    }

    @LoopActor
    static func listDomains(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let settings = try input.settings()
        let cloud = try await Cloud.open(settings, console)
        let compartmentID = settings.compartmentID.isEmpty ? cloud.tenancyID : settings.compartmentID
        let domains = AvailabilityDomains(calls: cloud.calls, compartmentID: compartmentID)
        for name in try await inCloud(await domains.all(deadline: cloud.deadline)) { console.put(name) }
        return ExitCode.success
    }
}
