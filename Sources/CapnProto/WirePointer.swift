// SPDX-License-Identifier: Apache-2.0

// The pointer word (Cap'n Proto encoding spec, "Structs", "Lists", "Inter-Segment Pointers"), bit 0 lowest:
//
//   struct  bits 0-1 = 0   bits 2-31 offset (signed)   bits 32-47 data words   bits 48-63 pointers
//   list    bits 0-1 = 1   bits 2-31 offset (signed)   bits 32-34 element size bits 35-63 count
//   far     bits 0-1 = 2   bit 2 double                bits 3-31 offset        bits 32-63 segment
//
// Offsets count words from the end of the pointer; those of far pointers count from the start of the segment.
// All fields are at most 32 bits wide, so every sum and product made of two of them fits an `Int`.

/// Size of a struct on the wire.
package struct StructSize: Equatable, Sendable {
    /// Words of plain data.
    package let dataWords: UInt16
    /// Pointers after the data.
    package let pointers: UInt16

    /// Creates the size of a struct from its words of data and its number of pointers.
    package init(dataWords: UInt16, pointers: UInt16) {
        self.dataWords = dataWords
        self.pointers = pointers
    }

    var words: Int { Int(dataWords) + Int(pointers) }
}

/// One pointer word, taken apart on demand.
struct WirePointer: Equatable, Sendable {
    static let bytesPerWord = 8

    static func words(holding byteCount: Int) -> Int { (byteCount + bytesPerWord - 1) / bytesPerWord }

    /// What bits 0 and 1 tell.
    enum Kind: UInt64 {
        case structure = 0
        case list = 1
        case far = 2
        /// Capabilities of remote procedure calls: never valid in a message that is only data.
        case other = 3
    }

    /// What bits 32 to 34 of a list pointer tell about its elements.
    enum ElementSize: UInt64 {
        case void = 0
        case bit = 1
        case byte = 2
        case twoBytes = 3
        case fourBytes = 4
        case eightBytes = 5
        case pointer = 6
        /// Structs, described by a tag word before the first; the pointer's count is then in words.
        case composite = 7
    }

    let raw: UInt64

    var isNull: Bool { raw == 0 }

    var kind: Kind { Kind(rawValue: raw & 3) ?? .other }

    /// Words from the end of the pointer to the object; negative is legal.
    var offset: Int { Int(Int32(truncatingIfNeeded: raw) >> 2) }

    var structSize: StructSize {
        StructSize(
            dataWords: UInt16(truncatingIfNeeded: raw >> 32),
            pointers: UInt16(truncatingIfNeeded: raw >> 48)
        )
    }

    var elementSize: ElementSize { ElementSize(rawValue: (raw >> 32) & 7) ?? .void }

    /// Elements of a list, or words of a composite one.
    var count: Int { Int(raw >> 35) }

    /// Elements that the tag word of a composite list announces (its offset field, read without sign).
    var compositeCount: Int { Int(UInt32(truncatingIfNeeded: raw) >> 2) }

    var isDoubleFar: Bool { raw & 4 != 0 }

    /// Word in the far segment where the landing pad lies.
    var farWord: Int { Int(UInt32(truncatingIfNeeded: raw) >> 3) }

    var farSegment: Int { Int(raw >> 32) }
}

extension WirePointer {
    /// Makes the pointer to a struct `offset` words behind the pointer's end.
    ///
    /// A struct without words points at its own pointer (offset -1): with 0 the word would be a null pointer.
    static func structure(offset: Int, size: StructSize) -> WirePointer {
        let position = size.words == 0 ? -1 : offset
        return WirePointer(
            raw: encoded(offset: position) | UInt64(size.dataWords) << 32 | UInt64(size.pointers) << 48
        )
    }

    /// Makes the pointer to a list `offset` words behind the pointer's end; `count` is in words for composite lists.
    static func list(offset: Int, elementSize: ElementSize, count: Int) -> WirePointer {
        // 29 bits are all the encoding has: half a gigabyte of bytes, far beyond any field of a message we send.
        precondition(count < 1 << 29, "list of \(count) elements does not fit a pointer")
        return WirePointer(
            raw: encoded(offset: offset) | 1 | elementSize.rawValue << 32 | UInt64(count) << 35
        )
    }

    static func compositeTag(count: Int, size: StructSize) -> WirePointer {
        WirePointer(raw: encoded(offset: count) | UInt64(size.dataWords) << 32 | UInt64(size.pointers) << 48)
    }

    private static func encoded(offset: Int) -> UInt64 {
        // 30 signed bits: a segment of 4 GiB. Our messages are built in one segment, so no other reach is needed.
        precondition(
            offset >= -(1 << 29) && offset < 1 << 29,
            "offset of \(offset) words does not fit a pointer"
        )
        return UInt64(UInt32(truncatingIfNeeded: offset) << 2)
    }
}
