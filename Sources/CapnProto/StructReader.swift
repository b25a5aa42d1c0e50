// SPDX-License-Identifier: Apache-2.0

/// A struct inside a message.
///
/// Fields that the sender's version did not have read as zero, empty or null, and fields that we do not know
/// are never looked at; that is how schemas of all versions stay readable. Numbers cannot fail. Pointers can,
/// when they are followed.
package struct StructReader {
    let message: MessageReader
    let segment: Segment
    /// Byte offset in the message where the data section starts.
    var dataStart: Int
    /// Bytes, not words: an element of a plain list can be read as a struct of 1, 2 or 4 bytes.
    let dataByteCount: Int
    let pointerCount: Int
    let depthLeft: Int

    /// Returns the struct that a null pointer stands for: no data, no pointers.
    static func empty(in message: MessageReader, depthLeft: Int) -> StructReader {
        StructReader(
            message: message,
            segment: .empty,
            dataStart: 0,
            dataByteCount: 0,
            pointerCount: 0,
            depthLeft: depthLeft
        )
    }
}

extension StructReader {
    /// Returns the flag at a bit of the data section.
    package func bool(atBit bit: Int) -> Bool {
        number(at: bit / 8, byteCount: 1) >> UInt64(bit % 8) & 1 == 1
    }

    /// Returns the 16-bit number, or enumerant, at a byte of the data section.
    package func uint16(at byte: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(at: byte, byteCount: 2)) }

    /// Returns the 32-bit number at a byte of the data section.
    package func uint32(at byte: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(at: byte, byteCount: 4)) }

    /// Returns the 64-bit number at a byte of the data section.
    package func uint64(at byte: Int) -> UInt64 { number(at: byte, byteCount: 8) }

    /// Returns the signed 64-bit number at a byte of the data section.
    package func int64(at byte: Int) -> Int64 { Int64(truncatingIfNeeded: number(at: byte, byteCount: 8)) }

    private func number(at byte: Int, byteCount: Int) -> UInt64 {
        guard byte + byteCount <= dataByteCount else { return 0 }
        return MessageReader.littleEndian(message.bytes, at: dataStart + byte, byteCount: byteCount)
    }
}

extension StructReader {
    /// Returns whether the pointer exists and leads somewhere.
    package func hasPointer(at index: Int) -> Bool {
        byteOffset(ofPointer: index).map { !message.pointer(at: $0).isNull } ?? false
    }

    /// Returns the struct at a pointer; null reads as a struct whose fields are all unset.
    package func structure(at index: Int) throws(CapnProtoError) -> StructReader {
        guard let offset = byteOffset(ofPointer: index) else {
            return .empty(in: message, depthLeft: try message.descend(from: depthLeft))
        }
        return try message.structure(
            atPointer: offset,
            in: segment,
            depthLeft: message.descend(from: depthLeft)
        )
    }

    /// Returns the list at a pointer; null reads as a list of no elements.
    package func list(at index: Int, of element: ListElement) throws(CapnProtoError) -> ListReader {
        guard let offset = byteOffset(ofPointer: index) else {
            return ListReader(count: 0, first: .empty(in: message, depthLeft: depthLeft))
        }
        return try message.list(
            atPointer: offset,
            in: segment,
            of: element,
            depthLeft: message.descend(from: depthLeft)
        )
    }

    /// Returns the bytes at a pointer; null reads as none.
    ///
    /// The slice shares the message's memory: copy what must outlive it.
    package func data(at index: Int) throws(CapnProtoError) -> ArraySlice<UInt8> {
        guard let offset = byteOffset(ofPointer: index) else { return [] }
        return try message.data(atPointer: offset, in: segment)
    }

    /// Returns the text at a pointer, without its NUL; null reads as the empty text.
    package func text(at index: Int) throws(CapnProtoError) -> String {
        let terminated = try data(at: index)
        guard let last = terminated.last else {
            // A list of no bytes has no room for the NUL, so only a null pointer may read as empty.
            guard !hasPointer(at: index) else { throw .textNotTerminated }
            return ""
        }
        guard last == 0 else { throw .textNotTerminated }
        guard let text = String(validating: terminated.dropLast(), as: UTF8.self) else { throw .textNotUTF8 }
        return text
    }

    private func byteOffset(ofPointer index: Int) -> Int? {
        index < pointerCount ? dataStart + dataByteCount + index * WirePointer.bytesPerWord : nil
    }
}

extension MessageReader {
    func structure(
        atPointer byteOffset: Int,
        in segment: Segment,
        depthLeft: Int
    ) throws(CapnProtoError) -> StructReader {
        guard let target = try target(ofPointerAt: byteOffset, in: segment) else {
            return .empty(in: self, depthLeft: depthLeft)
        }
        guard target.description.kind == .structure else { throw .wrongPointerKind }
        let size = target.description.structSize
        let start = try target.segment.byteOffset(ofWord: target.word, count: size.words)
        try charge(words: size.words)
        return StructReader(
            message: self,
            segment: target.segment,
            dataStart: start,
            dataByteCount: Int(size.dataWords) * WirePointer.bytesPerWord,
            pointerCount: Int(size.pointers),
            depthLeft: depthLeft
        )
    }

    func data(atPointer byteOffset: Int, in segment: Segment) throws(CapnProtoError) -> ArraySlice<UInt8> {
        guard let target = try target(ofPointerAt: byteOffset, in: segment) else { return [] }
        guard target.description.kind == .list else { throw .wrongPointerKind }
        guard target.description.elementSize == .byte else { throw .wrongElementKind }
        let count = target.description.count
        let words = WirePointer.words(holding: count)
        let start = try target.segment.byteOffset(ofWord: target.word, count: words)
        try charge(words: words)
        return bytes[start..<start + count]
    }
}
