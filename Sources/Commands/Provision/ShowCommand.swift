// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import JSON
internal import OCIServices
internal import Transport

/// `scaler-oci-hpc show` and `scaler-oci-hpc list-ads`.
enum ShowCommand {
    @LoopActor
    static func run(_ arguments: [String], _ console: Console) async throws(CommandError) -> Int32 {
        guard let scan = try CommandForm.show.scan(arguments) else {
            console.put(CommandForm.show.help)
            return 0
        }
        let path = scan.texts("config")?.last ?? CommandForm.savedConfiguration
        let saved = try SavedConfiguration(reading: path)
        let isJSON = scan.has("json")
        if !isJSON {
            for (key, value) in saved.entries { console.put("\(key): \(saved[key] ?? value.compact)") }
        }
        let settings = try settings(scan, saved.settings(path: path))
        let cloud = try await Cloud.open(settings, console)
        let resources = try await Provisioned(
            cloud: cloud,
            prefix: saved["prefix"] ?? CommandForm.defaultPrefix,
            bucket: saved["object_storage_bucket"]
        ).takeStock()
        if isJSON {
            let found = resources.map { resource in
                JSON.object(present: [
                    ("resource", .string(resource.description)),
                    ("provisioned", .bool(resource.provenance == .ours)),
                ])
            }
            let all = saved.entries.map { ($0.key, Optional($0.value)) } + [("resources", .array(found))]
            console.put(JSON.object(present: all).pretty)
            return 0
        }
        console.put(resources.isEmpty ? "nothing of it exists" : "exists:")
        for resource in resources {
            console.put(
                "  \(resource.description)\(resource.provenance == .ours ? "" : " (not made by provision)")"
            )
        }
        return 0
    }

    @LoopActor
    static func listDomains(
        _ arguments: [String],
        _ console: Console
    ) async throws(CommandError) -> Int32 {
        guard let scan = try CommandForm.listDomains.scan(arguments) else {
            console.put(CommandForm.listDomains.help)
            return 0
        }
        let settings = try settings(scan, nil)
        let cloud = try await Cloud.open(settings, console)
        let compartmentID = settings.compartmentID.isEmpty ? cloud.tenancyID : settings.compartmentID
        let domains = AvailabilityDomains(calls: cloud.calls, compartmentID: compartmentID)
        for name in try await inCloud(await domains.all(deadline: cloud.deadline)) { console.put(name) }
        return 0
    }

    private static func settings(
        _ scan: ArgumentScan,
        _ saved: SavedSettings?
    ) throws(CommandError) -> Settings {
        try configured(
            try Invocation.settings(
                scan: scan,
                environment: environmentVariables(),
                saved: saved,
                required: []
            )
        )
    }
}
