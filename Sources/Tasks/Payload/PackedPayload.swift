// SPDX-License-Identifier: Apache-2.0

internal import Compression
internal import EventLoop
internal import TaskPayload
internal import Transport

/// A task's payload as it travels: compressed where that is worth it.
@LoopActor
struct PackedPayload {
    /// Above this, speed counts more than size, and bytes that do not shrink are not tried to.
    private nonisolated static let largeBytes = 8 << 20
    /// How much of the largest object is tried, and what must be saved of it.
    private nonisolated static let sampleBytes = 256 * 1024
    private nonisolated static let shrunkSampleBytesMax = sampleBytes / 10 * 9
    /// What every payload begins with, as a gzip member of its own.
    private static let packedBeginning = Gzip.compress(PayloadPlan.beginning, level: 9)

    let body: Blob
    let isCompressed: Bool

    /// Writes and compresses the payload; lets others run meanwhile, however large it is.
    ///
    /// What it takes is charged to `holding`; throws where a temporary file cannot be written or read.
    static func pack(
        _ inputs: TaskInputs,
        taskID: [UInt8],
        context: PayloadPlan.Context,
        for holding: Holding? = nil
    ) async throws(TransportError) -> PackedPayload {
        let plan = PayloadPlan(
            taskID: taskID,
            context: context,
            serializer: inputs.serializer.bytes,
            functionByteCount: inputs.function.byteCount,
            argumentByteCounts: inputs.arguments.map(\.byteCount)
        )
        let isLarge = plan.byteCount > largeBytes
        let isCompressed = isLarge ? try isWorthShrinking(inputs) : true
        let rest = plan.byteCount - PayloadPlan.beginning.count
        let isFew = rest <= RunnerEnvironment.compressionThresholdBytes
        let way: Shrinker.Way =
            isCompressed ? (isFew ? .stored : .compressed(level: isLarge ? 1 : 6)) : .asItIs
        var shrinker = Shrinker(way, for: holding)
        try await shrinker.begin(with: isCompressed ? packedBeginning : PayloadPlan.beginning)
        for piece in plan.pieces {
            let blob =
                switch piece {
                case .beginning: Blob([])
                case .bytes(let bytes): Blob(bytes)
                case .serializer: Blob(inputs.serializer.bytes)
                case .function: inputs.function
                case .argument(let index): inputs.arguments[index]
                }
            var position = 0
            while position < blob.byteCount {
                let slice = try blob.bytes(at: position, upTo: Blob.sliceBytesMax)
                position += slice.count
                try await shrinker.append(slice)
                if slice.count == Blob.sliceBytesMax { await yieldToOthers() }
            }
        }
        return PackedPayload(body: try await shrinker.finish(), isCompressed: isCompressed)
    }

    /// The bytes, where they fit into the container's environment.
    var inlineBytes: [UInt8]? {
        body.byteCount <= RunnerEnvironment.inlineBytesMax ? body.bytesInMemory : nil
    }

    /// Whether the largest object shrinks: random bytes and compressed ones only cost time.
    private static func isWorthShrinking(_ inputs: TaskInputs) throws(TransportError) -> Bool {
        let blobs = inputs.arguments + [inputs.function]
        guard let largest = blobs.max(by: { $0.byteCount < $1.byteCount }) else { return false }
        let sample = try largest.bytes(at: largest.byteCount / 2, upTo: sampleBytes)
        return Gzip.compress(sample, level: 1).count <= sample.count * shrunkSampleBytesMax / sampleBytes
    }
}

/// Writes a blob, through gzip or as it is.
@LoopActor
private struct Shrinker {
    /// What becomes of the bytes.
    enum Way {
        case asItIs
        /// A gzip member that is not compressed.
        case stored
        /// A gzip member, with zlib's level.
        case compressed(level: Int)
    }

    private let compressor: GzipCompressor?
    /// What is stored, for a member that is.
    private var few: [UInt8]?
    private var writer: BlobWriter

    init(_ way: Way, for holding: Holding?) {
        compressor = if case .compressed(let level) = way { GzipCompressor(level: level) } else { nil }
        few = if case .stored = way { [] } else { nil }
        writer = BlobWriter(for: holding)
    }

    /// Writes what comes before the member.
    mutating func begin(with bytes: [UInt8]) async throws(TransportError) { try await writer.append(bytes) }

    mutating func append(_ bytes: [UInt8]) async throws(TransportError) {
        if few != nil {
            few? += bytes
            return
        }
        guard let compressor else { return try await writer.append(bytes) }
        compressor.feed(bytes)
        while let piece = compressor.next() { try await writer.append(piece) }
    }

    mutating func finish() async throws(TransportError) -> Blob {
        if let few { try await writer.append(Gzip.stored(few)) }
        if let compressor {
            compressor.finish()
            while let piece = compressor.next() { try await writer.append(piece) }
        }
        return writer.blob
    }
}
