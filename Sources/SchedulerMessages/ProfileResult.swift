// SPDX-License-Identifier: Apache-2.0

/// What a task's run has cost (a result's metadata): 16 bytes, big endian.
package struct ProfileResult: Equatable, Sendable {
    private static let byteCount = 16

    /// Time from start to end.
    package let durationSeconds: Float
    /// Growth of memory at its peak, in bytes.
    package let memoryPeakBytes: UInt64
    /// Processor time.
    package let cpuSeconds: Float

    /// Creates a profile.
    package init(durationSeconds: Float, memoryPeakBytes: UInt64, cpuSeconds: Float) {
        self.durationSeconds = durationSeconds
        self.memoryPeakBytes = memoryPeakBytes
        self.cpuSeconds = cpuSeconds
    }

    /// Reads a profile; none is nil, and any other length than 16 throws `wrongLength`.
    package static func decode(metadata: [UInt8]) throws(SchedulerMessageError) -> ProfileResult? {
        guard !metadata.isEmpty else {
            return nil
        }
        guard metadata.count == byteCount else {
            throw .wrongLength(field: .profileResult, byteCount: metadata.count)
        }
        return ProfileResult(
            durationSeconds: Float(bitPattern: UInt32(truncatingIfNeeded: bigEndian(metadata[0..<4]))),
            memoryPeakBytes: bigEndian(metadata[4..<12]),
            cpuSeconds: Float(bitPattern: UInt32(truncatingIfNeeded: bigEndian(metadata[12..<16])))
        )
    }

    /// Returns the profile as it travels.
    package func encoded() -> [UInt8] {
        bigEndianBytes(durationSeconds.bitPattern) + bigEndianBytes(memoryPeakBytes)
            + bigEndianBytes(cpuSeconds.bitPattern)
    }
}
