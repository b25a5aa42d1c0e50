// SPDX-License-Identifier: Apache-2.0

/// Why a stored result is not an outcome: always the fault of what ran in the container, and never worth a retry.
package enum TaskPayloadError: Error, Equatable, Sendable {
    /// The result ends before its pickle does.
    case truncated
    /// More follows after the pickle's end.
    case trailingBytes
    /// An opcode that only code or exotic data needs, or one that does not fit where it stands.
    case unreadable(offset: Int)
    /// The pickle uses more depth or memory than any outcome does.
    case overLimit
    /// A readable pickle of something else; the text names what it is.
    case notAnOutcome(String)
}
