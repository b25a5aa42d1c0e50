// SPDX-License-Identifier: Apache-2.0

// A list may have been written with another element type than the one it is read as, because a schema may
// turn a list of numbers or pointers into a list of structs whose first field is the old element (encoding
// spec, "Lists"). So every list is seen as structs of so many bytes and pointers, one behind the other. Bits are the exception, in the specification too: they have no such step, and
// no schema of ours has them.

/// What the reader of a list is going to ask of its elements.
package enum ListElement: Equatable, Sendable {
    /// Numbers or enumerants of a width in bytes.
    case number(byteCount: Int)
    /// Texts, data or lists.
    case pointer
    /// Structs of any size.
    case structure
}

/// A list inside a message; every index given must be below `count`.
package struct ListReader {
    /// Number of elements.
    package let count: Int

    /// The first element; the others follow, each as long.
    let first: StructReader

    /// Returns the struct at an index; it shares the list's level of nesting.
    package func structure(at index: Int) -> StructReader {
        // The index never comes from the wire: callers count up to `count`.
        precondition(index >= 0 && index < count, "element \(index) of a list of \(count)")
        var element = first
        element.dataStart += index * (first.dataByteCount + first.pointerCount * WirePointer.bytesPerWord)
        return element
    }

    /// Returns the bytes at an index of a list of pointers; the slice shares the message's memory.
    package func data(at index: Int) throws(CapnProtoError) -> ArraySlice<UInt8> {
        try structure(at: index).data(at: 0)
    }

    /// Returns the 16-bit number, or enumerant, at an index of a list of numbers.
    package func uint16(at index: Int) -> UInt16 { structure(at: index).uint16(at: 0) }

    /// Returns the 64-bit number at an index of a list of numbers.
    package func uint64(at index: Int) -> UInt64 { structure(at: index).uint64(at: 0) }

    /// Throws if the elements do not hold what is going to be asked of them.
    fileprivate func checked(as element: ListElement) throws(CapnProtoError) -> ListReader {
        switch element {
        case .number(let byteCount) where first.dataByteCount < byteCount: throw .wrongElementKind
        case .pointer where first.pointerCount < 1: throw .wrongElementKind
        case .number, .pointer, .structure: return self
        }
    }
}

extension MessageReader {
    func list(
        atPointer byteOffset: Int,
        in segment: Segment,
        of element: ListElement,
        depthLeft: Int
    ) throws(CapnProtoError) -> ListReader {
        guard let target = try target(ofPointerAt: byteOffset, in: segment) else {
            return ListReader(count: 0, first: .empty(in: self, depthLeft: depthLeft))
        }
        guard target.description.kind == .list else { throw .wrongPointerKind }
        let list =
            switch target.description.elementSize {
            case .composite: try compositeList(at: target, depthLeft)
            case .void: try plainList(at: target, depthLeft)
            case .byte: try plainList(at: target, dataByteCount: 1, depthLeft)
            case .twoBytes: try plainList(at: target, dataByteCount: 2, depthLeft)
            case .fourBytes: try plainList(at: target, dataByteCount: 4, depthLeft)
            case .eightBytes: try plainList(at: target, dataByteCount: 8, depthLeft)
            case .pointer: try plainList(at: target, pointerCount: 1, depthLeft)
            case .bit: throw CapnProtoError.wrongElementKind
            }
        return try list.checked(as: element)
    }

    private func plainList(
        at target: Target,
        dataByteCount: Int = 0,
        pointerCount: Int = 0,
        _ depthLeft: Int
    ) throws(CapnProtoError) -> ListReader {
        let count = target.description.count
        let byteCount = count * (dataByteCount + pointerCount * WirePointer.bytesPerWord)
        let words = WirePointer.words(holding: byteCount)
        let start = try target.segment.byteOffset(ofWord: target.word, count: words)
        // Elements without size cost a word each, or a list of 2^29 of them would be free.
        try charge(words: byteCount == 0 ? count : words)
        let first = StructReader(
            message: self,
            segment: target.segment,
            dataStart: start,
            dataByteCount: dataByteCount,
            pointerCount: pointerCount,
            depthLeft: depthLeft
        )
        return ListReader(count: count, first: first)
    }

    /// Reads the tag word, which is not counted in the pointer's number of words, and checks it against that number.
    private func compositeList(at target: Target, _ depthLeft: Int) throws(CapnProtoError) -> ListReader {
        let words = target.description.count
        let tagByte = try target.segment.byteOffset(ofWord: target.word, count: words + 1)
        let tag = pointer(at: tagByte)
        let size = tag.structSize
        let count = tag.compositeCount
        guard tag.kind == .structure, count * size.words <= words else { throw .compositeTagInvalid }
        try charge(words: size.words == 0 ? count : words + 1)
        let first = StructReader(
            message: self,
            segment: target.segment,
            dataStart: tagByte + WirePointer.bytesPerWord,
            dataByteCount: Int(size.dataWords) * WirePointer.bytesPerWord,
            pointerCount: Int(size.pointers),
            depthLeft: depthLeft
        )
        return ListReader(count: count, first: first)
    }
}
