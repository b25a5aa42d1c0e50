// SPDX-License-Identifier: Apache-2.0

/// What a task cost, as Scaler carries it in the metadata of a TaskResult: 16 bytes, big endian, `!fQf` in Python.
///
/// Clients accept metadata of no length but 0 and 16; with 0, asking a future for its profile raises.
package struct ProfileResult: Equatable, Sendable {
    /// Length of the encoding.
    package static let byteCount = 16

    /// Wall clock seconds from the first byte deserialized to the last byte serialized.
    package var seconds: Float
    /// Growth of resident memory to its peak, in bytes.
    package var peakMemoryBytes: UInt64
    /// User and system seconds of the process.
    package var processorSeconds: Float

    /// Makes a profile; all zero stands for a task of which nothing is known.
    package init(seconds: Float = 0, peakMemoryBytes: UInt64 = 0, processorSeconds: Float = 0) {
        self.seconds = seconds
        self.peakMemoryBytes = peakMemoryBytes
        self.processorSeconds = processorSeconds
    }

    /// Reads the encoding, or returns nil when it is not exactly 16 bytes long.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        seconds = Float(bitPattern: UInt32(number(0..<4)))
        peakMemoryBytes = number(4..<12)
        processorSeconds = Float(bitPattern: UInt32(number(12..<16)))
    }

    /// The encoding, always 16 bytes.
    package var bytes: [UInt8] {
        func bigEndian(_ number: UInt64, _ width: Int) -> [UInt8] {
            (0..<width).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
        }
        return bigEndian(UInt64(seconds.bitPattern), 4) + bigEndian(peakMemoryBytes, 8)
            + bigEndian(UInt64(processorSeconds.bitPattern), 4)
    }
}
