// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Transport

/// How a process becomes a program that ends with its parent; that the kernel then ends it, the end-to-end tests show.
@Suite struct ParentDeathSignalTests {
    @Test func `a program is started by way of our own executable, which is told whose child it is`() {
        let start = ParentDeathSignal.launch(Program(path: "/bin/echo", arguments: ["a", "b"]))
        #expect(start.path == "/proc/self/exe")
        #expect(
            start.vector == ["/bin/echo", "--become-with-parent", "\(getpid())", "/bin/echo", "a", "b"]
        )
    }

    @Test func `any other arguments are left to who comes after`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            for arguments in [
                [], ["exe"], ["exe", "--become-with-parent"],
                ["exe", "--become-with-parent", "\(getppid())"],
                ["exe", "--become-with-parent", "x", "/bin/false"],
                ["exe", "oci_hpc", "\(getppid())", "/bin/false"],
                ["--become-with-parent", "\(getppid())", "/bin/false", "x"],
            ] {
                ParentDeathSignal.execIfRequested(arguments)
            }
            exit(7)
        }
    }

    @Test func `a child of the right parent becomes the program, with its arguments`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            ParentDeathSignal.execIfRequested(
                ["exe", "--become-with-parent", "\(getppid())", "/bin/sh", "-c", "exit $1", "sh", "7"]
            )
            exit(0)
        }
    }

    @Test func `a child whose parent has ended before does not begin`() async {
        await #expect(processExitsWith: .exitCode(1)) {
            ParentDeathSignal.execIfRequested(
                ["exe", "--become-with-parent", "\(getpid())", "/bin/sh", "-c", "exit 7"]
            )
            exit(0)
        }
    }

    @Test func `a program that is not there ends as in a shell`() async {
        await #expect(processExitsWith: .exitCode(127)) {
            ParentDeathSignal.execIfRequested(
                ["exe", "--become-with-parent", "\(getppid())", "/nonexistent/program"]
            )
            exit(0)
        }
    }
}
