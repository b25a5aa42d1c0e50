// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Encodings
internal import EventLoop
internal import Glibc
package import Logging

/// Writes each event as one line to every sink, with one system call a sink as a rule, so that lines do not mix.
///
/// No sink keeps the caller waiting, nor a line from the others.
///
/// As text a line is `2026-01-02T03:04:05.678Z INFO message key=value`.
package struct LineLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level
    private let format: LogFormat
    private let sinks: [LogSink]

    /// Logs to `sinks`.
    package init(sinks: [LogSink], format: LogFormat, level: Logger.Level) {
        self.sinks = sinks
        self.format = format
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata
        if let own = event.metadata { fields.merge(own) { $1 } }
        let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let line = Self.line(format, event.level, "\(event.message)", sorted)
        for sink in sinks { sink.write(line) }
    }

    /// Makes the line that says how many lines a sink has lost.
    static func notice(in format: LogFormat) -> LogSink.Notice {
        { line(format, .warning, "lines were dropped: the log took no more", [("count", "\($0)")]) }
    }

    private static func line(
        _ format: LogFormat,
        _ level: Logger.Level,
        _ message: String,
        _ fields: [(String, String)]
    ) -> [UInt8] {
        let line =
            switch format {
            case .text: textLine(level, message, fields)
            case .json: jsonLine(level, message, fields)
            }
        return line.utf8 + [UInt8(ascii: "\n")]
    }

    private static func textLine(
        _ level: Logger.Level,
        _ message: String,
        _ fields: [(String, String)]
    ) -> String {
        var line = "\(timestamp()) \(name(of: level)) \(TerminalText.jsonString(message))"
        for (key, value) in fields { line += " \(key)=\(quotedIfNeeded(value))" }
        return line
    }

    private static func jsonLine(
        _ level: Logger.Level,
        _ message: String,
        _ fields: [(String, String)]
    ) -> String {
        let head = [("time", timestamp()), ("level", name(of: level)), ("message", message)]
        let members = (head + fields).map {
            "\"\(TerminalText.jsonString($0))\":\"\(TerminalText.jsonString($1))\""
        }
        return "{\(members.joined(separator: ","))}"
    }

    private static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }

    private static func quotedIfNeeded(_ value: String) -> String {
        let isPlain = value.unicodeScalars.allSatisfy {
            ![" ", "\"", "="].contains($0) && !TerminalText.isUnsafe($0)
        }
        return isPlain && !value.isEmpty ? value : "\"\(TerminalText.jsonString(value))\""
    }

    private static func timestamp() -> String {
        let now = LoopClock.epochNanoseconds
        var seconds = time_t(now / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))"
        let day = "\(date)-\(padded(Int(parts.tm_mday), 2))"
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }
        return "\(day)T\(clock.joined(separator: ":")).\(padded(Int(now % 1_000_000_000 / 1_000_000), 3))Z"
    }
}
