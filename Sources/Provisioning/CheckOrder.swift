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
    init?(_ arguments: [String], environment: [String: String]) throws(ProvisioningError) {
        guard let scan = try CommandForm.check.scan(arguments) else { return nil }
        managers = try Self.settings(scan, environment)
        do throws(ConfigurationError) {
            phases = try Self.choice(scan, "phase", CheckPhase.allCases.map(\.rawValue)).compactMap(
                CheckPhase.init(rawValue:)
            )
            tests = try Self.choice(scan, "test", Self.testNames)
            timeout = .seconds(try scan.positiveNumber("timeout", unit: "seconds") ?? 600)
            if let text = scan.texts("scheduler")?.last {
                scheduler = try SchedulerAddress(text, flag: "--scheduler")
            } else if scan.texts("phase")?.last == "scheduler" {
                guard managers[0].origins["scheduler-address"] != nil else {
                    throw .missingSettings(["--scheduler"], path: nil, line: nil)
                }
                scheduler = managers[0].schedulerAddress
            } else {
                scheduler = nil
            }
        } catch {
            throw .configuration(error)
        }
        python = scan.texts("python")?.last ?? "python3"
        isJSON = scan.has("json")
    }

    private static func settings(
        _ scan: ArgumentScan,
        _ environment: [String: String]
    ) throws(ProvisioningError) -> [Settings] {
        let given = scan.texts("config")?.last
        if let given, given.hasSuffix(".toml") {
            do throws(ConfigurationError) {
                return try Invocation.settings(
                    scan: scan,
                    environment: environment,
                    required: required,
                    readFile: ConfigurationReader.read
                )
            } catch {
                throw .configuration(error)
            }
        }
        let path = given ?? CommandForm.savedConfiguration
        var saved: SavedSettings?
        do throws(ProvisioningError) {
            saved = try SavedConfiguration(reading: path).settings(path: path)
        } catch {
            // Flags and environment may say everything.
            if given != nil { throw error }
        }
        do throws(ConfigurationError) {
            return [
                try Invocation.settings(
                    scan: scan,
                    environment: environment,
                    saved: saved,
                    required: required
                )
            ]
        } catch {
            throw .configuration(error)
        }
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
