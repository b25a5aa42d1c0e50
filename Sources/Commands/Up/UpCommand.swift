// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Daemon
internal import EventLoop
internal import Reporting
internal import Transport

/// `scaler-oci-hpc up`: a whole cluster from one file, as `scaler FILE` starts it.
enum UpCommand {
    /// Takes the arguments that the program takes without a subcommand; one of them must name a file.
    static func run(_ arguments: [String]) -> Int32 {
        do throws(ConfigurationError) {
            // Checked first: without a file, other missing settings do not matter.
            let path = try path(arguments)
            let invocation = try Invocation.parse(
                arguments: ["scaler-oci-hpc"] + arguments,
                environment: environmentVariables(),
                readFile: ConfigurationReader.read
            )
            guard case .run(let managers) = invocation else {
                switch invocation {
                case .printConfig(let text), .help(let text): print(text)
                case .run, .version, .subcommand: break
                }
                return ExitCode.success
            }
            let sections = try sections(of: path)
            for type in sections.otherManagerTypes {
                LineWriter.writeFatal(
                    "note: the worker manager of type \(type) is not started by this program"
                )
            }
            if sections.hasGUI { LineWriter.writeFatal("note: [gui] is not started by this program") }
            let programs = CompanionProgram.all(sections, path: path)
            return Daemon.run(managers) { CompanionProcesses(programs) }
        } catch {
            LineWriter.writeFatal(error.description)
            return error.exitCode
        }
    }

    private static func path(_ arguments: [String]) throws(ConfigurationError) -> String {
        let scan = try ArgumentScan(arguments, options: Option.table)
        if let path = scan.texts("config")?.last ?? scan.words.first(where: { $0.hasSuffix(".toml") }) {
            return path
        }
        throw .contradiction("up starts what a configuration file says; give it one, such as config.toml")
    }

    private static func sections(of path: String) throws(ConfigurationError) -> ScalerSections {
        try ScalerSections(try ConfigurationReader.read(path), path: path)
    }
}

/// One of Scaler's own programs, as a configuration file wants it.
struct CompanionProgram: Sendable, Equatable {
    let name: String
    let arguments: [String]
    /// Where it accepts connections once it works.
    let address: SchedulerAddress

    /// The programs of a file in the order in which they need each other.
    ///
    /// Scaler's programs read their section themselves, but insist on the addresses in their command line.
    static func all(_ sections: ScalerSections, path: String) -> [CompanionProgram] {
        var all: [CompanionProgram] = []
        if let address = sections.objectStorageServer {
            all.append(
                CompanionProgram(
                    name: "scaler_object_storage_server",
                    arguments: [address.description, "--config", path],
                    address: address
                )
            )
        }
        if let scheduler = sections.scheduler {
            all.append(
                CompanionProgram(
                    name: "scaler_scheduler",
                    arguments: [
                        scheduler.bindAddress.description, "--object-storage-address",
                        scheduler.objectStorageAddress.description, "--config", path,
                    ],
                    address: scheduler.bindAddress
                )
            )
        }
        return all
    }
}
