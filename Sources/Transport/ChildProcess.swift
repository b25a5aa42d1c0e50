// SPDX-License-Identifier: Apache-2.0
//
// Programs run beside this one, without a thread or a signal handler for them.
//
// Rule: the end of a child is told by SIGCHLD, which is one for many children and belongs to whoever set its handler
// last, or by pidfd_open(2): a descriptor that becomes readable when that one child has ended.
// Consequence: a child is waited for like a socket. Its zombie keeps its number taken until waitpid, which is called
// here and nowhere else, so a signal sent before that cannot reach another process.
// Rejected: libev's child watcher, which reaps every child of the process; fork, which Swift forbids for a reason.

internal import CLinux
package import EventLoop
internal import Glibc

/// A program that was started and may have ended.
///
/// It is reaped while the loop runs, whoever still holds this object. One that shall not outlive this process has to
/// be told so with `send`, or be started with `endsWithParent`.
@LoopActor
package final class ChildProcess {
    /// Bytes that one read of its output takes.
    private static let blockByteCount = 64 * 1024

    /// Number of the process; may mean another one after its end.
    package let processID: Int32
    private let leadsGroup: Bool
    private let output: Pipe?
    private let ended = Latch()
    private var end: ProcessEnd?

    /// Starts `program`; it begins to run at once.
    package init(_ program: Program) throws(TransportError) {
        let input = program.input.isEmpty ? nil : try Pipe()
        let output = program.output == .captured ? try Pipe() : nil
        let processID = try launch(program, input: input?.readEnd, output: output?.writeEnd)
        input?.keepWriteEnd()
        output?.keepReadEnd()
        self.processID = processID
        self.output = output
        leadsGroup = program.leadsGroup
        let watched = try Self.watch(processID)
        spawn { await self.reap(watched) }
        if let input { spawn { await input.write(program.input) } }
    }

    /// Whether it has not ended, as far as we know.
    package var isRunning: Bool { end == nil }

    /// Returns the next part of its output, empty when there is none to come; nothing if that is inherited.
    package func readOutput(until deadline: Deadline = .never) async throws(TransportError) -> [UInt8] {
        guard let output else { return [] }
        return try await output.read(upTo: Self.blockByteCount, until: deadline)
    }

    /// Waits for its end.
    package func waitForEnd(until deadline: Deadline = .never) async throws(TransportError) -> ProcessEnd {
        try await waiting(.process) { () async throws(WaitError) in try await ended.wait(until: deadline) }
        guard let end else { preconditionFailure("the latch opens when the end is known") }
        return end
    }

    /// Reads all output, of which the last `byteCountMax` bytes are kept, and waits for the end.
    package func collect(
        byteCountMax: Int,
        until deadline: Deadline = .never
    ) async throws(TransportError) -> (end: ProcessEnd, output: [UInt8]) {
        var kept: [UInt8] = []
        while true {
            let part = try await readOutput(until: deadline)
            if part.isEmpty { break }
            kept += part
            if kept.count > 2 * byteCountMax { kept.removeFirst(kept.count - byteCountMax) }
        }
        return (try await waitForEnd(until: deadline), kept.suffix(byteCountMax))
    }

    /// Sends a signal to it, or to its group if it leads one; nothing happens when it has ended.
    package func send(signal number: Int32) {
        guard isRunning else { return }
        kill(leadsGroup ? -processID : processID, number)
    }

    private static func watch(_ processID: Int32) throws(TransportError) -> Int32 {
        do throws(TransportError) {
            return try during(.process) { () throws(SystemCallError) in
                Int32(try promptSystemCall("pidfd_open") { Int(clinux_open_process(processID)) })
            }
        } catch {
            // Without a way to wait it cannot be kept.
            kill(processID, SIGKILL)
            var status: Int32 = 0
            waitpid(processID, &status, 0)
            throw error
        }
    }

    private func reap(_ watched: Int32) async {
        let readiness = Readiness(watched)
        var status: Int32 = 0
        while waitpid(processID, &status, WNOHANG) == 0 {
            // Never cancelled: nobody holds this task.
            try? await readiness.wait(for: .read, until: .never)
        }
        readiness.close()
        close(watched)
        end = ProcessEnd(status: status)
        ended.open()
    }
}

/// Starts a program with these descriptors as its standard streams; nil stands for /dev/null as input and for our
/// own streams as output.
private func launch(_ program: Program, input: Int32?, output: Int32?) throws(TransportError) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let directory = program.directory { _ = clinux_change_directory(&actions, directory) }
    if let input {
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    } else {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    }
    if let output {
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    }
    // Whatever library opened something without O_CLOEXEC: it stays here.
    _ = clinux_close_others(&actions, STDERR_FILENO + 1)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // We ignore SIGPIPE and may have blocked others; both would be handed down.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    var flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    if program.leadsGroup { flags |= POSIX_SPAWN_SETPGROUP }
    posix_spawnattr_setflags(&attributes, Int16(flags))

    let (path, vector) =
        program.endsWithParent ? ParentDeathSignal.launch(program) : (program.path, program.vector)
    let arguments = CStrings(vector)
    let environment = CStrings((program.environment ?? environmentVariables()).map { "\($0)=\($1)" })
    var processID = pid_t()
    let status = posix_spawn(
        &processID,
        path,
        &actions,
        &attributes,
        arguments.pointers,
        environment.pointers
    )
    guard status == 0 else {
        throw .systemCall(SystemCallError(call: "posix_spawn", number: status), .process)
    }
    return processID
}

/// An argument vector for the C library, freed with its holder.
final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { (pointers + index).initialize(to: strdup(string)) }
        (pointers + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}
