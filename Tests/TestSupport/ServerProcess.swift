// SPDX-License-Identifier: Apache-2.0

internal import CLinux
package import EventLoop
internal import Glibc
internal import Transport

/// A program started by a test that listens on a port of loopback.
@LoopActor
package final class ServerProcess {
    private let processID: pid_t
    private var isRunning = true
    /// Where it listens.
    package let port: UInt16
    /// Where its standard output and error go.
    package let logPath: String

    /// Starts `arguments[0]` and waits until `port` accepts connections.
    ///
    /// Throws when the program ends before, or after half a minute; the error names the log.
    package init(_ arguments: [String], environment: [String: String] = [:], port: UInt16) async throws {
        self.port = port
        logPath = "/tmp/server-\(getpid())-\(port).log"
        processID = try spawnProcess(arguments, environment, logPath)
        do {
            try await awaitListening()
        } catch {
            await end(SIGKILL)
            throw error
        }
    }

    /// Ends the program by SIGTERM, and by SIGKILL if it takes over five seconds; removes the log.
    package func stop() async {
        unlink(logPath)
        await end(SIGTERM)
    }

    /// Ends the program as a crash would: its kernel closes what it had open.
    package func crash() async {
        await end(SIGKILL)
    }

    private func end(_ signal: Int32) async {
        guard isRunning else { return }
        kill(processID, signal)
        let patience = Deadline.after(.seconds(5))
        // Only this process may wait for its child, and SIGCHLD belongs to the tests' own process manager.
        while !hasEnded() {
            if patience.isPast { kill(processID, SIGKILL) }
            try? await sleep(for: .milliseconds(10))
        }
    }

    /// Whether the program is gone; reaps it.
    private func hasEnded() -> Bool {
        if isRunning, waitpid(processID, nil, WNOHANG) != 0 { isRunning = false }
        return !isRunning
    }

    private func awaitListening() async throws {
        let patience = Deadline.after(.seconds(30))
        while !patience.isPast, !hasEnded() {
            let address = SocketAddress.ipv4([127, 0, 0, 1], port: port)
            if let stream = try? await connectTCP(to: [address], deadline: .after(.seconds(1))) {
                await stream.finish(deadline: .after(.seconds(1)))
                return
            }
            // Nothing else tells that a foreign program has begun to listen.
            try await sleep(for: .milliseconds(20))
        }
        throw ServerProcessError.notListening(logPath: logPath)
    }
}

/// Why a server of a test did not come up.
package enum ServerProcessError: Error {
    /// The program could not be started.
    case notStarted(errno: Int32)
    /// It ended, or did not listen in time; its log says more.
    case notListening(logPath: String)
}

/// A port of 127.0.0.1 that is free now.
@LoopActor
package func freePort() throws -> UInt16 {
    let listener = try loopbackListener()
    defer { listener.close() }
    return listener.address.port ?? 0
}

/// Starts a program, found in PATH, with this process's environment and `environment` besides.
private func spawnProcess(
    _ arguments: [String],
    _ environment: [String: String],
    _ logPath: String
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, logPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // The end of a pipe that another test makes at this moment, held here, would keep its reader waiting for ever.
    _ = clinux_close_others(&actions, 3)
    // `env` merges the two environments.
    let command = ["env"] + environment.map { "\($0.key)=\($0.value)" } + arguments
    var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    defer { for argument in argv { free(argument) } }
    argv.append(nil)
    var processID: pid_t = 0
    let status = posix_spawnp(&processID, "env", &actions, nil, argv, environ)
    guard status == 0 else { throw ServerProcessError.notStarted(errno: status) }
    return processID
}
