// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// Bytes of any number: in memory while they are few, in a temporary file beyond that, so that a daemon's memory
/// does not grow with its clients' objects.
package struct Blob: Sendable {
    /// Above this many bytes they go to a file: 100 tasks at once, with some arguments each, stay within what a small
    /// host has.
    package static let memoryBytesMax = 1 << 20
    /// What is read from a file, or written to one, before others have a turn.
    package static let sliceBytesMax = 256 * 1024

    private enum Store {
        case memory([UInt8])
        case file(SpoolFile)
    }

    /// What the store takes of a budget, if it counts there.
    fileprivate var charge: Charge?

    private let store: Store
    private let range: Range<Int>
}

extension Blob {
    /// Bytes in memory, whatever their number.
    package init(_ bytes: [UInt8]) {
        store = .memory(bytes)
        range = 0..<bytes.count
    }

    /// All of a temporary file.
    @LoopActor
    package init(_ file: SpoolFile) {
        store = .file(file)
        range = 0..<file.count
    }

    /// How many bytes there are.
    package var byteCount: Int { range.count }

    /// How many of them are in memory.
    package var memoryByteCount: Int { if case .memory(let bytes) = store { bytes.count } else { 0 } }

    /// The bytes, if they are in memory.
    package var bytesInMemory: [UInt8]? {
        guard case .memory(let bytes) = store else { return nil }
        return range.count == bytes.count ? bytes : Array(bytes[range])
    }

    /// A part of the bytes, which shares their store.
    package func part(_ part: Range<Int>) -> Blob {
        precondition(part.upperBound <= byteCount, "a part beyond the end")
        return Blob(
            charge: charge,
            store: store,
            range: (range.lowerBound + part.lowerBound)..<(range.lowerBound + part.upperBound)
        )
    }

    /// The bytes from `position` on, `maximumCount` or as many as there are.
    @LoopActor
    package func bytes(at position: Int, upTo maximumCount: Int) throws(TransportError) -> [UInt8] {
        let start = range.lowerBound + min(position, range.count)
        let end = min(range.upperBound, start + maximumCount)
        switch store {
        case .memory(let bytes): return end - start == bytes.count ? bytes : Array(bytes[start..<end])
        case .file(let file): return try file.read(at: start, upTo: end - start)
        }
    }
}

/// Puts a blob together.
@LoopActor
package struct BlobWriter {
    private let memoryBytesMax: Int
    private let charge: Charge?
    private var bytes: [UInt8] = []
    private var file: SpoolFile?
    private var writtenSinceTurn = 0

    /// A writer that moves to a file above `memoryBytesMax`, with room for `expectedCount` bytes in memory; what it writes
    /// is charged to `holding`, if there is one.
    package init(
        memoryBytesMax: Int = Blob.memoryBytesMax,
        expectedCount: Int = 0,
        for holding: Holding? = nil
    ) {
        self.memoryBytesMax = memoryBytesMax
        charge = holding.map { Charge($0) }
        bytes.reserveCapacity(expectedCount)
    }

    /// Takes room in the budget for so many bytes before they arrive; throws a shortage.
    package func reserve(_ byteCount: Int) throws(TransportError) {
        try charge?.cover(byteCount, inFile: byteCount > memoryBytesMax)
    }

    /// Adds bytes; throws a shortage when the budget or the file system has no room for them, and is of no more use then.
    ///
    /// Others have their turns while many bytes are written.
    package mutating func append(_ part: [UInt8]) async throws(TransportError) {
        if let file {
            try charge?.cover(file.count + part.count, inFile: true)
            return try await write(part, to: file)
        }
        let byteCount = bytes.count + part.count
        try charge?.cover(byteCount, inFile: byteCount > memoryBytesMax)
        bytes += part
        guard byteCount > memoryBytesMax else { return }
        let file = try SpoolFile()
        try await write(bytes, to: file)
        bytes = []
        charge?.leaveMemory()
        self.file = file
    }

    /// The kernel may make any write wait for the disk, so the loop has something else to do after a few.
    private mutating func write(_ bytes: [UInt8], to file: SpoolFile) async throws(TransportError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Blob.sliceBytesMax - writtenSinceTurn)
            try file.append(piece)
            rest = rest.dropFirst(piece.count)
            writtenSinceTurn += piece.count
            guard writtenSinceTurn == Blob.sliceBytesMax else { continue }
            writtenSinceTurn = 0
            await yieldToOthers()
        }
    }

    /// What was written.
    package var blob: Blob {
        var blob = file.map { Blob($0) } ?? Blob(bytes)
        blob.charge = charge
        return blob
    }
}
