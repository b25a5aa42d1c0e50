// SPDX-License-Identifier: Apache-2.0

/// A struct under construction; what is not written stays zero, empty or null.
///
/// Positions are those of the schema's layout: bytes or bits in the data section, indices of pointers. A
/// position outside the struct is a mistake of ours and traps.
package struct StructBuilder {
    let message: MessageBuilder
    /// Byte offset in the message where the data section starts.
    let start: Int
    let size: StructSize

    /// Writes a number of its type's width, or a 16-bit enumerant, at a byte of the data section.
    package func write(_ value: some FixedWidthInteger & UnsignedInteger, at byte: Int) {
        let byteCount = value.bitWidth / 8
        message.write(UInt64(value), byteCount: byteCount, at: byteOffset(of: byte, byteCount: byteCount))
    }

    /// Writes a signed 64-bit number at a byte of the data section.
    package func write(_ value: Int64, at byte: Int) { write(UInt64(bitPattern: value), at: byte) }

    /// Writes a flag at a bit of the data section.
    package func write(_ flag: Bool, atBit bit: Int) {
        let offset = byteOffset(of: bit / 8, byteCount: 1)
        if flag { message.setBit(bit % 8, at: offset) }
    }

    /// Writes bytes; an empty array becomes an empty list, not null, as the C++ library does.
    package func write(data: [UInt8], at index: Int) {
        message.appendBytes(data, terminator: 0, atPointer: byteOffset(ofPointer: index))
    }

    /// Writes a text and its NUL.
    package func write(text: String, at index: Int) {
        message.appendBytes(text.utf8, terminator: 1, atPointer: byteOffset(ofPointer: index))
    }

    /// Writes a list of 16-bit numbers or enumerants.
    package func write(numbers: [UInt16], at index: Int) {
        message.appendNumbers(numbers, elementSize: .twoBytes, atPointer: byteOffset(ofPointer: index))
    }

    /// Writes a list of 64-bit numbers.
    package func write(numbers: [UInt64], at index: Int) {
        message.appendNumbers(numbers, elementSize: .eightBytes, atPointer: byteOffset(ofPointer: index))
    }

    /// Starts the struct at a pointer.
    package func startStructure(_ size: StructSize, at index: Int) -> StructBuilder {
        message.startStructure(size, atPointer: byteOffset(ofPointer: index))
    }

    /// Starts a list of `count` structs at a pointer.
    package func startStructures(_ size: StructSize, count: Int, at index: Int) -> ListBuilder {
        message.startStructures(size, count: count, atPointer: byteOffset(ofPointer: index))
    }

    /// Starts a list of `count` pointers at a pointer; each element is then a struct with only pointer 0.
    package func startPointers(count: Int, at index: Int) -> ListBuilder {
        message.startPointers(count: count, atPointer: byteOffset(ofPointer: index))
    }

    private func byteOffset(of byte: Int, byteCount: Int) -> Int {
        // Layouts are constants of ours, so a position outside is a typing error, not data.
        precondition(byte >= 0 && byte + byteCount <= Int(size.dataWords) * WirePointer.bytesPerWord)
        return start + byte
    }

    private func byteOffset(ofPointer index: Int) -> Int {
        // As above: the index is a constant of a layout.
        precondition(index >= 0 && index < Int(size.pointers))
        return start + (Int(size.dataWords) + index) * WirePointer.bytesPerWord
    }
}

/// A list of structs or pointers under construction; its length is fixed when it is started.
package struct ListBuilder {
    let message: MessageBuilder
    /// Byte offset in the message of the first element.
    let start: Int
    let elementSize: StructSize
    /// Number of elements.
    package let count: Int

    /// Returns the builder of the element at an index; in a list of pointers, the element's pointer 0 is the pointer.
    package func element(at index: Int) -> StructBuilder {
        // The caller chose `count`, so an index outside is its mistake.
        precondition(index >= 0 && index < count, "element \(index) of a list of \(count)")
        return StructBuilder(
            message: message,
            start: start + index * elementSize.words * WirePointer.bytesPerWord,
            size: elementSize
        )
    }
}
