// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import JSON
internal import Reporting

enum ListCommand {
    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let order = try OwnedResourcesOrder(input)
        let isAnyOwner = order.isAnyOwner
        let prices = try CostCommand.prices(input)
        var found: [JSON] = []
        for settings in isAnyOwner ? distinctPlaces(order.managers) : order.managers {
            let place = try await OwnedPlace.open(settings, console)
            let resources = try await place.ownedResources(ofAnyOwner: isAnyOwner)
            let report = OwnedResourcesReport(resources: resources, now: place.now)
            let isAlive = if !isAnyOwner, case .alive = place.daemonPresence() { true } else { false }
            if input.has("json") {
                let own: [(String, JSON?)] = [
                    ("owner", .string(place.owner.id)), ("daemon_runs_here", .bool(isAlive)),
                ]
                let head = head(settings, region: place.cloud.regionName) + (isAnyOwner ? [] : own)
                let cost = prices.flatMap { report.costPerHour($0) }.map { JSON.real($0) }
                found.append(.object(present: head + report.members + [("cost_per_hour", cost)]))
            } else {
                let whose = isAnyOwner ? "any owner" : place.ownerName
                let what = resources.isEmpty ? "nothing" : report.count
                console.put("\(what) of \(whose)\(isAlive ? "; its daemon runs on this host" : "")")
                for line in report.lines { console.put(line) }
                if let prices, let line = report.costLine(prices, areOrphans: !isAlive && !isAnyOwner) {
                    console.put(line)
                }
            }
        }
        if input.has("json") { console.put(JSON.array(found).pretty) }
        return ExitCode.success
    }

    private static func head(_ settings: Settings, region: String) -> [(String, JSON?)] {
        [
            ("region", .string(region)), ("compartment_id", .string(settings.compartmentID)),
            ("object_storage_bucket", .string(settings.objectStorageBucket)),
        ]
    }

    /// Managers of one file often share a compartment and a bucket, whose content is to be listed once.
    private static func distinctPlaces(_ managers: [Settings]) -> [Settings] {
        var known: Set<[String]> = []
        return managers.filter {
            known.insert([
                $0.region, $0.ociEndpoint ?? "", $0.compartmentID, $0.objectStorageNamespace,
                $0.objectStorageBucket, $0.objectStoragePrefix,
            ]).inserted
        }
    }
}
