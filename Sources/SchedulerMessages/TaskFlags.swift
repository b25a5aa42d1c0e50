// SPDX-License-Identifier: Apache-2.0

import Encodings

/// What a client wants of a task's run (the task's metadata): 6 bytes, `profiling`, `priority`, `stream_output`.
package struct TaskFlags: Equatable, Sendable {
    private static let byteCount = 6

    /// Whether the client asks for a profile; workers of Scaler send one in any case.
    package let profiling: Bool
    /// Higher goes first; a task started by a task gets its parent's plus 1.
    package let priority: Int32
    /// Whether the client wants the task's output as it is written.
    package let streamOutput: Bool

    /// Creates flags; the defaults are those of a task without metadata.
    package init(profiling: Bool = true, priority: Int32 = 0, streamOutput: Bool = false) {
        self.profiling = profiling
        self.priority = priority
        self.streamOutput = streamOutput
    }

    /// Reads flags, big endian; none means the defaults, and any other length than 6 throws `wrongLength`.
    package init(metadata: [UInt8]) throws(SchedulerMessageError) {
        if metadata.isEmpty {
            self.init()
            return
        }
        guard metadata.count == Self.byteCount else {
            throw .wrongLength(field: .taskFlags, byteCount: metadata.count)
        }
        self.init(
            profiling: metadata[0] != 0,
            priority: Int32(truncatingIfNeeded: bigEndian(metadata[1..<5])),
            streamOutput: metadata[5] != 0
        )
    }
}
