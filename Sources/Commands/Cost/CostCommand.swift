// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import OCIServices
internal import Reporting
internal import Transport

/// Sums up what instances used: those that run, which the cloud lists, and those that the daemon remembers.
@LoopActor
struct CostCommand {
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let isPastOnly = input.has("past-only")
        let settings: [Settings] =
            isPastOnly ? try input.managersOfFile(required: []) : try OwnedResourcesOrder(input).managers
        let moment = Int(LoopClock.epochSeconds)
        let since = try input.text("since").map { text throws(CommandError) in
            guard let since = Self.moment(text, now: moment) else {
                throw .badFlag(
                    "since",
                    .malformed("'\(text)' is no time", "give 12h, 7d, 2026-11-30 or 2026-11-30T12:00:00Z")
                )
            }
            return since
        }
        // Listings may show as running what the daemon knows to have ended.
        var usages = try remembered(settings, console)
        if !isPastOnly { usages += try await running(settings, console) }
        let report = UsageReport(
            usages: UsageReport.distinct(usages),
            prices: try prices(input),
            tag: input.text("by"),
            since: since,
            now: moment
        )
        if input.has("json") {
            console.put(report.json.pretty)
        } else {
            for line in report.lines { console.put(line) }
        }
        return ExitCode.success
    }

    /// What the managers have in the cloud at present.
    private static func running(
        _ settings: [Settings],
        _ console: Console
    ) async throws(CommandError) -> [InstanceUsage] {
        var usages: [InstanceUsage] = []
        for manager in settings {
            let place = try await OwnedPlace.open(manager, console)
            let owned = try await place.ownedResources()
            usages += owned.deletable.instances.compactMap { InstanceUsage($0.summary) }
        }
        return usages
    }

    /// What the state directories remember, of whichever manager: the older file first.
    private static func remembered(
        _ settings: [Settings],
        _ console: Console
    ) throws(CommandError) -> [InstanceUsage] {
        var usages: [InstanceUsage] = []
        var badCount = 0
        let directories = Set(settings.compactMap(\.stateDirectory)).sorted()
        if directories.isEmpty {
            console.say("note: no --state-directory is set, so nothing is remembered of instances that ended")
        }
        for directory in directories {
            for suffix in [".1", ""] {
                let path = "\(directory)/\(UsageLog.fileName)\(suffix)"
                let bytes: [UInt8]
                do throws(TransportError) {
                    bytes = try readFile(path, byteCountMax: 2 * UsageLog.fileBytesMax)
                } catch {
                    if error.isFileMissing { continue }
                    throw .file(path: path, error)
                }
                for line in bytes.split(separator: UInt8(ascii: "\n")) {
                    if let usage = InstanceUsage(line: Array(line)) {
                        usages.append(usage)
                    } else {
                        badCount += 1
                    }
                }
            }
        }
        if badCount > 0 {
            console.say("note: \(badCount) lines of the record cannot be read, and are left out")
        }
        if let first = usages.map(\.createdAt).min() {
            console.say(
                "note: the record begins \(max(0, Int(LoopClock.epochSeconds) - first) / 3600) hours ago"
            )
        }
        return usages
    }

    /// `[prices]` of the configuration file; nil without a file or that section.
    static func prices(_ input: CommandInput) throws(CommandError) -> Prices? {
        guard let path = try input.withUsualFile().text("config") else { return nil }
        return try configured(try Prices.read(try ConfigurationReader.read(path), path: path))
    }

    /// A moment in seconds since 1970: so many days, hours or minutes ago, a date, or a date with a time.
    nonisolated static func moment(_ text: String, now: Int) -> Int? {
        let units: [Character: Int] = ["d": 86_400, "h": 3600, "m": 60]
        if let last = text.last, let unit = units[last], let count = Int(text.dropLast()) {
            return (0...100_000).contains(count) ? now - count * unit : nil
        }
        let whole = text.count == 10 ? "\(text)T00:00:00Z" : text
        return Timestamp(whole).map { $0.millisecondsSinceEpoch / 1000 }
    }
}
