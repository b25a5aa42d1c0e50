// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Glibc
package import Logging

/// Opens the files that the settings name and makes a logger of them.
package enum LogFile {
    /// A path that cannot be written to.
    package struct Problem: Error, CustomStringConvertible {
        let path: String
        let reason: String

        package var description: String { "cannot log to \(path): \(reason); choose another --logging-paths" }
    }

    /// The logger of a process with these settings; its files stay open for as long as the process lives.
    package static func logger(for settings: Settings) throws(Problem) -> Logger {
        var sinks: [Int32] = []
        for path in settings.loggingPaths { sinks.append(try open(path)) }
        let handler = LineLogHandler(
            sinks: sinks,
            format: settings.logFormat,
            level: level(settings.loggingLevel)
        )
        return Logger(label: "scaler-oci-hpc") { _ in handler }
    }

    private static func open(_ path: String) throws(Problem) -> Int32 {
        switch path {
        case "/dev/stdout": return STDOUT_FILENO
        case "/dev/stderr": return STDERR_FILENO
        default:
            let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw Problem(path: path, reason: String(cString: strerror(errno))) }
            return descriptor
        }
    }

    private static func level(_ level: LoggingLevel) -> Logger.Level {
        switch level {
        case .critical: .critical
        case .error: .error
        case .warning: .warning
        case .info: .info
        case .debug: .debug
        }
    }
}
