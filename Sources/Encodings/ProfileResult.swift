// SPDX-License-Identifier: Apache-2.0

/// What a task cost, as Scaler carries it in the metadata of a TaskResult: 16 bytes, big endian, `!fQf` in Python.
///
/// The container writes it at the head of what it stores, and the scheduler gets the same bytes.
/// Clients accept metadata of no length but 0 and 16; with 0, asking a future for its profile raises.
package struct ProfileResult: Equatable, Sendable {
    /// Length of the encoding.
    package static let byteCount = 16

    /// Wall clock seconds from the first byte deserialized to the last byte serialized.
    package var durationSeconds: Float
    /// Growth of resident memory to its peak, in bytes.
    package var memoryPeakBytes: UInt64
    /// User and system seconds of the process.
    package var cpuSeconds: Float
}

extension ProfileResult {
    /// Reads the encoding, or returns nil when it is not exactly 16 bytes long.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        durationSeconds = Float(bitPattern: UInt32(bigEndian(bytes[..<4])))
        memoryPeakBytes = bigEndian(bytes[4..<12])
        cpuSeconds = Float(bitPattern: UInt32(bigEndian(bytes[12...])))
    }

    /// The encoding, always 16 bytes.
    package var bytes: [UInt8] {
        bigEndianBytes(durationSeconds.bitPattern) + bigEndianBytes(memoryPeakBytes)
            + bigEndianBytes(cpuSeconds.bitPattern)
    }
}
