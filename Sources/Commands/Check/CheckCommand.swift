// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Reporting

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

    init(_ input: CommandInput) throws(CommandError) {
        managers = try Self.managers(input)
        let phaseNames = CheckPhase.allCases.map(\.rawValue)
        phases = try Self.choice(input, "phase", phaseNames).compactMap(CheckPhase.init(rawValue:))
        tests = try Self.choice(input, "test", Self.testNames)
        timeout = .seconds(try input.positiveNumber("timeout", unit: "seconds") ?? 600)
        let named = try input.schedulerAddress
        let isAskedFor = named == nil && input.text("phase") == "scheduler"
        if isAskedFor, managers[0].origins["scheduler-address"] == nil {
            throw .configuration(.missingSettings(["--scheduler"], path: nil, line: nil))
        }
        scheduler = isAskedFor ? managers[0].schedulerAddress : named
        python = input.text("python") ?? "python3"
        isJSON = input.has("json")
    }

    private static func managers(_ input: CommandInput) throws(CommandError) -> [Settings] {
        let given = input.text("config")
        if let given, given.hasSuffix(".toml") { return try input.managers(required: []) }
        let path = input.savedPath
        // Flags and environment may say everything.
        let saved =
            given == nil ? try SavedConfiguration(ifPresent: path) : try SavedConfiguration(reading: path)
        return [try input.settings(saved: saved.settings(path: path))]
    }

    private static func choice(
        _ input: CommandInput,
        _ name: String,
        _ words: [String]
    ) throws(CommandError) -> [String] {
        guard let word = input.text(name), word != "all" else { return words }
        if words.contains(word) { return [word] }
        let remedy = "give one of all, \(words.joined(separator: ", "))"
        throw .badFlag(name, .malformed("'\(word)' is no choice", remedy))
    }
}

enum CheckCommand {
    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let order = try CheckOrder(input)
        let run = CheckRun(order, console)
        for settings in order.managers {
            if order.managers.count > 1 { console.say("manager \(settings.workerManagerID)") }
            for key in settings.unknownKeys { console.say("note: \(key.description)") }
            try await CloudChecks(run, settings).perform()
        }
        if order.phases.contains(.scheduler) {
            try await run.perform(SchedulerChecks.checks(order, order.managers[0]), .scheduler)
        }
        if order.isJSON { console.put(run.report.json.pretty) } else { console.put(run.report.summary) }
        return run.report.isPassed ? ExitCode.success : ExitCode.negative
    }
}
