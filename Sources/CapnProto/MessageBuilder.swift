// SPDX-License-Identifier: Apache-2.0

/// A message under construction, in one segment.
///
/// One segment is legal at any length up to 4 GiB, and readers need no far pointers for it. Objects lie in
/// the order in which they were started, as the C++ library puts them, so equal content gives equal bytes. It
/// is a class because the builders of all its structs and lists write to the same bytes.
package final class MessageBuilder {
    /// Table for one segment: a count of 0 (meaning one) and the length, patched in by `finished()`.
    private static let tableByteCount = 8

    private var bytes: [UInt8]

    /// Starts a message; `capacity` is a guess of its length in bytes, to save growing.
    package init(capacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(capacity)
        bytes.append(contentsOf: repeatElement(0, count: Self.tableByteCount))
    }

    /// Starts the root struct; to be called once, first.
    package func startRoot(_ size: StructSize) -> StructBuilder {
        // The root pointer is the first word of the segment by definition.
        precondition(bytes.count == Self.tableByteCount, "a message has one root")
        let pointer = allocate(words: 1)
        return startStructure(size, atPointer: pointer)
    }

    /// Returns the message, segment table included.
    package func finished() -> [UInt8] {
        let words = (bytes.count - Self.tableByteCount) / WirePointer.bytesPerWord
        // A length of 32 GiB would be our own mistake: limits on what we send are far below.
        write(UInt64(words), byteCount: 4, at: 4)
        return bytes
    }
}

extension MessageBuilder {
    /// Appends zeroed words and returns the byte offset of the first.
    func allocate(words: Int) -> Int {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: words * WirePointer.bytesPerWord))
        return start
    }

    /// Writes the low bytes of a number, least significant first.
    func write(_ value: UInt64, byteCount: Int, at byteOffset: Int) {
        for index in 0..<byteCount {
            bytes[byteOffset + index] = UInt8(truncatingIfNeeded: value >> (index * 8))
        }
    }

    func write(_ pointer: WirePointer, at byteOffset: Int) {
        write(pointer.raw, byteCount: WirePointer.bytesPerWord, at: byteOffset)
    }

    func setBit(_ bit: Int, at byteOffset: Int) { bytes[byteOffset] |= 1 << UInt8(bit) }

    func startStructure(_ size: StructSize, atPointer pointer: Int) -> StructBuilder {
        let start = allocate(words: size.words)
        write(.structure(offset: distance(from: pointer, to: start), size: size), at: pointer)
        return StructBuilder(message: self, start: start, size: size)
    }

    /// Starts a list of structs: a tag word, then the elements.
    func startStructures(_ size: StructSize, count: Int, atPointer pointer: Int) -> ListBuilder {
        let words = count * size.words
        let tag = allocate(words: 1 + words)
        let offset = distance(from: pointer, to: tag)
        write(.list(offset: offset, elementSize: .composite, count: words), at: pointer)
        write(.compositeTag(count: count, size: size), at: tag)
        let start = tag + WirePointer.bytesPerWord
        return ListBuilder(message: self, start: start, elementSize: size, count: count)
    }

    /// Starts a list of pointers, which fills itself like structs of one pointer each.
    func startPointers(count: Int, atPointer pointer: Int) -> ListBuilder {
        let start = allocate(words: count)
        let offset = distance(from: pointer, to: start)
        write(.list(offset: offset, elementSize: .pointer, count: count), at: pointer)
        let size = StructSize(dataWords: 0, pointers: 1)
        return ListBuilder(message: self, start: start, elementSize: size, count: count)
    }

    /// Appends bytes as a list, with `terminator` more zero bytes counted in and padding to a word not counted in.
    func appendBytes(_ content: some Collection<UInt8>, terminator: Int, atPointer pointer: Int) {
        let start = bytes.count
        let count = content.count + terminator
        let offset = distance(from: pointer, to: start)
        write(.list(offset: offset, elementSize: .byte, count: count), at: pointer)
        bytes.append(contentsOf: content)
        let padding = WirePointer.words(holding: count) * WirePointer.bytesPerWord - count
        bytes.append(contentsOf: repeatElement(0, count: terminator + padding))
    }

    /// Appends numbers as a list of elements of `elementSize`, which must be as wide as their type.
    func appendNumbers<Number: FixedWidthInteger & UnsignedInteger>(
        _ numbers: [Number],
        elementSize: WirePointer.ElementSize,
        atPointer pointer: Int
    ) {
        let byteCount = Number.bitWidth / 8
        let start = allocate(words: WirePointer.words(holding: numbers.count * byteCount))
        let offset = distance(from: pointer, to: start)
        write(.list(offset: offset, elementSize: elementSize, count: numbers.count), at: pointer)
        for (index, number) in numbers.enumerated() {
            write(UInt64(number), byteCount: byteCount, at: start + index * byteCount)
        }
    }

    /// Words from the end of a pointer to a byte offset.
    private func distance(from pointer: Int, to start: Int) -> Int {
        (start - pointer) / WirePointer.bytesPerWord - 1
    }
}
