// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Transport

/// `scaler-oci-hpc check`.
enum CheckCommand {
    @LoopActor
    static func run(_ arguments: [String], _ console: Console) async throws(ProvisioningError) -> Int32 {
        guard let order = try CheckOrder(arguments, environment: environmentVariables()) else {
            console.put(CommandForm.check.help)
            return 0
        }
        let run = CheckRun(order, console)
        for settings in order.managers {
            if order.managers.count > 1 { console.say("manager \(settings.workerManagerID)") }
            try await CloudChecks(run, settings).perform()
        }
        if order.phases.contains(.scheduler) {
            try await SchedulerChecks(run, order.managers[0]).perform()
        }
        if order.isJSON { console.put(run.report.json.pretty) } else { console.put(run.report.summary) }
        return run.report.isPassed ? 0 : 1
    }
}

/// How a check that does not pass is told from inside it.
enum CheckFault: Error {
    case warned(Complaint)
    case failed(Complaint)
    case skipped(String)
    case cancelled
}

/// The report in the making.
@LoopActor
final class CheckRun {
    let order: CheckOrder
    private let console: Console
    private(set) var report = CheckReport()

    init(_ order: CheckOrder, _ console: Console) {
        self.order = order
        self.console = console
    }

    /// Makes one check and writes its outcome down; what it found if it passed, nil otherwise.
    @discardableResult
    func check<Value: Sendable>(
        _ name: String,
        _ phase: CheckPhase,
        _ body: @LoopActor () async throws(CheckFault) -> (seen: String, value: Value)
    ) async throws(ProvisioningError) -> Value? {
        if !order.isJSON { console.begin("      \(name)") }
        do throws(CheckFault) {
            let (seen, value) = try await body()
            note(name, phase, .passed(seen))
            return value
        } catch .cancelled {
            throw .cancelled
        } catch {
            switch error {
            case .warned(let complaint): note(name, phase, .warned(complaint))
            case .failed(let complaint): note(name, phase, .failed(complaint))
            case .skipped(let reason): note(name, phase, .skipped(reason))
            case .cancelled: break
            }
            return nil
        }
    }

    /// Makes one check that finds nothing to go on with.
    func check(
        _ name: String,
        _ phase: CheckPhase,
        _ body: @LoopActor () async throws(CheckFault) -> String
    ) async throws(ProvisioningError) {
        try await check(name, phase) { () async throws(CheckFault) -> (seen: String, value: Bool) in
            (try await body(), true)
        }
    }

    private func note(_ name: String, _ phase: CheckPhase, _ outcome: CheckOutcome) {
        let result = CheckResult(name: name, phase: phase, outcome: outcome)
        report.add(result)
        if order.isJSON { return }
        let lines = CheckReport.lines(result)
        console.clear()
        for line in lines { console.put(line) }
    }
}
