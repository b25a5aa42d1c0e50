// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Daemon
internal import EventLoop
internal import Glibc
internal import Reporting
internal import Transport

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

    init(_ programs: [CompanionProgram]) {
        self.programs = programs
    }

    func start() async -> Int32? {
        for program in programs {
            guard let process = launch(program) else { return ExitCode.unavailable }
            running.append((program, process))
            spawn { await self.watch(program, process) }
            guard await accepts(program, process) else {
                return isStopping || isCancelled ? ExitCode.success : ExitCode.unavailable
            }
        }
        return nil
    }

    func waitForEnd() async -> Int32 {
        guard let (name, end) = try? await ends.receive() else { return ExitCode.success }
        LineWriter.writeFatal("\(name) ended with \(end); stopping everything")
        if case .exited(let code) = end, code != 0 { return code }
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
        guard let path = Program.find(program.name, searchPath: searchPath) else {
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

    private func watch(_ program: CompanionProgram, _ process: ChildProcess) async {
        guard let end = try? await process.waitForEnd(), !isStopping else { return }
        ends.send((program.name, end))
    }

    /// Whether the program accepts connections in time, without having ended before.
    private func accepts(_ program: CompanionProgram, _ process: ChildProcess) async -> Bool {
        let limit = Deadline.after(Self.startTimeout)
        while !limit.isPast, process.isRunning, !isCancelled {
            if await connects(program.address) { return true }
            _ = try? await sleep(for: Self.pollInterval)
        }
        if isCancelled { return false }
        LineWriter.writeFatal(
            process.isRunning
                ? "\(program.name) did not accept connections at \(program.address.description) in time"
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
            case .tcp(let host, let port):
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
