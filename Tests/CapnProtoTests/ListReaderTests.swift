// SPDX-License-Identifier: Apache-2.0

import CapnProto
import Testing

@Suite
struct ListReaderTests {
    private func list(_ words: UInt64..., of element: ListElement) throws -> ListReader {
        try MessageReader(message(segments: [[Word.rootOfOnePointer] + words])).root().list(
            at: 0,
            of: element
        )
    }

    @Test
    func `numbers read as structs of one field, as a grown schema would`() throws {
        let numbers = try list(
            Word.list(offset: 0, elementSize: 4, count: 3),
            0x2222_2222_1111_1111,
            3,
            of: .structure
        )
        #expect(numbers.count == 3)
        #expect((0..<3).map { numbers.structure(at: $0).uint32(at: 0) } == [0x1111_1111, 0x2222_2222, 3])
        // The second half of a word belongs to the next element.
        #expect(numbers.structure(at: 0).uint64(at: 0) == 0)
        #expect(numbers.structure(at: 0).uint32(at: 4) == 0)
    }

    @Test
    func `structs read as numbers, as a reader from before the growth would`() throws {
        let tag = Word.structure(offset: 2, data: 1, pointers: 1)
        let numbers = try list(
            Word.list(offset: 0, elementSize: 7, count: 4),
            tag,
            7,
            0,
            8,
            0,
            of: .number(byteCount: 8)
        )
        #expect((0..<numbers.count).map { numbers.uint64(at: $0) } == [7, 8])
        #expect(numbers.uint16(at: 1) == 8)
    }

    @Test
    func `structs read as pointers, as a reader from before the growth would`() throws {
        let tag = Word.structure(offset: 1, data: 1, pointers: 1)
        let bytes = Word.list(offset: 0, elementSize: 2, count: 3)
        let pointers = try list(
            Word.list(offset: 0, elementSize: 7, count: 2),
            tag,
            7,
            bytes,
            0x03_0201,
            of: .pointer
        )
        #expect(try pointers.data(at: 0).elementsEqual([1, 2, 3]))
    }

    @Test
    func `numbers that are too narrow are refused`() {
        #expect(throws: CapnProtoError.wrongElementKind) {
            try list(Word.list(offset: 0, elementSize: 3, count: 4), 0, of: .number(byteCount: 8))
        }
        #expect(throws: CapnProtoError.wrongElementKind) {
            try list(Word.list(offset: 0, elementSize: 5, count: 1), 0, of: .pointer)
        }
        #expect(throws: CapnProtoError.wrongElementKind) {
            try list(Word.list(offset: 0, elementSize: 6, count: 1), 0, of: .number(byteCount: 2))
        }
    }
}
