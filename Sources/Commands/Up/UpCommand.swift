// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Daemon
internal import EventLoop
internal import Glibc
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
                if case .printConfig(let text) = invocation { print(text) }
                if case .help(let text) = invocation { print(text) }
                return ExitCode.success
            }
            let sections = try ScalerSections(try ConfigurationReader.read(path), path: path)
            let programs = CompanionProgram.all(sections, path: path)
            let endsWithScheduler = managers.allSatisfy(\.exitsWithScheduler)
            return Daemon.run(managers) {
                CompanionProcesses(programs, endsWithScheduler: endsWithScheduler)
            }
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
}

/// One of Scaler's own programs, as a configuration file wants it.
struct CompanionProgram: Sendable, Equatable {
    let name: String
    let arguments: [String]
    /// Where it accepts connections once it works; nil for a program that nobody waits for.
    let address: SchedulerAddress?

    static let schedulerName = "scaler_scheduler"

    /// The programs of a file in the order in which they need each other.
    ///
    /// Scaler's programs read their section themselves, but insist on the addresses in their command line.
    static func all(_ sections: ScalerSections, path: String) -> [CompanionProgram] {
        var all: [CompanionProgram] = []
        if let address = sections.objectStorageServer {
            let arguments = [address.description, "--config", path]
            let name = "scaler_object_storage_server"
            all.append(CompanionProgram(name: name, arguments: arguments, address: address))
        }
        if let scheduler = sections.scheduler {
            let address = scheduler.bindAddress
            let arguments = [
                address.description, "--object-storage-address", scheduler.objectStorageAddress.description,
                "--config", path,
            ]
            all.append(CompanionProgram(name: schedulerName, arguments: arguments, address: address))
        }
        for manager in sections.otherManagers {
            let arguments =
                [manager.type] + [manager.schedulerAddress].compactMap { $0 } + ["--config", path]
            all.append(
                CompanionProgram(name: Invocation.replacedProgram, arguments: arguments, address: nil)
            )
        }
        if let gui = sections.gui {
            let arguments = [gui.monitorAddress].compactMap { $0 } + ["--config", path]
            all.append(CompanionProgram(name: "scaler_gui", arguments: arguments, address: nil))
        }
        return all
    }
}

/// Scaler's own programs while they run beside the managers.
@LoopActor
final class CompanionProcesses: Companions {
    /// How long a program may take until it accepts connections; Python starts slowly on a busy host.
    private static let startTimeout: Duration = .seconds(60)
    /// How long a program may take to end before it is killed; `scaler FILE` gives it the same time.
    private static let stopTimeout: Duration = .seconds(10)
    private static let pollInterval: Duration = .milliseconds(100)

    private let programs: [CompanionProgram]
    private var running: [(program: CompanionProgram, process: ChildProcess)] = []
    private let ends = Mailbox<(name: String, end: ProcessEnd)>()
    private var isStopping = false
    private let endsWithScheduler: Bool

    /// `endsWithScheduler` is true where it is no failure that the scheduler ends in order by itself.
    init(_ programs: [CompanionProgram], endsWithScheduler: Bool) {
        self.programs = programs
        self.endsWithScheduler = endsWithScheduler
    }

    func start() async -> Int32? {
        for program in programs {
            guard let process = launch(program) else { return ExitCode.unavailable }
            running.append((program, process))
            spawn {
                guard let end = try? await process.waitForEnd(), !self.isStopping else { return }
                self.ends.send((program.name, end))
            }
            guard let address = program.address else { continue }
            guard await accepts(program, process, at: address) else {
                return isStopping || isCancelled ? ExitCode.success : ExitCode.unavailable
            }
        }
        return nil
    }

    func waitForEnd() async -> Int32 {
        guard let (name, end) = try? await ends.receive() else { return ExitCode.success }
        LineWriter.writeFatal("\(name) ended with \(end); stopping everything")
        if case .exited(let code) = end, code != 0 { return code }
        if endsWithScheduler, end.isSuccess, name == CompanionProgram.schedulerName {
            return ExitCode.success
        }
        return ExitCode.unavailable
    }

    /// Stops them in reverse order, because each needs those before it.
    func stop() async {
        isStopping = true
        for (program, process) in running.reversed() where process.isRunning {
            process.send(signal: SIGTERM)
            // This runs when the process ends: nothing cancels this wait.
            if (try? await process.waitForEnd(until: .after(Self.stopTimeout))) == nil {
                LineWriter.writeFatal("\(program.name) does not leave; killing it")
                process.send(signal: SIGKILL)
                _ = try? await process.waitForEnd(until: .after(Self.stopTimeout))
            }
        }
    }

    private func launch(_ program: CompanionProgram) -> ChildProcess? {
        let searchPath = environmentVariable("PATH") ?? ""
        // Never this one, which may be called by such a name.
        guard let path = Program.findOther(program.name, searchPath: searchPath) else {
            LineWriter.writeFatal(
                "there is no \(program.name) in PATH; install it with pip install opengris-scaler, or activate the "
                    + "virtual environment that has it"
            )
            return nil
        }
        var started = Program(path: path, arguments: program.arguments)
        started.output = .inherited
        // Ctrl-C at the terminal must not reach the program directly: `stop` ends the programs in the right order.
        started.leadsGroup = true
        started.endsWithParent = true
        do throws(TransportError) {
            return try ChildProcess(started)
        } catch {
            LineWriter.writeFatal("\(path) cannot be started: \(error)")
            return nil
        }
    }

    /// Whether the program accepts connections in time, without having ended before.
    private func accepts(
        _ program: CompanionProgram,
        _ process: ChildProcess,
        at address: SchedulerAddress
    ) async -> Bool {
        let limit = Deadline.after(Self.startTimeout)
        while !limit.isPast, process.isRunning, !isCancelled {
            if await connects(address) { return true }
            _ = try? await sleep(for: Self.pollInterval)
        }
        if isCancelled { return false }
        LineWriter.writeFatal(
            process.isRunning
                ? "\(program.name) did not accept connections at \(address.description) in time"
                : "\(program.name) ended at its start; what it said stands above"
        )
        return false
    }

    private func connects(_ address: SchedulerAddress) async -> Bool {
        let deadline = Deadline.after(.seconds(2))
        do throws(TransportError) {
            switch address {
            case .ipc(let path):
                try await connectTCP(to: [.unix(path: path)], deadline: deadline).close()
            case .tcp(let host, let port), .tls(let host, let port), .webSocket(let host, let port, _, _):
                // A server that is bound to every address is reached at the loopback address.
                let isEvery = ["0.0.0.0", "*", "::"].contains(host)
                try await connectTCP(host: isEvery ? "127.0.0.1" : host, port: port, deadline: deadline)
                    .close()
            }
            return true
        } catch {
            return false
        }
    }
}
