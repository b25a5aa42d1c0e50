// SPDX-License-Identifier: Apache-2.0

internal import Commands
internal import Configuration
internal import Daemon
internal import Reporting
internal import Transport

enum CommandLineEntry {
    static func run(_ arguments: [String]) -> Int32 {
        do throws(ConfigurationError) {
            let invocation = try Invocation.parse(
                arguments: arguments,
                environment: environmentVariables(),
                subcommands: CommandRunner.subcommands,
                readFile: ConfigurationReader.read
            )
            switch invocation {
            case .run(let managers): return Daemon.run(managers)
            case .printConfig(let text), .help(let text): return say(text)
            case .version: return say("scaler-oci-hpc \(Version.text)")
            case .subcommand(let name, let arguments): return run(name, arguments)
            }
        } catch {
            LineWriter.writeFatal(error.description)
            return error.exitCode
        }
    }

    private static func run(_ name: String, _ arguments: [String]) -> Int32 {
        guard let code = CommandRunner.run(name, arguments) else {
            preconditionFailure("no subcommand \(name) was declared")
        }
        return code
    }

    private static func say(_ text: String) -> Int32 {
        print(text)
        return ExitCode.success
    }
}
