// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// A log that a test can read.
final class RecordedLog: Sendable {
    private let lines = Mutex<[String]>([])

    /// Writes here what is of `notice` or worse.
    var logger: Logger {
        Logger(label: "test") { _ in Handler(log: self) }
    }

    /// The messages so far, each as `LEVEL message`.
    var messages: [String] { lines.withLock { $0 } }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .notice

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.lines.withLock { $0.append("\(event.level) \(event.message)") }
        }
    }
}
