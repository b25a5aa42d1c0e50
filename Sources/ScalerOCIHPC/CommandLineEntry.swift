// SPDX-License-Identifier: Apache-2.0

internal import Commands
internal import Configuration
internal import Daemon
internal import Reporting
internal import Transport

enum CommandLineEntry {
    /// Set for what is handed a command line, so that two copies of this program do not hand it to each other for ever.
    private static let handedOverMark = "SCALER_OCI_HPC_HANDED_OVER"

    static func run(_ arguments: [String]) -> Int32 {
        handOverToOthers(arguments)
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

    /// Lets the program whose name this one was called by start the managers that are its own; returns if there is none.
    private static func handOverToOthers(_ arguments: [String]) {
        guard Invocation.foreignManagerType(arguments) != nil, environmentVariable(handedOverMark) == nil
        else { return }
        let searchPath = environmentVariable("PATH") ?? ""
        guard let path = Program.findOther(Invocation.replacedProgram, searchPath: searchPath) else { return }
        Program.become(path, arguments: Array(arguments.dropFirst()), mark: handedOverMark)
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
