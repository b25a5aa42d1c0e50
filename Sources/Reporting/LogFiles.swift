// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Glibc
package import Logging

/// The files that the settings name to log to, open for as long as this lives.
package struct LogFiles: Sendable {
    /// A path that cannot be written to.
    package struct Problem: Error, CustomStringConvertible {
        let path: String
        let reason: String

        package var description: String { "cannot log to \(path): \(reason); choose another --logging-paths" }
    }

    /// How long the end of the process waits for a log that is not read.
    private static let finishTimeout: Duration = .seconds(1)

    /// Logs to all of them.
    package let logger: Logger
    private let sinks: [(path: String, sink: LogSink, form: LineForm)]

    /// Opens the files, in which lines are added at the end.
    package init(for settings: Settings) throws(Problem) {
        var sinks: [(path: String, sink: LogSink, form: LineForm)] = []
        for path in settings.loggingPaths {
            let stream = Self.standardStream(path)
            let isJournal = stream.map { JournalStream.current?.isOpen(as: $0) ?? false } ?? false
            let form = LineForm(settings.logFormat, isJournal: isJournal)
            sinks.append((path, try Self.open(path, stream, form.notice), form))
        }
        self.sinks = sinks
        let handler = LineLogHandler(
            sinks: sinks.map { ($0.sink, $0.form) },
            level: Self.level(settings.loggingLevel)
        )
        logger = Logger(label: "scaler-oci-hpc") { _ in handler }
    }

    /// Opens the files anew, as after they were renamed; returns which cannot be: their old ones stay in use.
    package func reopen() -> [Problem] {
        sinks.compactMap { path, sink, _ in
            sink.reopen().map { Problem(path: path, reason: String(cString: strerror($0))) }
        }
    }

    /// Has the last lines written, or lost where nobody reads them; for the end of the process.
    package func finish() { for (_, sink, _) in sinks { sink.finish(within: Self.finishTimeout) } }

    /// Says why the program ends: once to the person at the terminal, and once in each file.
    package func writeFatal(_ text: String) {
        LineWriter.writeFatal(text)
        for (path, sink, form) in sinks where Self.standardStream(path) == nil {
            sink.write(form.line(.critical, text, []))
        }
    }

    private static func standardStream(_ path: String) -> Int32? {
        switch path {
        case "/dev/stdout": STDOUT_FILENO
        case "/dev/stderr": STDERR_FILENO
        default: nil
        }
    }

    private static func open(
        _ path: String,
        _ stream: Int32?,
        _ notice: @escaping LogSink.Notice
    ) throws(Problem) -> LogSink {
        if let stream { return LogSink(stream, notice: notice) }
        guard let sink = LogSink(path: path, notice: notice) else {
            throw Problem(path: path, reason: String(cString: strerror(errno)))
        }
        return sink
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
