// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import Glibc
internal import Logging

/// Writes text to a descriptor that stays the caller's.
package enum LineWriter {
    /// Writes all of `bytes`, with as many system calls as that takes.
    ///
    /// For what a person waits for: where nobody reads, this waits, unlike the log. A full disk must not stop the program:
    /// the rest is dropped. Nothing is thrown, and SIGPIPE is ignored by the loop.
    package static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                return
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes one line for the person at the terminal to standard error, whatever the log is set to; waits a second at
    /// most for somebody to read it.
    package static func writeFatal(_ text: String) {
        // Managers may be at work.
        let sink = LogSink(STDERR_FILENO, isRetrying: false) { _ in [] }
        let isJournal = JournalStream.current?.isOpen(as: STDERR_FILENO) ?? false
        let shown = "scaler-oci-hpc: \(TerminalText.shown(text, keepingLines: true))"
        let lines = shown.split(separator: "\n", omittingEmptySubsequences: false)
        let priority = isJournal ? LineForm.priority(of: .critical) : ""
        sink.write(Array(lines.map { "\(priority)\($0)\n" }.joined().utf8))
        sink.finish(within: .seconds(1))
    }
}
