// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import JSON
internal import OCIServices

/// What managers have in the cloud, as text and as JSON.
struct OwnedResourcesReport: Sendable {
    /// How many characters of an OCID are shown: its end, because the beginning is the same in all of them.
    private static let shortCount = 12

    let resources: OwnedResources
    /// The moment from which ages count.
    let now: Timestamp

    /// A table of the instances and one of the objects, each only if there are any.
    var lines: [String] {
        var lines: [String] = []
        if !resources.instances.isEmpty {
            let heading = ["INSTANCE", "NAME", "STATE", "AGE", "OWNER", "TASK", "AD", "SHAPE"]
            lines += TextTable.lines([heading] + resources.instances.map(cells))
        }
        if !resources.instances.isEmpty, !resources.objects.isEmpty { lines.append("") }
        if !resources.objects.isEmpty {
            let heading = ["OBJECT", "BYTES", "AGE"]
            lines += TextTable.lines([heading] + resources.objects.map(cells))
        }
        return lines
    }

    /// `3 container instances and 2 task objects`.
    var count: String { Self.count(resources.instances.count, resources.objects.count) }

    static func count(_ instanceCount: Int, _ objectCount: Int) -> String {
        "\(instanceCount) container instance\(instanceCount == 1 ? "" : "s") and "
            + "\(objectCount) task object\(objectCount == 1 ? "" : "s")"
    }

    /// What the instances that are not on their way out cost an hour; nil where a shape has no price, or a size is not known.
    func costPerHour(_ prices: Prices) -> Double? {
        resources.deletable.instances.reduce(0) { (sum: Double?, instance) in
            guard let sum, let rate = prices.rates[instance.summary.shape],
                let ocpus = instance.summary.ocpus,
                let memoryGB = instance.summary.memoryGB
            else { return nil }
            return sum + rate.perHour(ocpus: ocpus, memoryGB: memoryGB)
        }
    }

    /// The line that says so; `areOrphans` where no daemon is known to want them.
    func costLine(_ prices: Prices, areOrphans: Bool) -> String? {
        if resources.deletable.instances.isEmpty { return nil }
        let cost =
            costPerHour(prices).map { "\(UsageReport.decimal($0)) \(prices.currency)" } ?? "an unknown sum"
        return areOrphans
            ? "as long as nobody deletes them, these instances cost \(cost) an hour"
            : "these instances cost \(cost) an hour"
    }

    var members: [(String, JSON?)] {
        [
            ("instances", .array(resources.instances.map(json))),
            ("objects", .array(resources.objects.map(json))),
        ]
    }

    private func cells(_ instance: OwnedResources.Instance) -> [String] {
        let summary = instance.summary
        let domain = summary.availabilityDomain.split(separator: ":").last.map(String.init) ?? ""
        return [
            "..." + summary.id.suffix(Self.shortCount), summary.displayName, summary.lifecycleState.name,
            age(since: summary.timeCreated), instance.ownerID, String(instance.taskID.prefix(12)), domain,
            summary.shape,
        ].map(Self.shown)
    }

    private func cells(_ object: OwnedResources.StoredObject) -> [String] {
        [
            object.summary.name, object.summary.byteCount.map { "\($0)" } ?? "",
            age(since: object.summary.timeCreated),
        ].map(Self.shown)
    }

    /// Names that others may have written must not contain control characters, and an empty cell shows as a dash.
    private static func shown(_ text: String) -> String { text.isEmpty ? "-" : printable(text) }

    /// `45s`, `12m`, `3h`, `5d`: the greatest whole unit.
    func age(since moment: Timestamp?) -> String {
        guard let moment else { return "" }
        let seconds = max(0, now.duration(since: moment).components.seconds)
        return switch seconds {
        case ..<120: "\(seconds)s"
        case ..<7200: "\(seconds / 60)m"
        case ..<172_800: "\(seconds / 3600)h"
        default: "\(seconds / 86_400)d"
        }
    }

    private func json(_ instance: OwnedResources.Instance) -> JSON {
        let summary = instance.summary
        return .object(present: [
            ("id", .string(summary.id)),
            ("display_name", .string(summary.displayName)),
            ("lifecycle_state", .string(summary.lifecycleState.name)),
            ("owner", .string(instance.ownerID)),
            ("worker_manager_id", .string(instance.managerID)),
            ("task_id", .string(instance.taskID)),
            ("availability_domain", .string(summary.availabilityDomain)),
            ("shape", .string(summary.shape)),
            ("age_seconds", ageSeconds(since: summary.timeCreated)),
        ])
    }

    private func json(_ object: OwnedResources.StoredObject) -> JSON {
        .object(present: [
            ("name", .string(object.summary.name)),
            ("owner", .string(object.ownerID)),
            ("task_id", .string(object.taskID)),
            ("bytes", object.summary.byteCount.map { .integer(Int64($0)) }),
            ("age_seconds", ageSeconds(since: object.summary.timeCreated)),
        ])
    }

    private func ageSeconds(since moment: Timestamp?) -> JSON? {
        moment.map { .integer(max(0, now.duration(since: $0).components.seconds)) }
    }
}
