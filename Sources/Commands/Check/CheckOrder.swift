// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Transport

/// What check is told.
struct CheckOrder: Sendable {
    /// One for each manager of a configuration file, else one.
    var managers: [Settings]
    let phases: [CheckPhase]
    /// Where tasks are submitted; nil leaves that phase out.
    let scheduler: SchedulerAddress?
    let tests: [String]
    let timeout: Duration
    let python: String
    let isJSON: Bool

    /// The scheduler phase's tests, with the names of Scaler's own harness.
    static let testNames = ["sqrt", "simple", "map", "compute"]

    private static let required = [
        "compartment-id", "availability-domain", "subnet-id", "container-image", "object-storage-namespace",
        "object-storage-bucket",
    ]

    /// Reads the command line and the files it names; nil when help was asked for.
    init?(_ arguments: [String], environment: [String: String]) throws(CommandError) {
        guard let scan = try CommandForm.check.scan(arguments) else { return nil }
        managers = try Self.settings(scan, environment)
        phases = try configured(
            try Self.choice(scan, "phase", CheckPhase.allCases.map(\.rawValue)).compactMap(
                CheckPhase.init(rawValue:)
            )
        )
        tests = try configured(try Self.choice(scan, "test", Self.testNames))
        timeout = .seconds(try configured(try scan.positiveNumber("timeout", unit: "seconds")) ?? 600)
        let named = try configured(try scan.schedulerAddress)
        let isAskedFor = named == nil && scan.texts("phase")?.last == "scheduler"
        if isAskedFor, managers[0].origins["scheduler-address"] == nil {
            throw .configuration(.missingSettings(["--scheduler"], path: nil, line: nil))
        }
        scheduler = isAskedFor ? managers[0].schedulerAddress : named
        python = scan.texts("python")?.last ?? "python3"
        isJSON = scan.has("json")
    }

    private static func settings(
        _ scan: ArgumentScan,
        _ environment: [String: String]
    ) throws(CommandError) -> [Settings] {
        let given = scan.texts("config")?.last
        if let given, given.hasSuffix(".toml") {
            return try configured(
                try Invocation.settings(
                    scan: scan,
                    environment: environment,
                    required: required,
                    readFile: ConfigurationReader.read
                )
            )
        }
        let path = given ?? CommandForm.savedConfiguration
        var saved: SavedSettings?
        do throws(CommandError) {
            saved = try SavedConfiguration(reading: path).settings(path: path)
        } catch {
            // Flags and environment may say everything.
            if given != nil { throw error }
        }
        return [
            try configured(
                try Invocation.settings(
                    scan: scan,
                    environment: environment,
                    saved: saved,
                    required: required
                )
            )
        ]
    }

    /// One of the words, or all of them.
    private static func choice(
        _ scan: ArgumentScan,
        _ name: String,
        _ words: [String]
    ) throws(ConfigurationError) -> [String] {
        guard let word = scan.texts(name)?.last, word != "all" else { return words }
        guard words.contains(word) else {
            throw .badValue(
                setting: name,
                origin: .flag("--\(name)"),
                fault: .malformed(
                    "'\(word)' is no choice",
                    "give one of all, \(words.joined(separator: ", "))"
                )
            )
        }
        return [word]
    }
}
