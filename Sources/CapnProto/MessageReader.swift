// SPDX-License-Identifier: Apache-2.0

// A message is a segment table and segments (Cap'n Proto encoding spec, "Serialization Over a Stream"):
//
//   segment count - 1 (4 bytes), length of each segment in words (4 bytes each), padding to a word, segments
//
// A pointer whose object lies in another segment is a far pointer. It names a landing pad there: one word, which is an
// ordinary pointer relative to itself, or (double far) two words, of which the first is a far pointer to the object and
// the second has the object's kind and size. A pad never leads to a second hop, so resolving takes at most two steps.

/// A message that is read where it lies: nothing is copied until a field is asked for.
///
/// It is a class because all readers of one message pay their visits from one budget. It is for one thread and lives as
/// long as the decoding function: what is kept must be copied out, or it keeps the whole message alive.
package final class MessageReader {
    let bytes: [UInt8]
    private let segments: [Segment]
    private let limits: ReadLimits
    private var traversalWordsLeft: Int

    /// Opens a message, segment table included; bytes after the last segment are ignored, as the C++ library does.
    ///
    /// Throws if the bytes are not whole words or end before the last segment.
    package init(_ bytes: [UInt8], limits: ReadLimits? = nil) throws(CapnProtoError) {
        self.bytes = bytes
        self.segments = try Self.segments(of: bytes)
        self.limits = limits ?? .proportionate(toByteCount: bytes.count)
        self.traversalWordsLeft = self.limits.traversalWords
    }

    /// Returns the struct that the root pointer leads to; a null root reads as a struct without fields.
    package func root() throws(CapnProtoError) -> StructReader {
        guard let first = segments.first, first.wordCount > 0 else { throw .rootMissing }
        return try structure(atPointer: first.firstByte, in: first, depthLeft: limits.depth)
    }

    private static func segments(of bytes: [UInt8]) throws(CapnProtoError) -> [Segment] {
        guard bytes.count.isMultiple(of: WirePointer.bytesPerWord) else {
            throw .notWholeWords(byteCount: bytes.count)
        }
        guard !bytes.isEmpty else { throw .truncated }
        let count = Int(littleEndian(bytes, at: 0, byteCount: 4)) + 1
        guard count <= ReadLimits.segmentCountMax else { throw .tooManySegments(count) }
        // One number for the count and one for each segment, rounded up to whole words.
        var nextByte = (count / 2 + 1) * WirePointer.bytesPerWord
        guard nextByte <= bytes.count else { throw .truncated }
        var segments: [Segment] = []
        segments.reserveCapacity(count)
        for index in 0..<count {
            let wordCount = Int(littleEndian(bytes, at: 4 + index * 4, byteCount: 4))
            guard wordCount <= (bytes.count - nextByte) / WirePointer.bytesPerWord else { throw .truncated }
            segments.append(Segment(firstByte: nextByte, wordCount: wordCount))
            nextByte += wordCount * WirePointer.bytesPerWord
        }
        return segments
    }
}

extension MessageReader {
    /// A pointer followed over all far hops: where the object lies and the word that describes it.
    struct Target {
        let description: WirePointer
        let segment: Segment
        /// First word of the object in its segment; not yet compared with the segment's length.
        let word: Int
    }

    /// Follows the pointer at a byte offset; nil if it is null.
    func target(ofPointerAt byteOffset: Int, in segment: Segment) throws(CapnProtoError) -> Target? {
        let pointer = pointer(at: byteOffset)
        guard !pointer.isNull else { return nil }
        guard pointer.kind == .far else {
            let word = segment.word(atByteOffset: byteOffset) + 1 + pointer.offset
            return Target(description: pointer, segment: segment, word: word)
        }
        return try target(ofFarPointer: pointer)
    }

    private func target(ofFarPointer far: WirePointer) throws(CapnProtoError) -> Target {
        let padSegment = try segment(far.farSegment)
        let padByte = try padSegment.byteOffset(ofWord: far.farWord, count: far.isDoubleFar ? 2 : 1)
        let pad = pointer(at: padByte)
        guard far.isDoubleFar else {
            guard pad.kind != .far else { throw .landingPadInvalid }
            return Target(description: pad, segment: padSegment, word: far.farWord + 1 + pad.offset)
        }
        let tag = pointer(at: padByte + WirePointer.bytesPerWord)
        guard pad.kind == .far, !pad.isDoubleFar, tag.kind != .far, tag.offset == 0 else {
            throw .landingPadInvalid
        }
        return Target(description: tag, segment: try segment(pad.farSegment), word: pad.farWord)
    }

    private func segment(_ index: Int) throws(CapnProtoError) -> Segment {
        guard index < segments.count else { throw .segmentMissing(index) }
        return segments[index]
    }

    func charge(words: Int) throws(CapnProtoError) {
        guard words <= traversalWordsLeft else { throw .traversalLimitExceeded }
        traversalWordsLeft -= words
    }

    /// Returns the level below `depthLeft`.
    func descend(from depthLeft: Int) throws(CapnProtoError) -> Int {
        guard depthLeft > 0 else { throw .nestedTooDeeply }
        return depthLeft - 1
    }
}

extension MessageReader {
    func pointer(at byteOffset: Int) -> WirePointer {
        WirePointer(raw: Self.littleEndian(bytes, at: byteOffset, byteCount: 8))
    }

    /// Reads an unsigned number of up to 8 bytes.
    static func littleEndian(_ bytes: [UInt8], at byteOffset: Int, byteCount: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<byteCount { value |= UInt64(bytes[byteOffset + index]) << UInt64(index * 8) }
        return value
    }
}
