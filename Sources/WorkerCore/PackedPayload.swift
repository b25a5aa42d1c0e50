// SPDX-License-Identifier: Apache-2.0

internal import Compression
internal import EventLoop
internal import TaskPayload

/// A task's payload as it travels: compressed where that is worth it.
struct PackedPayload {
    let bytes: [UInt8]
    let isCompressed: Bool

    /// Writes and compresses the payload; lets others run meanwhile, however large it is.
    @LoopActor
    static func pack(
        _ inputs: TaskInputs,
        taskID: [UInt8],
        context: PayloadPlan.Context
    ) async -> PackedPayload {
        let plan = PayloadPlan(
            taskID: taskID,
            context: context,
            serializer: inputs.serializer,
            functionByteCount: inputs.function.count,
            argumentByteCounts: inputs.arguments.map(\.count)
        )
        let pickle = plan.assemble(function: inputs.function, arguments: inputs.arguments)
        guard pickle.count > RunnerEnvironment.compressionThresholdBytes else {
            return PackedPayload(bytes: pickle, isCompressed: false)
        }
        return PackedPayload(bytes: await Gzipped.shrink(pickle), isCompressed: true)
    }

    /// Whether it fits into the container's environment.
    var isInline: Bool {
        bytes.count <= RunnerEnvironment.inlineBytesMax
    }
}

/// Gzip in slices: compressing 200 MB takes seconds, and heartbeats must not wait for it.
@LoopActor
enum Gzipped {
    /// Bytes worked on before others get their turn: some 10 ms.
    private static let sliceBytes = 1 << 18
    /// Above this, speed counts more than size.
    private static let largeBytes = 8 << 20

    /// Compresses.
    static func shrink(_ bytes: [UInt8]) async -> [UInt8] {
        let compressor = GzipCompressor(level: bytes.count > largeBytes ? 1 : 6)
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let end = min(start + sliceBytes, bytes.count)
            compressor.feed(Array(bytes[start..<end]))
            while let piece = compressor.next() { output += piece }
            start = end
            if start < bytes.count { await yieldToOthers() }
        }
        compressor.finish()
        while let piece = compressor.next() { output += piece }
        return output
    }

    /// Expands to at most `limit` bytes.
    static func expand(_ bytes: [UInt8], limit: Int) async throws(CompressionError) -> [UInt8] {
        let decompressor = GzipDecompressor(outputBytesMax: limit)
        var output: [UInt8] = []
        var start = 0
        var sinceTurn = 0
        while start < bytes.count {
            let end = min(start + sliceBytes, bytes.count)
            decompressor.feed(Array(bytes[start..<end]))
            while let piece = try decompressor.next() {
                output += piece
                sinceTurn += piece.count
                // A small input may hide a large output.
                if sinceTurn > sliceBytes * 4 {
                    sinceTurn = 0
                    await yieldToOthers()
                }
            }
            start = end
        }
        try decompressor.finish()
        return output
    }
}
