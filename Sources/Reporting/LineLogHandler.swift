// SPDX-License-Identifier: Apache-2.0

package import Logging

/// Writes each event as one line to every sink, with one system call a sink as a rule, so that lines do not mix.
///
/// No sink keeps the caller waiting, nor a line from the others.
package struct LineLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level
    private let sinks: [(sink: LogSink, form: LineForm)]

    /// Logs to `sinks`.
    package init(sinks: [(sink: LogSink, form: LineForm)], level: Logger.Level) {
        self.sinks = sinks
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
        for (sink, form) in sinks { sink.write(form.line(event.level, "\(event.message)", sorted)) }
    }
}
