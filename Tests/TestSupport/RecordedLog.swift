// SPDX-License-Identifier: Apache-2.0

package import Logging
internal import Synchronization

/// A log that a test can read.
package final class RecordedLog: Sendable {
    private let lines = Mutex<[(text: String, facts: [String: String])]>([])
    private let level: Logger.Level

    /// A log of what is of `level` or worse.
    package init(level: Logger.Level = .notice) {
        self.level = level
    }

    /// Writes here.
    package var logger: Logger {
        Logger(label: "test") { _ in Handler(log: self, logLevel: self.level) }
    }

    /// The messages so far, each as `LEVEL message`.
    package var messages: [String] { lines.withLock { $0.map(\.text) } }

    /// What stands beside each message that reads `LEVEL message`.
    package func facts(of line: String) -> [[String: String]] {
        lines.withLock { $0.filter { $0.text == line }.map(\.facts) }
    }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let facts = (event.metadata ?? [:]).mapValues { "\($0)" }
            log.lines.withLock { $0.append(("\(event.level) \(event.message)", facts)) }
        }
    }
}
