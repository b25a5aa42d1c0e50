// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc
import Logging
import Reporting
import Testing

/// A file to log into, which goes with this object.
final class Sink {
    let path: String
    private let descriptor: Int32

    init() throws {
        var template = Array("/tmp/scaler-oci-hpc-log-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    /// Everything that was written so far.
    var text: String {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    func logger(
        _ format: LogFormat,
        isJournal: Bool = false,
        level: Logger.Level = .debug
    ) -> Logger {
        let handler = LineLogHandler(
            sinks: [(LogSink(descriptor) { _ in [] }, LineForm(format, isJournal: isJournal))],
            level: level
        )
        return Logger(label: "test") { _ in handler }
    }

    /// The lines without their times, each of which has the length of RFC 3339 with milliseconds.
    var untimedLines: [String] {
        text.split(separator: "\n").map { String($0.dropFirst("2026-01-02T03:04:05.678Z ".count)) }
    }
}

@Suite struct LineLogHandlerTests {
    @Test func `a line has time, level, message and its fields in the order of their names`() throws {
        let sink = try Sink()
        var log = sink.logger(.text)
        log[metadataKey: "task"] = "ab"
        log[metadataKey: "attempt"] = "1"
        log.info("created", metadata: ["attempt": "2", "instance": "i"])
        #expect(sink.untimedLines == ["INFO created attempt=2 instance=i task=ab"])
        let time = sink.text.prefix(while: { $0 != " " })
        #expect(time.count == 24 && time.hasPrefix("20") && time.hasSuffix("Z"))
    }

    @Test(arguments: [
        (Logger.Level.trace, "DEBUG"), (.debug, "DEBUG"), (.info, "INFO"), (.notice, "INFO"),
        (.warning, "WARNING"), (.error, "ERROR"), (.critical, "CRITICAL"),
    ])
    func `levels have the names that Python gives them`(_ level: Logger.Level, _ name: String) throws {
        let sink = try Sink()
        sink.logger(.text, level: .trace).log(level: level, "m")
        #expect(sink.untimedLines == ["\(name) m"])
    }

    @Test(arguments: [
        ("plain-1:2/3", "plain-1:2/3"), ("", "\"\""), ("a b", "\"a b\""), ("a=b", "\"a=b\""),
        ("say \"x\"", "\"say \\\"x\\\"\""), ("two\nlines", "\"two\\nlines\""),
        ("\u{1B}[31m", "\"\\u001b[31m\""),
        ("naïve", "naïve"), ("\u{7F}", "\"\\u007f\""), ("\u{85}", "\"\\u0085\""),
        ("\u{9B}31m", "\"\\u009b31m\""),
        ("\u{202E}txt.exe", "\"\\u202etxt.exe\""), ("\u{2028}", "\"\\u2028\""),
        ("a\u{2066}b", "\"a\\u2066b\""),
        ("\u{200B}", "\"\\u200b\""), ("\u{E0001}", "\"\\udb40\\udc01\""),
    ])
    func `a value is quoted where it would not be one word`(_ value: String, _ shown: String) throws {
        let sink = try Sink()
        sink.logger(.text).info("m", metadata: ["k": "\(value)"])
        #expect(sink.untimedLines == ["INFO m k=\(shown)"])
    }

    @Test func `a message stays one line and drives no terminal`() throws {
        let sink = try Sink()
        sink.logger(.text).info("a\nb\t\u{7F}\u{0}")
        sink.logger(.text).info("\u{9B}2J\u{2029}\u{202D}")
        #expect(
            sink.untimedLines == ["INFO a\\nb\\t\\u007f\\u0000", "INFO \\u009b2J\\u2029\\u202d"]
        )
    }

    @Test func `as JSON the same is an object of strings`() throws {
        let sink = try Sink()
        sink.logger(.json).error("no \"luck\"", metadata: ["k": "a\\b"])
        #expect(sink.text.hasPrefix("{\"time\":\"20"))
        #expect(
            sink.text.hasSuffix("Z\",\"level\":\"ERROR\",\"message\":\"no \\\"luck\\\"\",\"k\":\"a\\\\b\"}\n")
        )
    }

    @Test func `a sink that takes nothing keeps the line from nobody else`() throws {
        let sink = try Sink()
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        defer { close(full) }
        let good = open(sink.path, O_WRONLY | O_APPEND | O_CLOEXEC)
        defer { close(good) }
        let sinks = [full, -1, good].map { descriptor in (LogSink(descriptor) { _ in [] }, LineForm(.text)) }
        let handler = LineLogHandler(sinks: sinks, level: .info)
        Logger(label: "test") { _ in handler }.info("m")
        #expect(sink.untimedLines == ["INFO m"])
    }
}
