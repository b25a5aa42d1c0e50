// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import EventLoop
internal import Glibc
internal import Reporting
internal import Transport

/// The subcommands of this module.
package enum CommandRunner {
    /// What is known of them: for help, manual and completions, and to tell them from addresses and files in a command line.
    package static let subcommands: [Subcommand] = CommandForm.all.map(\.subcommand)

    private typealias Body = @LoopActor @Sendable (CommandInput, Console) async throws(CommandError) -> Int32

    private static let bodies: [(form: CommandForm, body: Body)] = [
        (.provision, Provisioner.run), (.buildImage, BuildImageCommand.run), (.check, CheckCommand.run),
        (.show, ShowCommand.run), (.listDomains, ShowCommand.listDomains), (.list, ListCommand.run),
        (.reap, ReapCommand.run), (.cleanup, CleanupCommand.run), (.top, TopCommand.run),
        (.cost, CostCommand.run),
    ]

    /// Runs a subcommand; returns its exit code, or nil if it is none of these.
    package static func run(_ name: String, _ arguments: [String]) -> Int32? {
        guard let form = CommandForm.all.first(where: { $0.name == name }) else { return nil }
        if CommandForm.asksForHelp(arguments) {
            print(form.help)
            return ExitCode.success
        }
        guard let body = bodies.first(where: { $0.form.name == name })?.body else {
            return UpCommand.run(arguments)
        }
        return EventLoop.run { await perform(body, form, arguments) }
    }

    /// What ends a subcommand: the first cancels the work, which may then put things in order; the second ends it.
    private static let endingSignals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    /// Runs a subcommand's work until it is done, or a signal ends it.
    @LoopActor
    private static func perform(
        _ body: @escaping Body,
        _ form: CommandForm,
        _ arguments: [String]
    ) async -> Int32 {
        let console = Console()
        let signals = Signals(endingSignals)
        // The daemon alone has tasks to report.
        Signals.ignore([SIGUSR1] + Signals.withoutOrder)
        let caught = Mailbox<Int32>()
        let work = spawn { () async -> Int32 in
            do throws(CommandError) {
                let input = try CommandInput(form, arguments, environment: environmentVariables())
                return try await body(input, console)
            } catch {
                console.say("scaler-oci-hpc: \(error)")
                if case .cancelled = error, let number = caught.poll() { return ExitCode.signal(number) }
                return error.exitCode
            }
        }
        spawn {
            var requests = StopRequests()
            while let number = try? await signals.next() {
                switch requests.received(at: .now) {
                case .first:
                    caught.send(number)
                    work.cancel()
                case .copy, .report: break
                case .second: exit(ExitCode.signal(number))
                }
            }
        }
        return await work.value
    }
}
