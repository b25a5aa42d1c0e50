// SPDX-License-Identifier: Apache-2.0

/// The bytes that wait to be written, in batches that make good system calls.
///
/// Small messages are joined, large ones are passed on as they are: neither a call for each header nor a
/// copy of each payload.
struct SendBuffer: Sendable {
    /// From this size on, a copy costs more than another system call.
    private static let batchByteCount = 64 * 1024

    private var batches: [[UInt8]] = []
    private var head = 0
    /// Small pieces that came after the newest batch.
    private var tail: [UInt8] = []
    /// Bytes appended and not yet reported as written.
    private(set) var byteCount = 0

    mutating func append(_ bytes: [UInt8]) {
        byteCount += bytes.count
        if bytes.count < Self.batchByteCount {
            tail += bytes
            if tail.count >= Self.batchByteCount { sealTail() }
        } else {
            sealTail()
            batches.append(bytes)
        }
    }

    /// The bytes to write next; nil when all were taken.
    mutating func take() -> [UInt8]? {
        if head == batches.count {
            batches.removeAll(keepingCapacity: true)
            head = 0
            sealTail()
        }
        guard head < batches.count else { return nil }
        var batch: [UInt8] = []
        swap(&batch, &batches[head])
        head += 1
        return batch
    }

    mutating func didWrite(_ count: Int) { byteCount -= count }

    private mutating func sealTail() {
        if tail.isEmpty { return }
        batches.append(tail)
        tail = []
    }
}
