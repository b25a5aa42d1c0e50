// SPDX-License-Identifier: Apache-2.0

/// A message that grows with the bytes received; the announced length alone reserves no memory.
package struct MessageAssembly: Sendable {
    /// How many bytes the message was announced with.
    let byteCount: Int
    private var bytes: [UInt8] = []

    /// Begins a message announced with `byteCount` bytes.
    package init(byteCount: Int) { self.byteCount = byteCount }

    /// Adds bytes; capacity is at most twice what was received, and at the end exactly the message.
    package mutating func append(_ part: ArraySlice<UInt8>) {
        let needed = bytes.count + part.count
        if needed > bytes.capacity { bytes.reserveCapacity(min(byteCount, 2 * needed)) }
        bytes += part
    }

    /// How many bytes were received so far.
    var receivedCount: Int { bytes.count }

    /// What was received so far.
    package consuming func take() -> [UInt8] { bytes }
}

/// Bytes from a peer that are not understood yet.
struct UnreadBytes: Sendable {
    private var buffer: [UInt8] = []
    /// Index of the first byte of `buffer` not yet understood.
    private var head = 0

    var count: Int { buffer.count - head }
    var isEmpty: Bool { head == buffer.count }
    var first: UInt8? { isEmpty ? nil : buffer[head] }

    /// Adds bytes; costs no more than their number if all that can be understood is taken in between.
    mutating func feed(_ bytes: [UInt8]) {
        if isEmpty {
            buffer = bytes
        } else {
            buffer.removeSubrange(..<head)
            buffer += bytes
        }
        head = 0
    }

    /// The first `count` bytes, or as many as there are, which stay.
    func prefix(_ count: Int) -> ArraySlice<UInt8> { buffer[head...].prefix(count) }

    /// The first `count` bytes, which go; nil if there are fewer.
    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard self.count >= count else { return nil }
        head += count
        return buffer[head - count..<head]
    }
}
