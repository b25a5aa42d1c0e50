// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import EventLoop
internal import Glibc
internal import Reporting

/// The subcommands of this module.
package enum CommandRunner {
    /// For the help, and to be told apart from addresses and files.
    package static let subcommands = CommandForm.all.map { Subcommand(name: $0.name, summary: $0.summary) }

    /// Runs a subcommand; returns its exit code, or nil if it is none of these.
    package static func run(_ name: String, _ arguments: [String]) -> Int32? {
        switch name {
        case CommandForm.up.name: UpCommand.run(arguments)
        case CommandForm.provision.name: run(arguments, ProvisionCommand.run)
        case CommandForm.cleanup.name: run(arguments, CleanupCommand.run)
        case CommandForm.show.name: run(arguments, ShowCommand.run)
        case CommandForm.listDomains.name: run(arguments, ShowCommand.listDomains)
        case CommandForm.list.name: run(arguments, ListCommand.run)
        case CommandForm.reap.name: run(arguments, ReapCommand.run)
        case CommandForm.buildImage.name: run(arguments, BuildImageCommand.run)
        case CommandForm.check.name: run(arguments, CheckCommand.run)
        default: nil
        }
    }

    private typealias Body =
        @LoopActor @Sendable (_ arguments: [String], _ console: Console) async throws(CommandError) ->
        Int32

    private static func run(_ arguments: [String], _ body: @escaping Body) -> Int32 {
        EventLoop.run { await perform(arguments, body) }
    }

    /// The first SIGINT or SIGTERM cancels the work, which may then put things in order; the second ends it.
    @LoopActor
    private static func perform(_ arguments: [String], _ body: @escaping Body) async -> Int32 {
        let console = Console()
        let signals = Signals([SIGINT, SIGTERM])
        let caught = Mailbox<Int32>()
        let work = spawn { () async -> Int32 in
            do throws(CommandError) {
                return try await body(arguments, console)
            } catch {
                console.say("scaler-oci-hpc: \(error)")
                if case .cancelled = error, let number = caught.poll() { return 128 + number }
                return error.exitCode
            }
        }
        spawn {
            guard let number = try? await signals.next() else { return }
            caught.send(number)
            work.cancel()
            guard let number = try? await signals.next() else { return }
            exit(128 + number)
        }
        return await work.value
    }
}
