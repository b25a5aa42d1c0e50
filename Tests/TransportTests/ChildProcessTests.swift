// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing
import Transport

/// A program of the shell.
private func shell(_ script: String) -> Program {
    Program(path: "/bin/sh", arguments: ["-c", script])
}

@LoopActor
private func run(_ program: Program, limit: Int = 1 << 20) async throws -> (ProcessEnd, String) {
    let (end, output) = try await ChildProcess(program).collect(byteCountMax: limit, until: soon)
    return (end, String(decoding: output, as: UTF8.self))
}

@Suite struct ChildProcessTests {
    @Test(arguments: [0, 1, 3, 255])
    func `an exit code arrives as it is`(_ code: Int32) async throws {
        try await onLoop {
            let (end, _) = try await run(shell("exit \(code)"))
            #expect(end == .exited(code))
        }
    }

    /// A signal is ignored by a whole process, so this runs in one of its own.
    @Test func `an exit code arrives although the process was started to ignore the ends of children`() async
    {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD, SIG_IGN)
            try await onLoop {
                let (end, _) = try await run(shell("exit 3"))
                precondition(end == .exited(3), "\(end)")
            }
        }
    }

    @Test func `a program that a signal ended says which`() async throws {
        try await onLoop {
            let child = try ChildProcess(shell("echo ready; exec sleep 600"))
            #expect(try await child.readOutput(until: soon) == Array("ready\n".utf8))
            #expect(child.isRunning)
            child.send(signal: SIGTERM)
            #expect(try await child.waitForEnd(until: soon) == .killed(signal: SIGTERM))
            #expect(!child.isRunning)
            // Its number may belong to another by now; this must not reach it.
            child.send(signal: SIGKILL)
        }
    }

    @Test func `both output streams arrive, and a program may write more than a pipe holds`() async throws {
        try await onLoop {
            let (end, output) = try await run(shell("echo out; echo err >&2"))
            #expect(end.isSuccess)
            #expect(output == "out\nerr\n")
            let large = try await run(shell("head -c 3000000 /dev/zero; printf the-end"), limit: 100)
            #expect(large.1.utf8.count == 100)
            #expect(large.1.hasSuffix("the-end"))
        }
    }

    @Test func `input larger than a pipe reaches the program, and its end too`() async throws {
        try await onLoop {
            var program = shell("wc -c")
            program.input = patternBytes(1_000_000)
            let (_, output) = try await run(program)
            #expect(output == "1000000\n")
        }
    }

    @Test func `a program that wants no input ends all the same`() async throws {
        try await onLoop {
            var program = shell("exec 0<&-; exit 7")
            program.input = patternBytes(1_000_000)
            let (end, _) = try await run(program)
            #expect(end == .exited(7))
            let (_, nothing) = try await run(shell("cat"))
            #expect(nothing.isEmpty)
        }
    }

    @Test func `environment and directory are the program's own when given`() async throws {
        try await onLoop {
            var program = shell("echo $COLOUR; pwd; echo ${HOME-none}")
            program.environment = ["COLOUR": "blue=green"]
            program.directory = "/usr"
            let (_, output) = try await run(program)
            #expect(output == "blue=green\n/usr\nnone\n")
        }
    }

    @Test func `neither open files nor ignored signals are handed down`() async throws {
        try await onLoop {
            let spool = try SpoolFile()
            try spool.append([1])
            let listener = try loopbackListener()
            defer { listener.close() }
            // What remains is the directory that ls itself reads.
            #expect(try await run(shell("ls /proc/self/fd | tr '\\n' ' '")).1 == "0 1 2 3 ")
            // SIGPIPE, which the loop ignores, is the lowest bit of the fourth digit from the right; whoever
            // started the tests may ignore others.
            #expect(try await run(shell("grep -c '^SigIgn:.*[02468ace]...$' /proc/self/status")).1 == "1\n")
            #expect(try await run(shell("grep -c '^SigBlk:.0*$' /proc/self/status")).1 == "1\n")
        }
    }

    @Test func `a group of its own ends together`() async throws {
        try await onLoop {
            var program = shell("sleep 600 & echo $!; wait")
            program.leadsGroup = true
            let child = try ChildProcess(program)
            let text = String(decoding: try await child.readOutput(until: soon), as: UTF8.self)
            let grandchild = try #require(Int32(text.dropLast()))
            child.send(signal: SIGKILL)
            #expect(try await child.waitForEnd(until: soon) == .killed(signal: SIGKILL))
            // The pipe ends when the last holder is gone.
            #expect(try await child.readOutput(until: soon).isEmpty)
            // It closes its files a moment before it is over.
            let end = soon
            while kill(grandchild, 0) == 0, !isZombie(grandchild) {
                try #require(!end.isPast)
                await yieldToOthers()
            }
        }
    }

    @Test func `what cannot be run fails with the kernel's reason`() async throws {
        try await onLoop {
            for (path, number) in [("/nonexistent", ENOENT), ("/etc/passwd", EACCES)] {
                _ = #expect(
                    throws: TransportError.systemCall(
                        SystemCallError(call: "posix_spawn", number: number),
                        .process
                    )
                ) {
                    _ = try ChildProcess(Program(path: path, arguments: []))
                }
            }
        }
    }

    @Test func `waiting for a program ends with the deadline, and the program goes on`() async throws {
        try await onLoop {
            let child = try ChildProcess(shell("exec sleep 600"))
            await #expect(throws: TransportError.deadlinePassed(.process)) {
                try await child.waitForEnd(until: .after(.milliseconds(10)))
            }
            await #expect(throws: TransportError.deadlinePassed(.process)) {
                try await child.readOutput(until: .after(.milliseconds(10)))
            }
            #expect(child.isRunning)
            child.send(signal: SIGKILL)
            _ = try await child.waitForEnd(until: soon)
        }
    }

    @Test func `a hundred programs at once each tell their own end`() async throws {
        try await onLoop {
            let children = try (0..<100).map { try ChildProcess(shell("exit \($0)")) }
            for (code, child) in children.enumerated() {
                #expect(try await child.collect(byteCountMax: 1, until: soon).end == .exited(Int32(code)))
            }
        }
    }

    @Test func `a name is looked up in the search path, a path is taken as it is`() {
        #expect(Program.find("sh", searchPath: "/nonexistent:/bin") == "/bin/sh")
        #expect(Program.find("/bin/sh", searchPath: "") == "/bin/sh")
        #expect(Program.find("sh", searchPath: "::") == nil)
        #expect(Program.find("passwd", searchPath: "/etc") == nil)
        #expect(Program.find("bin", searchPath: "/usr") == nil)
    }

    private func isZombie(_ processID: Int32) -> Bool {
        guard let status = try? readFile("/proc/\(processID)/stat", byteCountMax: 4096) else { return true }
        return String(decoding: status, as: UTF8.self).split(separator: " ").contains("Z")
    }
}
