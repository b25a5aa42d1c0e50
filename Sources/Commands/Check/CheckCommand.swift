// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Reporting
internal import Transport

/// `scaler-oci-hpc check`.
enum CheckCommand {
    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let order = try CheckOrder(input)
        let run = CheckRun(order, console)
        for settings in order.managers {
            if order.managers.count > 1 { console.say("manager \(settings.workerManagerID)") }
            try await CloudChecks(run, settings).perform()
        }
        if order.phases.contains(.scheduler) {
            try await run.perform(SchedulerChecks.checks(order, order.managers[0]), .scheduler)
        }
        if order.isJSON { console.put(run.report.json.pretty) } else { console.put(run.report.summary) }
        return run.report.isPassed ? ExitCode.success : ExitCode.negative
    }
}
