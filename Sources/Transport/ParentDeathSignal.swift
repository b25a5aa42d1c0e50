// SPDX-License-Identifier: Apache-2.0
//
// Programs that end with the process that started them.
//
// Rule: a process asks for itself to be killed when its parent ends (PR_SET_PDEATHSIG, prctl(2)), and keeps that over
// execve(2); posix_spawn(3) cannot ask for it on a child's behalf.
// Consequence: what is started is this executable once more, which asks, and then becomes the program.
// Rejected: fork, which Swift forbids for a reason; setpriv(1), which not every host has.

internal import CLinux
internal import Glibc

/// How a program is started so that the kernel ends it with its parent.
package enum ParentDeathSignal {
    /// Where the kernel keeps the running executable, whatever became of its file.
    private static let ownPath = "/proc/self/exe"
    /// The first argument of such a start, which no person types.
    private static let flag = "--become-with-parent"

    /// Path and argument vector with which `program` is started so that it ends with us.
    static func launch(_ program: Program) -> (path: String, vector: [String]) {
        (ownPath, [program.path, flag, "\(getpid())"] + program.vector)
    }

    /// Becomes the program if these arguments of the process say so, and then does not return; to be called before
    /// anything else: what the process has changed by then, the program inherits.
    package static func execIfRequested(_ arguments: [String]) {
        guard arguments.count >= 4, arguments[1] == flag, let parent = Int32(arguments[2]) else { return }
        // SIGKILL: nobody would be there any more to follow up a signal that can be ignored.
        _ = clinux_end_with_parent(SIGKILL)
        // For a parent that ended before that no signal comes.
        guard getppid() == parent else { exit(1) }
        let vector = CStrings(Array(arguments.dropFirst(3)))
        execv(arguments[3], vector.pointers)
        perror(arguments[3])
        exit(127)
    }
}
