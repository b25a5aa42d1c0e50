// SPDX-License-Identifier: Apache-2.0
import CZlib

/// One zlib stream at a fixed address, with the input it has not yet consumed.
///
/// zlib keeps a pointer back to the `z_stream` it was given and refuses a moved one, so the struct lives on the
/// heap for as long as this object does.
final class DeflateStream {
    /// Output is handed out in pieces of this size: it bounds what one step can add to memory.
    static let chunkBytes = 64 * 1024

    private let stream: UnsafeMutablePointer<z_stream>
    private let end: (UnsafeMutablePointer<z_stream>) -> Int32
    private var input: [UInt8] = []
    private var consumedBytes = 0

    init(
        start: (UnsafeMutablePointer<z_stream>) -> Int32,
        end: @escaping (UnsafeMutablePointer<z_stream>) -> Int32
    ) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        self.end = end
        let status = start(stream)
        // Only a full memory or a zlib of another version can refuse, and the process cannot go on with either.
        precondition(status == Z_OK, "zlib could not start: \(status)")
    }

    deinit {
        _ = end(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    var pendingBytes: Int { input.count - consumedBytes }

    var firstPendingByte: UInt8? { consumedBytes < input.count ? input[consumedBytes] : nil }

    /// zlib's words for the last failure.
    var message: String { stream.pointee.msg.map { String(cString: $0) } ?? "no detail" }

    func append(_ bytes: [UInt8]) {
        if pendingBytes == 0 {
            input = bytes
        } else {
            input.removeFirst(consumedBytes)
            input.append(contentsOf: bytes)
        }
        consumedBytes = 0
    }

    func skip(_ count: Int) { consumedBytes += count }

    /// Runs a call of zlib that neither reads nor writes, such as a reset.
    func control(_ call: (UnsafeMutablePointer<z_stream>) -> Int32) {
        let status = call(stream)
        // These calls fail for a stream that was never started, and `init` has started this one.
        precondition(status == Z_OK, "zlib refused a control call: \(status)")
    }

    /// Runs one call of zlib over the pending input and returns its status with at most one chunk of output.
    func step(_ call: (UnsafeMutablePointer<z_stream>) -> Int32) -> (status: Int32, output: [UInt8]) {
        var status = Z_OK
        // `avail_in` is 32 bits wide: a larger input simply takes more calls.
        let offered = min(pendingBytes, Int(Int32.max))
        let output = [UInt8](unsafeUninitializedCapacity: Self.chunkBytes) { room, written in
            input.withUnsafeBufferPointer { bytes in
                stream.pointee.next_in = bytes.baseAddress.map { $0 + consumedBytes }
                stream.pointee.avail_in = UInt32(offered)
                stream.pointee.next_out = room.baseAddress
                stream.pointee.avail_out = UInt32(Self.chunkBytes)
                status = call(stream)
            }
            written = Self.chunkBytes - Int(stream.pointee.avail_out)
        }
        consumedBytes += offered - Int(stream.pointee.avail_in)
        return (status, output)
    }
}
