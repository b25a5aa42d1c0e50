// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import JSON

/// What instances used and cost, summed by a tag; pure: records, prices and times in, lines and JSON out.
///
/// OCI bills each instance for a minute at least: what that adds to the time that was used is counted apart.
struct UsageReport: Sendable {
    /// Seconds that an instance is billed for at the least (Oracle's price list of container instances).
    static let billedSecondsMin = 60
    /// The name of those without the tag.
    static let noValue = "(none)"

    /// OCPU-hours and GB-hours.
    struct Amount: Equatable, Sendable {
        var ocpuHours = 0.0
        var gbHours = 0.0
    }

    /// All instances with one value of the tag.
    struct Group: Equatable, Sendable {
        let name: String
        var endedCount = 0
        var runningCount = 0
        /// Of the time that they lived.
        var used = Amount()
        /// What the billed minimum adds.
        var minimum = Amount()
        /// Both, at their prices; nil where the price of a shape, or a size, is not known.
        var cost: Double? = 0
    }

    /// Each instance once.
    let usages: [InstanceUsage]
    /// Nil where none are set.
    let prices: Prices?
    /// A tag, or nil for one sum.
    let tag: String?
    /// What was before is not counted; seconds since 1970.
    let since: Int?
    /// The present, in seconds since 1970.
    let now: Int

    /// The records without repetitions: a daemon that was killed may have written none or another one; the first counts.
    static func distinct(_ usages: [InstanceUsage]) -> [InstanceUsage] {
        var known: Set<String> = []
        return usages.filter { known.insert($0.id).inserted }
    }

    // MARK: - Sums

    /// By the value of the tag, those without it last.
    var groups: [Group] {
        var groups: [String: Group] = [:]
        for usage in usages {
            let name = value(of: usage)
            if let share = share(of: usage) {
                groups[name, default: Group(name: name)].add(usage, share, cost: cost(of: usage, share))
            }
        }
        return groups.values.sorted {
            ($0.name == Self.noValue ? 1 : 0, $0.name) < ($1.name == Self.noValue ? 1 : 0, $1.name)
        }
    }

    /// Shapes that were used and have no price.
    var unpricedShapes: [String] {
        guard let prices else { return [] }
        let shapes = usages.filter { share(of: $0) != nil }.map { $0.shape.isEmpty ? "unknown" : $0.shape }
        return Set(shapes.filter { prices.rates[$0] == nil }).sorted()
    }

    /// How many instances have a size that the service did not tell.
    var unsizedCount: Int {
        usages.count { share(of: $0) != nil && ($0.ocpus == nil || $0.memoryGB == nil) }
    }

    private func value(of usage: InstanceUsage) -> String {
        switch tag {
        case nil: "all"
        case "scaler-worker-manager"?: usage.managerID
        case "scaler-owner"?: usage.ownerID
        case let tag?: usage.tags[tag] ?? Self.noValue
        }
    }

    fileprivate struct Share {
        let seconds: Int
        let minimumSeconds: Int
    }

    /// The seconds of an instance since `since`; nil if it ended before.
    private func share(of usage: InstanceUsage) -> Share? {
        let end = max(usage.createdAt, usage.endedAt ?? now)
        let billedEnd = max(end, usage.createdAt + Self.billedSecondsMin)
        let start = max(usage.createdAt, since ?? usage.createdAt)
        guard billedEnd > start else { return nil }
        return Share(seconds: max(0, end - start), minimumSeconds: billedEnd - max(end, start))
    }

    private func cost(of usage: InstanceUsage, _ share: Share) -> Double? {
        guard let rate = prices?.rates[usage.shape], let ocpus = usage.ocpus, let memoryGB = usage.memoryGB
        else { return nil }
        let hours = Double(share.seconds + share.minimumSeconds) / 3600
        return rate.perHour(ocpus: ocpus, memoryGB: memoryGB) * hours
    }

    // MARK: - Text

    /// The table, and what is to be known beside it.
    var lines: [String] {
        let groups = groups
        if groups.isEmpty { return ["no instance is remembered or runs"] }
        let currency = prices.map { $0.currency.isEmpty ? "" : " \($0.currency)" }
        var heading = [tag?.uppercased() ?? "TAG", "ENDED", "RUNNING", "OCPU-HOURS", "GB-HOURS"]
        heading += ["MINIMUM OCPU-HOURS", "MINIMUM GB-HOURS"] + (currency.map { ["COST" + $0] } ?? [])
        let rows = groups.map { group in
            let cells = [
                printable(group.name), "\(group.endedCount)", "\(group.runningCount)",
                Self.decimal(group.used.ocpuHours), Self.decimal(group.used.gbHours),
                Self.decimal(group.minimum.ocpuHours), Self.decimal(group.minimum.gbHours),
            ]
            return cells + (prices == nil ? [] : [group.cost.map { Self.decimal($0) } ?? "unknown"])
        }
        return TextTable.lines([heading] + rows) + notes
    }

    private var notes: [String] {
        var notes = [
            "MINIMUM is what the billed minimum of one minute an instance adds to the time that was used."
        ]
        if prices == nil {
            notes.append(
                "No prices are set: write [prices] into the configuration file, for each shape "
                    + "\"CI.Standard.E4.Flex\" = { ocpu_hour = N, gb_hour = N }, and currency = \"...\"."
            )
        }
        let shapes = unpricedShapes
        if !shapes.isEmpty {
            notes.append("[prices] has no price of \(shapes.map { printable($0) }.joined(separator: ", ")).")
        }
        if unsizedCount > 0 {
            notes.append("The size of \(unsizedCount) instances is not known; they are in no sum of hours.")
        }
        return notes
    }

    var json: JSON {
        .object(present: [
            ("currency", prices.map { .string($0.currency) }),
            ("unpriced_shapes", prices.map { _ in .array(unpricedShapes.map { .string($0) }) }),
            ("instances_of_unknown_size", .integer(Int64(unsizedCount))),
            ("groups", .array(groups.map(Self.json))),
        ])
    }

    private static func json(_ group: Group) -> JSON {
        .object(present: [
            ("name", .string(group.name)),
            ("ended", .integer(Int64(group.endedCount))),
            ("running", .integer(Int64(group.runningCount))),
            ("ocpu_hours", .real(group.used.ocpuHours)),
            ("gb_hours", .real(group.used.gbHours)),
            ("minimum_ocpu_hours", .real(group.minimum.ocpuHours)),
            ("minimum_gb_hours", .real(group.minimum.gbHours)),
            ("cost", group.cost.map { .real($0) }),
        ])
    }

    /// A number to four decimals, as amounts of seconds need.
    static func decimal(_ number: Double) -> String {
        let scaled = Int((min(max(0, number), 1e12) * 10_000).rounded())
        let digits = String(scaled % 10_000)
        return "\(scaled / 10_000)." + String(repeating: "0", count: 4 - digits.count) + digits
    }
}

extension UsageReport.Group {
    fileprivate mutating func add(_ usage: InstanceUsage, _ share: UsageReport.Share, cost added: Double?) {
        if usage.endedAt == nil { runningCount += 1 } else { endedCount += 1 }
        let (ocpus, memoryGB) = (usage.ocpus ?? 0, usage.memoryGB ?? 0)
        let (hours, minimumHours) = (Double(share.seconds) / 3600, Double(share.minimumSeconds) / 3600)
        used.ocpuHours += ocpus * hours
        used.gbHours += memoryGB * hours
        minimum.ocpuHours += ocpus * minimumHours
        minimum.gbHours += memoryGB * minimumHours
        cost = cost.flatMap { sum in added.map { sum + $0 } }
    }
}
