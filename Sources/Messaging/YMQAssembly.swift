// SPDX-License-Identifier: Apache-2.0

/// A message that grows with the bytes received, never by the peer's promise alone.
package struct YMQAssembly: Sendable {
    private let byteCount: Int
    private var bytes: [UInt8] = []

    /// Begins a message announced with `byteCount` bytes.
    package init(byteCount: Int) {
        self.byteCount = byteCount
    }

    /// Adds bytes; capacity is at most twice what was received, and at the end exactly the message.
    package mutating func append(_ part: ArraySlice<UInt8>) {
        let needed = bytes.count + part.count
        if needed > bytes.capacity { bytes.reserveCapacity(min(byteCount, 2 * needed)) }
        bytes += part
    }

    /// What was received so far.
    package consuming func take() -> [UInt8] {
        bytes
    }
}
