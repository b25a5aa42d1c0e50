// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
package import Logging

/// Hands what is logged as a warning or worse to a person, as `what: why; what next`.
package struct WarningLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level = .warning
    private let tell: @LoopActor @Sendable (String) -> Void

    /// What is logged on the loop goes to `tell`.
    package init(tell: @escaping @LoopActor @Sendable (String) -> Void) { self.tell = tell }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var line = "\(event.message)"
        if let why = event.metadata?["error"] { line += ": \(why)" }
        if let next = event.metadata?["next_step"] { line += "; \(next)" }
        let tell = tell
        // Whoever logs here is on the loop: the program has no other thread of its own.
        LoopActor.assumeIsolated { tell(line) }
    }
}
