// SPDX-License-Identifier: Apache-2.0

internal import CLinux
package import EventLoop
internal import Glibc

/// A local OCI for tests: the emulator under `Tools`, as a process of its own, over TLS with its own authority.
///
/// It needs a Python with aiohttp, cryptography and cloudpickle, named by `SCALER_TEST_PYTHON`.
@LoopActor
package final class LocalOCI {
    /// Why there is no local OCI.
    package enum Failure: Error {
        /// `SCALER_TEST_PYTHON` is not set.
        case noPython
        /// A system call failed.
        case system(String, Int32)
        /// It ended before it was ready; what it had said by then.
        case ended(String)
    }

    /// The interpreter, or nil: tests that need one are then skipped.
    package nonisolated static var python: String? {
        getenv("SCALER_TEST_PYTHON").map { String(cString: $0) }
    }

    /// What it says to export: `OCI_ENDPOINT`, `OCI_CONFIG_FILE`, `OCI_CA_BUNDLE`, `OCI_COMPARTMENT_ID` and others.
    package let environment: [String: String]
    private let processID: pid_t
    private let output: Output
    private static var sharing: Spawned<Result<LocalOCI, any Error>>?
    private static let turns = Turns()

    private init(environment: [String: String], processID: pid_t, output: Output) {
        self.environment = environment
        self.processID = processID
        self.output = output
    }

    /// The one for all tests that need no faults and share it with others; it ends with the test process.
    package static func shared() async throws -> LocalOCI {
        if let sharing { return try await sharing.value.get() }
        let starting = spawn { () async -> Result<LocalOCI, any Error> in
            do { return .success(try await start()) } catch { return .failure(error) }
        }
        sharing = starting
        return try await starting.value.get()
    }

    /// Starts one with these arguments after `serve`, and returns when it listens.
    package static func start(_ arguments: [String] = ["--fast"]) async throws -> LocalOCI {
        guard let python else { throw Failure.noPython }
        await turns.take()
        defer { turns.give() }
        let output = try Output()
        let processID = try spawnProcess(
            [python, "-c", launcher, root + "/Tools/oci-emulator/oci-emulator", "serve"] + arguments,
            output: output.writeEnd
        )
        output.closeWriteEnd()
        var text = ""
        while !text.hasSuffix("ready\n") {
            let part = try await output.read()
            guard !part.isEmpty else { throw Failure.ended(text) }
            text += part
        }
        return LocalOCI(environment: exports(in: text), processID: processID, output: output)
    }

    /// Ends it, its containers included, and returns when it is gone.
    package func stop() async throws {
        kill(processID, SIGTERM)
        while try await !output.read().isEmpty {}
        var status: Int32 = 0
        waitpid(processID, &status, 0)
    }

    /// A variable that it exports, or a trap: the test is wrong then.
    package subscript(name: String) -> String {
        guard let value = environment[name] else { preconditionFailure("no \(name) in \(environment)") }
        return value
    }

    /// Has the kernel end it with the loop's thread, so that a test that traps leaves nothing running.
    private static let launcher = """
        import ctypes, runpy, sys
        ctypes.CDLL(None).prctl(1, 15)
        sys.argv = sys.argv[1:]
        runpy.run_path(sys.argv[0], run_name="__main__")
        """

    /// The root of the package.
    private static var root: String {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(3).joined(separator: "/")
    }

    /// The variables of lines like `export NAME=value` or `export NAME='value'`.
    private static func exports(in text: String) -> [String: String] {
        var variables: [String: String] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("export ") {
            let name = line.dropFirst(7).prefix { $0 != "=" }
            variables[String(name)] = line.dropFirst(7 + name.count + 1).filter { $0 != "'" }
        }
        return variables
    }
}

/// Lets two processes start at a time: two dozen would slow each other down until deadlines pass.
@LoopActor
private final class Turns {
    private var freeCount = 2
    private var waiting: [Latch] = []

    func take() async {
        if freeCount > 0 {
            freeCount -= 1
            return
        }
        let latch = Latch()
        waiting.append(latch)
        try? await latch.wait()
    }

    func give() {
        if waiting.isEmpty { freeCount += 1 } else { waiting.removeFirst().open() }
    }
}

/// The standard output of a process, read without blocking the loop.
@LoopActor
private final class Output {
    private let readEnd: Int32
    let writeEnd: Int32
    private let readiness: Readiness

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw LocalOCI.Failure.system("pipe", errno)
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(readEnd, F_SETFL, O_NONBLOCK)
        readiness = Readiness(readEnd)
    }

    func closeWriteEnd() {
        close(writeEnd)
    }

    /// The next part; empty at the end.
    func read() async throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(readEnd, &buffer, buffer.count)
            if count >= 0 { return String(decoding: buffer[..<count], as: UTF8.self) }
            guard errno == EAGAIN || errno == EINTR else { throw LocalOCI.Failure.system("read", errno) }
            try await readiness.wait(for: .read, until: .after(.seconds(120)))
        }
    }
}

/// Starts a program with its standard output going to `output`.
@LoopActor
private func spawnProcess(_ arguments: [String], output: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    // The end of a pipe that another test makes at this moment, held here, would keep its reader waiting for ever.
    _ = clinux_close_others(&actions, 3)
    // The loop's thread may have every signal blocked, and a child would inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var processID = pid_t()
    let status = posix_spawn(&processID, arguments[0], &actions, &attributes, words, environ)
    guard status == 0 else { throw LocalOCI.Failure.system("posix_spawn", status) }
    return processID
}
