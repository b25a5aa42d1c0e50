// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import JSON
internal import Transport

/// `scaler-oci-hpc list`.
enum ListCommand {
    @LoopActor
    static func run(_ arguments: [String], _ console: Console) async throws(ProvisioningError) -> Int32 {
        let form = CommandForm.list
        guard
            let order = try BelongingsOrder(arguments, form: form, environment: environmentVariables())
        else {
            console.put(form.help)
            return 0
        }
        var found: [JSON] = []
        for settings in order.isAnyOwner ? distinctPlaces(order.managers) : order.managers {
            let place = try await OwnedPlace.open(settings, console)
            let report = BelongingsReport(
                belongings: try await place.belongings(ofAnyOwner: order.isAnyOwner),
                now: place.now
            )
            if order.isJSON {
                found.append(json(place, report, order))
            } else {
                for line in lines(place, report, order) { console.put(line) }
            }
        }
        if order.isJSON { console.put(JSON.array(found).pretty) }
        return 0
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
        _ report: BelongingsReport,
        _ order: BelongingsOrder
    ) -> [String] {
        let whose = order.isAnyOwner ? "any owner" : place.ownerName
        var lines = [report.belongings.isEmpty ? "nothing of \(whose)" : "\(report.count) of \(whose)"]
        if !order.isAnyOwner, case .alive = place.daemonPresence() {
            lines[0] += "; its daemon runs on this host"
        }
        lines += report.lines
        return lines
    }

    @LoopActor
    private static func json(
        _ place: OwnedPlace,
        _ report: BelongingsReport,
        _ order: BelongingsOrder
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
