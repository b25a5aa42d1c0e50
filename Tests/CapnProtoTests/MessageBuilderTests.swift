// SPDX-License-Identifier: Apache-2.0

import CapnProto
import TestSupport
import Testing

@Suite
struct MessageBuilderTests {
    @Test
    func `all kinds of field read back as they were written`() throws {
        let builder = MessageBuilder()
        let root = builder.startRoot(StructSize(dataWords: 4, pointers: 6))
        root.write(UInt16.max, at: 2)
        root.write(UInt32(0xdead_beef), at: 4)
        root.write(Int64.min, at: 8)
        root.write(UInt64.max, at: 16)
        root.write(true, atBit: 197)
        root.write(false, atBit: 198)
        root.write(data: [1, 2, 3], at: 0)
        root.write(text: "h\u{e9} \u{1F600}", at: 1)
        root.write(numbers: [UInt16.max, 0, 7], at: 2)
        root.write(numbers: [UInt64.max, 1], at: 3)
        let structures = root.startStructures(StructSize(dataWords: 1, pointers: 1), count: 2, at: 4)
        structures.element(at: 1).write(UInt16(9), at: 6)
        structures.element(at: 1).write(data: [9], at: 0)
        let pointers = root.startPointers(count: 3, at: 5)
        pointers.element(at: 2).write(data: [UInt8](repeating: 5, count: 17), at: 0)

        let read = try MessageReader(builder.finished()).root()
        #expect(read.uint16(at: 0) == 0)
        #expect(read.uint16(at: 2) == .max)
        #expect(read.uint32(at: 4) == 0xdead_beef)
        #expect(read.int64(at: 8) == .min)
        #expect(read.uint64(at: 16) == .max)
        #expect([196, 197, 198].map { read.bool(atBit: $0) } == [false, true, false])
        #expect(try read.data(at: 0).elementsEqual([1, 2, 3]))
        #expect(try read.text(at: 1) == "h\u{e9} \u{1F600}")
        let narrow = try read.list(at: 2, of: .number(byteCount: 2))
        #expect((0..<narrow.count).map { narrow.uint16(at: $0) } == [.max, 0, 7])
        let wide = try read.list(at: 3, of: .number(byteCount: 8))
        #expect((0..<wide.count).map { wide.uint64(at: $0) } == [.max, 1])
        let elements = try read.list(at: 4, of: .structure)
        #expect(elements.count == 2)
        #expect(elements.structure(at: 0).uint16(at: 6) == 0)
        #expect(elements.structure(at: 1).uint16(at: 6) == 9)
        #expect(try elements.structure(at: 1).data(at: 0).elementsEqual([9]))
        let blobs = try read.list(at: 5, of: .pointer)
        #expect(try (0..<blobs.count).map { try blobs.data(at: $0).count } == [0, 0, 17])
    }

    @Test
    func `empty values are not null, but for structs of no size they need no words`() throws {
        let builder = MessageBuilder()
        let root = builder.startRoot(StructSize(dataWords: 0, pointers: 5))
        root.write(data: [], at: 0)
        root.write(text: "", at: 1)
        _ = root.startStructures(StructSize(dataWords: 1, pointers: 1), count: 0, at: 2)
        _ = root.startStructure(StructSize(dataWords: 0, pointers: 0), at: 3)
        let bytes = builder.finished()
        // Table, root pointer, five pointers, one word of text, one tag.
        #expect(bytes.count == 8 * 9)
        let read = try MessageReader(bytes).root()
        #expect((0..<5).map { read.hasPointer(at: $0) } == [true, true, true, true, false])
        #expect(try read.text(at: 1).isEmpty)
    }

    @Test(arguments: 0..<40)
    func `bytes of any length end at a word`(count: Int) throws {
        let bytes = (0..<count).map { UInt8($0 + 1) }
        let builder = MessageBuilder(capacity: 0)
        let root = builder.startRoot(StructSize(dataWords: 0, pointers: 2))
        root.write(data: bytes, at: 0)
        root.write(data: bytes.reversed(), at: 1)
        let message = builder.finished()
        #expect(message.count.isMultiple(of: 8))
        let read = try MessageReader(message).root()
        #expect(try read.data(at: 0).elementsEqual(bytes))
        #expect(try read.data(at: 1).elementsEqual(bytes.reversed()))
    }

    @Test
    func `many megabytes are written and read in time that grows with their length`() throws {
        let blobs = 100_000
        let builder = MessageBuilder()
        let list = builder.startRoot(StructSize(dataWords: 0, pointers: 1)).startPointers(count: blobs, at: 0)
        let blob = [UInt8](repeating: 7, count: 40)
        for index in 0..<blobs {
            list.element(at: index).write(data: blob, at: 0)
        }
        let message = builder.finished()
        #expect(message.count == 8 + 8 + 8 + blobs * 48)
        let read = try MessageReader(message).root().list(at: 0, of: .pointer)
        let total = try (0..<read.count).reduce(0) { try $0 + read.data(at: $1).count }
        #expect(total == blobs * 40)
    }
}
