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

    /// Makes a profile; all zero stands for a task of which nothing is known.
    package init(durationSeconds: Float = 0, memoryPeakBytes: UInt64 = 0, cpuSeconds: Float = 0) {
        self.durationSeconds = durationSeconds
        self.memoryPeakBytes = memoryPeakBytes
        self.cpuSeconds = cpuSeconds
    }

    /// Reads the encoding, or returns nil when it is not exactly 16 bytes long.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        durationSeconds = Float(bitPattern: UInt32(number(0..<4)))
        memoryPeakBytes = number(4..<12)
        cpuSeconds = Float(bitPattern: UInt32(number(12..<16)))
    }

    /// The encoding, always 16 bytes.
    package var bytes: [UInt8] {
        func bigEndian(_ number: UInt64, _ width: Int) -> [UInt8] {
            (0..<width).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
        }
        return bigEndian(UInt64(durationSeconds.bitPattern), 4) + bigEndian(memoryPeakBytes, 8)
            + bigEndian(UInt64(cpuSeconds.bitPattern), 4)
    }
}
