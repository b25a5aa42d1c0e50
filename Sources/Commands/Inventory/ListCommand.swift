// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import JSON
internal import Reporting
internal import Transport

enum ListCommand {
    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let order = try OwnedResourcesOrder(input)
        var found: [JSON] = []
        for settings in order.isAnyOwner ? distinctPlaces(order.managers) : order.managers {
            let place = try await OwnedPlace.open(settings, console)
            let report = OwnedResourcesReport(
                resources: try await place.ownedResources(of: order.isAnyOwner ? .anyOwner : .owner),
                now: place.now
            )
            if input.has("json") {
                found.append(json(place, report, order))
            } else {
                for line in lines(place, report, order) { console.put(line) }
            }
        }
        if input.has("json") { console.put(JSON.array(found).pretty) }
        return ExitCode.success
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

    @LoopActor
    private static func lines(
        _ place: OwnedPlace,
        _ report: OwnedResourcesReport,
        _ order: OwnedResourcesOrder
    ) -> [String] {
        let whose = order.isAnyOwner ? "any owner" : place.ownerName
        var lines = [report.resources.isEmpty ? "nothing of \(whose)" : "\(report.count) of \(whose)"]
        if !order.isAnyOwner, case .alive = place.daemonPresence() {
            lines[0] += "; its daemon runs on this host"
        }
        lines += report.lines
        return lines
    }

    @LoopActor
    private static func json(
        _ place: OwnedPlace,
        _ report: OwnedResourcesReport,
        _ order: OwnedResourcesOrder
    ) -> JSON {
        var head: [(String, JSON?)] = [
            ("region", .string(place.cloud.regionName)),
            ("compartment_id", .string(place.settings.compartmentID)),
            ("object_storage_bucket", .string(place.settings.objectStorageBucket)),
        ]
        if !order.isAnyOwner {
            let isAlive = if case .alive = place.daemonPresence() { true } else { false }
            head += [("owner", .string(place.owner.id)), ("daemon_runs_here", .bool(isAlive))]
        }
        return .object(present: head + report.members)
    }
}
