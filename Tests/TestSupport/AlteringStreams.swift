// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Transport

/// Writes one byte at a time.
@LoopActor
package final class DribblingStream: ByteStream {
    private let below: any ByteStream

    /// Dribbles into `below`.
    package init(_ below: any ByteStream) {
        self.below = below
    }

    package func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        try await below.read(upTo: maximumCount, deadline: deadline)
    }

    package func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        for byte in bytes {
            try await below.write([byte], deadline: deadline)
            await yieldToOthers()
        }
    }

    package func finish(deadline: Deadline) async {
        await below.finish(deadline: deadline)
    }

    package func close() {
        below.close()
    }

    package var isIdleAndOpen: Bool { below.isIdleAndOpen }
}

/// Changes bytes that are written.
@LoopActor
package final class CorruptingStream: ByteStream {
    private let below: any ByteStream
    private var writtenCount = 0
    private var readCount = 0
    /// Changes the last byte of each write.
    package var corruptsLastByte = false
    /// Changes the byte at this position of all that is written.
    package var corruptedPosition: Int?
    /// How much was written before the other end spoke for the second time, which under TLS ends its handshake.
    package private(set) var handshakeByteCount = 0

    /// Writes into `below`.
    package init(_ below: any ByteStream) {
        self.below = below
    }

    package func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        let bytes = try await below.read(upTo: maximumCount, deadline: deadline)
        readCount += 1
        if readCount == 2 { handshakeByteCount = writtenCount }
        return bytes
    }

    package func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        var bytes = bytes
        if corruptsLastByte { bytes[bytes.count - 1] ^= 0x01 }
        if let position = corruptedPosition, bytes.indices.contains(position - writtenCount) {
            bytes[position - writtenCount] ^= 0x20
        }
        writtenCount += bytes.count
        try await below.write(bytes, deadline: deadline)
    }

    package func finish(deadline: Deadline) async {
        await below.finish(deadline: deadline)
    }

    package func close() {
        below.close()
    }

    package var isIdleAndOpen: Bool { below.isIdleAndOpen }
}
