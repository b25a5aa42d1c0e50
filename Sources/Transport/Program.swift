// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A program to be run beside this one, and what it is given.
package struct Program: Sendable, Equatable {
    /// Where what it writes to standard output and standard error goes.
    package enum Output: Sendable {
        /// Where our own goes.
        case inherited
        /// To us, both in one stream.
        case captured
    }

    /// Path of the executable.
    package var path: String
    /// Arguments, the program's name not included.
    package var arguments: [String]
    /// Environment variables in place of ours; nil hands ours down.
    package var environment: [String: String]?
    /// Working directory; nil hands ours down.
    package var directory: String?
    /// What it reads on standard input; nothing at all by default.
    package var input: [UInt8] = []
    /// Where its output goes.
    package var output = Output.captured
    /// Whether the kernel kills it when we end in whatever way, so that nothing of ours outlives a `kill -9`.
    package var endsWithParent = false
    /// Whether it leads a process group of its own, so that Ctrl-C at the terminal reaches us alone.
    package var leadsGroup = false

    /// A program with its arguments; everything else as its property says.
    package init(path: String, arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }

    var vector: [String] { [path] + arguments }

    /// The path of the first executable file of this name in the directories of `searchPath`, nil if there is none;
    /// the directories are parted by colons; a name with a slash is a path already.
    package static func find(_ name: String, searchPath: String) -> String? {
        candidates(name, searchPath).first { executable($0) != nil }
    }

    /// As `find`, but another program than the one that runs, of which there may be links on the way.
    package static func findOther(_ name: String, searchPath: String) -> String? {
        let own = executable("/proc/self/exe")
        return candidates(name, searchPath).first { path in
            guard let found = executable(path) else { return false }
            return found.st_ino != own?.st_ino || found.st_dev != own?.st_dev
        }
    }

    /// Becomes the program at `path`, which inherits everything and `mark`, an environment variable; returns only if that fails.
    package static func become(_ path: String, arguments: [String], mark: String) {
        setenv(mark, "1", 1)
        let vector = CStrings([path] + arguments)
        execv(path, vector.pointers)
        unsetenv(mark)
    }

    private static func candidates(_ name: String, _ searchPath: String) -> [String] {
        name.utf8.contains(UInt8(ascii: "/"))
            ? [name]
            // An empty element would mean the working directory, from where nobody wants to run anything.
            : searchPath.split(separator: ":").map { "\($0)/\(name)" }
    }

    private static func executable(_ path: String) -> stat? {
        var status = stat()
        let isExecutable =
            stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
        return isExecutable ? status : nil
    }
}

/// How a process ended.
package enum ProcessEnd: Sendable, Equatable, CustomStringConvertible {
    /// By itself, with this exit code.
    case exited(Int32)
    /// By this signal.
    case killed(signal: Int32)

    init(status: Int32) {
        let signal = status & 0x7F
        self = signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
    }

    /// Whether it exited with 0.
    package var isSuccess: Bool { self == .exited(0) }

    package var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .killed(let signal): "signal \(signal)"
        }
    }
}
