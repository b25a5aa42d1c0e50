// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Encodings
internal import EventLoop
internal import Glibc
internal import Logging

/// How an event becomes the line of one sink.
///
/// As text a line is `2026-01-02T03:04:05.678Z INFO message key=value`; in systemd's journal, which notes the time itself,
/// `<6>INFO message key=value` (sd-daemon(3)).
package struct LineForm: Sendable {
    let format: LogFormat
    let isJournal: Bool

    /// Text or JSON, for the journal or any other reader.
    package init(_ format: LogFormat, isJournal: Bool = false) {
        self.format = format
        self.isJournal = isJournal
    }

    /// Makes the line that says how many lines a sink has lost.
    var notice: LogSink.Notice {
        { line(.warning, "lines were dropped: the log took no more", [("count", "\($0)")]) }
    }

    /// The bytes of a line, with its end; the fields in the order in which they are given.
    func line(_ level: Logger.Level, _ message: String, _ fields: [(String, String)]) -> [UInt8] {
        let text =
            switch format {
            case .text: textLine(level, message, fields)
            case .json: jsonLine(level, message, fields)
            }
        return Array("\(isJournal ? Self.priority(of: level) : "")\(text)\n".utf8)
    }

    private func textLine(_ level: Logger.Level, _ message: String, _ fields: [(String, String)]) -> String {
        let time = isJournal ? "" : "\(Self.timestamp()) "
        var line = "\(time)\(Self.name(of: level)) \(TerminalText.jsonString(message))"
        for (key, value) in fields { line += " \(key)=\(Self.quotedIfNeeded(value))" }
        return line
    }

    private func jsonLine(_ level: Logger.Level, _ message: String, _ fields: [(String, String)]) -> String {
        let time = isJournal ? [] : [("time", Self.timestamp())]
        let members = (time + [("level", Self.name(of: level)), ("message", message)] + fields).map {
            "\"\(TerminalText.jsonString($0))\":\"\(TerminalText.jsonString($1))\""
        }
        return "{\(members.joined(separator: ","))}"
    }

    /// The numbers of syslog(3).
    static func priority(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "<7>"
        case .info: "<6>"
        case .notice: "<5>"
        case .warning: "<4>"
        case .error: "<3>"
        case .critical: "<2>"
        }
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
