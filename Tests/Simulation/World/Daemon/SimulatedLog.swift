// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging

/// The daemon's log in a simulation: its lines stand between the events of a trace that is shown.
struct SimulatedLog: LogHandler {
    let record: Record
    let process: Int
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// The text without what is different each time: messages are constant, and reasons are few.
    private func mark(_ event: LogEvent) -> String {
        guard let reason = event.metadata?["reason"], "\(event.message)".hasPrefix("deleting") else {
            return "\(event.message)"
        }
        return "\(event.message): \(reason)"
    }

    func log(event: LogEvent) {
        LoopActor.assumeIsolated {
            if record.countsMarks { record.count(mark(event)) }
            guard record.isShown else { return }
            let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            let text = fields.map { " \($0.key)=\($0.value)" }.joined()
            record.remark("daemon \(process) \(event.level): \(event.message)\(text)")
        }
    }
}
