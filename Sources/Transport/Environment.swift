// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The value of an environment variable, nil when unset.
package func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// All environment variables; of one set twice, the first value counts, as for getenv.
package func environmentVariables() -> [String: String] {
    var variables: [String: String] = [:]
    var next = clinux_environment()
    while let entry = next?.pointee {
        let text = String(cString: entry)
        if let separator = text.firstIndex(of: "=") {
            let name = String(text[..<separator])
            if variables[name] == nil { variables[name] = String(text[text.index(after: separator)...]) }
        }
        next = next?.successor()
    }
    return variables
}

/// Standard input, output and error.
package enum StandardStreams {
    /// Opens /dev/null in the place of those that are closed; to be called before anything else is opened.
    ///
    /// Rule: the kernel gives the lowest number that is free, so that a socket would become standard error, and lines meant
    /// for a person go to its peer.
    package static func openMissing() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // Those below are open by now, so the number is the one that is free.
            _ = open("/dev/null", O_RDWR)
        }
    }
}

/// Who this process is.
package enum ProcessIdentity {
    /// Number of the process.
    package static var processID: Int32 { getpid() }

    /// Name of the host, "localhost" when it has none.
    package static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0, name[0] != 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The machine's identity (machine-id(5)), 32 hex digits; nil where there is none.
    package static var machineID: String? {
        for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
            guard let bytes = try? readFile(path, byteCountMax: 1024) else { continue }
            let identity = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            if !identity.isEmpty { return identity }
        }
        return nil
    }

    /// The user's home, for `~`: HOME, else what the user data base says; nil when neither knows.
    package static var homeDirectory: String? {
        if let home = environmentVariable("HOME"), !home.isEmpty { return home }
        return getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) }
    }

    /// Whether there is a terminal whose end is told to this process by SIGHUP.
    package static var hasControllingTerminal: Bool {
        let descriptor = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }

    /// Keeps keys in memory out of core files and from other processes of the user; true when the kernel agreed.
    package static func forbidDumps() -> Bool { clinux_forbid_dumps() == 0 }
}
