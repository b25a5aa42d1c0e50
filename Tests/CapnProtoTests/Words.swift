// SPDX-License-Identifier: Apache-2.0

/// Makes a message of one segment out of words.
func message(_ words: UInt64...) -> [UInt8] {
    message(segments: [words])
}

/// Makes a message out of segments of words.
func message(segments: [[UInt64]]) -> [UInt8] {
    let table = [UInt32(segments.count - 1)] + segments.map { UInt32($0.count) }
    let padding: [UInt32] = table.count.isMultiple(of: 2) ? [] : [0]
    return (table + padding).flatMap { littleEndian($0) } + segments.joined().flatMap { littleEndian($0) }
}

/// Returns the bytes of a number, least significant first.
func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
}

/// Pointer words written from the encoding specification, apart from the code under test.
enum Word {
    static func structure(offset: Int, data: UInt64, pointers: UInt64) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: offset << 2)) | data << 32 | pointers << 48
    }

    static func list(offset: Int, elementSize: UInt64, count: UInt64) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: offset << 2)) | 1 | elementSize << 32 | count << 35
    }

    static func far(segment: UInt64, word: UInt64, double: Bool = false) -> UInt64 {
        2 | (double ? 4 : 0) | word << 3 | segment << 32
    }

    /// A pointer of the kind that only remote procedure calls use.
    static let capability: UInt64 = 3

    /// A root of no data and one pointer, which is the next word.
    static let rootOfOnePointer = structure(offset: 0, data: 0, pointers: 1)
}
