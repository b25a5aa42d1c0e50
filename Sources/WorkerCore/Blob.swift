// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import HTTPClient
internal import Transport

/// Bytes of any number: in memory while they are few, in a temporary file beyond that, so that a daemon's memory
/// does not grow with its clients' objects.
@LoopActor
struct Blob {
    /// Above this many bytes they go to a file: 100 tasks at once, with some arguments each, stay within what a small
    /// host has.
    nonisolated static let memoryBytesMax = 1 << 20
    /// What is read from a file at a time.
    nonisolated static let sliceBytesMax = 256 * 1024

    private enum Store {
        case memory([UInt8])
        case file(SpoolFile)
    }

    private let store: Store
    private let range: Range<Int>

    /// Bytes in memory, whatever their number.
    init(_ bytes: [UInt8]) {
        store = .memory(bytes)
        range = 0..<bytes.count
    }

    /// All of a temporary file.
    init(_ file: SpoolFile) {
        store = .file(file)
        range = 0..<file.count
    }

    /// The body of an answer.
    init(_ body: HTTPBody) {
        switch body {
        case .none: self.init([])
        case .bytes(let bytes): self.init(bytes)
        case .spooled(let file): self.init(file)
        }
    }

    private init(_ store: Store, _ range: Range<Int>) {
        self.store = store
        self.range = range
    }

    /// How many bytes there are.
    var byteCount: Int { range.count }

    /// How many of them are in memory.
    var memoryByteCount: Int {
        if case .memory(let bytes) = store { bytes.count } else { 0 }
    }

    /// The bytes, if they are in memory.
    var bytesInMemory: [UInt8]? {
        guard case .memory(let bytes) = store else { return nil }
        return range.count == bytes.count ? bytes : Array(bytes[range])
    }

    /// The file, if all of it and nothing else is meant.
    var wholeFile: SpoolFile? {
        guard case .file(let file) = store, range.count == file.count else { return nil }
        return file
    }

    /// A part of the bytes, which shares their store.
    func part(_ part: Range<Int>) -> Blob {
        precondition(part.upperBound <= byteCount, "a part beyond the end")
        return Blob(store, (range.lowerBound + part.lowerBound)..<(range.lowerBound + part.upperBound))
    }

    /// The bytes from `position` on, `maximumCount` or as many as there are.
    func bytes(at position: Int, upTo maximumCount: Int) throws(TransportError) -> [UInt8] {
        let start = range.lowerBound + min(position, range.count)
        let end = min(range.upperBound, start + maximumCount)
        switch store {
        case .memory(let bytes): return Array(bytes[start..<end])
        case .file(let file): return try file.read(at: start, upTo: end - start)
        }
    }
}

/// Puts a blob together.
@LoopActor
struct BlobWriter {
    private let memoryBytesMax: Int
    private var bytes: [UInt8] = []
    private var file: SpoolFile?

    /// A writer that moves to a file above `memoryBytesMax`.
    init(memoryBytesMax: Int = Blob.memoryBytesMax) {
        self.memoryBytesMax = memoryBytesMax
    }

    /// Adds bytes; throws when the file system has no room for them.
    mutating func append(_ part: [UInt8]) throws(TransportError) {
        if let file { return try file.append(part) }
        bytes += part
        guard bytes.count > memoryBytesMax else { return }
        let file = try SpoolFile()
        try file.append(bytes)
        bytes = []
        self.file = file
    }

    /// What was written.
    var blob: Blob {
        file.map { Blob($0) } ?? Blob(bytes)
    }
}
