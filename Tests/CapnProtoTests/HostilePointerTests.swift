// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CapnProto

/// Messages that no builder makes: each is refused with the error that names what is wrong, at once and
/// without a trap.
@Suite
struct HostilePointerTests {
    private static let root = Word.rootOfOnePointer

    /// Reads pointer 0 of the root in every way there is; returns the errors of all.
    private func errors(_ bytes: [UInt8]) throws -> [CapnProtoError] {
        let root = try MessageReader(bytes).root()
        let reads: [() throws -> Void] = [
            { _ = try root.structure(at: 0) },
            { _ = try root.data(at: 0) },
            { _ = try root.text(at: 0) },
            { _ = try root.list(at: 0, of: .structure) },
            { _ = try root.list(at: 0, of: .pointer) },
            { _ = try root.list(at: 0, of: .number(byteCount: 8)) },
        ]
        var errors: [CapnProtoError] = []
        for read in reads {
            do {
                try read()
            } catch let error as CapnProtoError {
                errors.append(error)
            }
        }
        return errors
    }

    @Test(arguments: [
        Word.structure(offset: 1 << 29 - 1, data: 0, pointers: 0),
        Word.structure(offset: -(1 << 29), data: 0, pointers: 0),
        Word.structure(offset: -3, data: 0, pointers: 0),
        Word.structure(offset: 0, data: 1, pointers: 0),
        Word.structure(offset: 0, data: 65535, pointers: 65535),
    ])
    func `a struct outside its segment is refused`(pointer: UInt64) throws {
        let root = try MessageReader(message(Self.root, pointer)).root()
        #expect(throws: CapnProtoError.pointerOutOfBounds) {
            try root.structure(at: 0)
        }
    }

    @Test(arguments: [
        Word.list(offset: 0, elementSize: 2, count: 1),
        Word.list(offset: 0, elementSize: 2, count: 1 << 29 - 1),
        Word.list(offset: -(1 << 29), elementSize: 2, count: 0),
        Word.list(offset: 1 << 29 - 1, elementSize: 2, count: 0),
    ])
    func `bytes outside their segment are refused`(pointer: UInt64) throws {
        let root = try MessageReader(message(Self.root, pointer)).root()
        #expect(throws: CapnProtoError.pointerOutOfBounds) {
            try root.data(at: 0)
        }
    }

    @Test(arguments: [UInt64](0...7))
    func `a list of half a thousand million elements is refused, whatever they are`(
        elementSize: UInt64
    ) throws {
        let pointer = Word.list(offset: 0, elementSize: elementSize, count: 1 << 29 - 1)
        let refusals = try errors(message(Self.root, pointer, 0, 0))
        #expect(refusals.count == 6)
    }

    @Test
    func `elements without size are paid for`() throws {
        let void = Word.list(offset: 0, elementSize: 0, count: 1 << 29 - 1)
        #expect(throws: CapnProtoError.traversalLimitExceeded) {
            try MessageReader(message(Self.root, void)).root().list(at: 0, of: .structure)
        }
        let composite = Word.list(offset: 0, elementSize: 7, count: 0)
        let tag = Word.structure(offset: 1 << 29 - 1, data: 0, pointers: 0)
        #expect(throws: CapnProtoError.traversalLimitExceeded) {
            try MessageReader(message(Self.root, composite, tag)).root().list(at: 0, of: .structure)
        }
    }

    @Test(arguments: [
        // More elements than words; the product of both numbers would not fit 32 bits.
        Word.structure(offset: 1 << 29 - 1, data: 65535, pointers: 65535),
        Word.structure(offset: 2, data: 1, pointers: 0),
        // A negative count is a huge one.
        Word.structure(offset: -1, data: 1, pointers: 0),
        // Not a struct's description.
        Word.list(offset: 1, elementSize: 2, count: 0),
        Word.far(segment: 0, word: 0),
    ])
    func `a tag that contradicts its list is refused`(tag: UInt64) throws {
        let list = Word.list(offset: 0, elementSize: 7, count: 1)
        let root = try MessageReader(message(Self.root, list, tag, 0)).root()
        #expect(throws: CapnProtoError.compositeTagInvalid) {
            try root.list(at: 0, of: .structure)
        }
    }

    @Test
    func `a composite list without room for its tag is refused`() throws {
        let list = Word.list(offset: 0, elementSize: 7, count: 0)
        #expect(throws: CapnProtoError.pointerOutOfBounds) {
            try MessageReader(message(Self.root, list)).root().list(at: 0, of: .structure)
        }
    }

    @Test
    func `a pointer of another kind is refused`() throws {
        let toStruct = Word.structure(offset: -1, data: 0, pointers: 0)
        #expect(try errors(message(Self.root, toStruct)) == Array(repeating: .wrongPointerKind, count: 5))
        #expect(
            try errors(message(Self.root, Word.capability)) == Array(repeating: .wrongPointerKind, count: 6)
        )
        let toBits = Word.list(offset: 0, elementSize: 1, count: 3)
        #expect(
            try errors(message(Self.root, toBits, 0))
                == [.wrongPointerKind] + Array(repeating: .wrongElementKind, count: 5)
        )
    }

    @Test
    func `a far pointer to a missing segment is refused`() throws {
        for segment: UInt64 in [1, 512, 1 << 32 - 1] {
            let refusals = try errors(message(Self.root, Word.far(segment: segment, word: 0)))
            #expect(refusals == Array(repeating: .segmentMissing(Int(segment)), count: 6))
        }
    }

    @Test
    func `a landing pad outside its segment is refused`() throws {
        for far in [Word.far(segment: 0, word: 2), Word.far(segment: 0, word: 1, double: true)] {
            #expect(
                try errors(message(Self.root, far)) == Array(repeating: .pointerOutOfBounds, count: 6)
            )
        }
    }

    @Test(arguments: [
        // A pad that is a far pointer again, here to itself: the loop that must not be followed.
        [Word.rootOfOnePointer, Word.far(segment: 0, word: 1)],
        // A double pad that begins with an ordinary pointer,
        [Word.rootOfOnePointer, Word.far(segment: 0, word: 2, double: true), 0, 0],
        // with another double far pointer,
        [
            Word.rootOfOnePointer, Word.far(segment: 0, word: 2, double: true),
            Word.far(segment: 0, word: 2, double: true), 0,
        ],
        // that ends with a far pointer,
        [
            Word.rootOfOnePointer, Word.far(segment: 0, word: 2, double: true), Word.far(segment: 0, word: 0),
            Word.far(segment: 0, word: 0),
        ],
        // or whose description has an offset of its own.
        [
            Word.rootOfOnePointer, Word.far(segment: 0, word: 2, double: true), Word.far(segment: 0, word: 0),
            Word.structure(offset: 1, data: 0, pointers: 0),
        ],
    ])
    func `a landing pad that the encoding does not allow is refused`(words: [UInt64]) throws {
        #expect(try errors(message(segments: [words])) == Array(repeating: .landingPadInvalid, count: 6))
    }

    @Test
    func `a struct that contains itself ends at the depth limit`() throws {
        let itself = Word.structure(offset: -1, data: 0, pointers: 1)
        let limits = ReadLimits(depth: 64, traversalWords: 1_000_000)
        var reader = try MessageReader(message(itself), limits: limits).root()
        for _ in 0..<64 {
            reader = try reader.structure(at: 0)
        }
        #expect(throws: CapnProtoError.nestedTooDeeply) {
            try reader.structure(at: 0)
        }
        #expect(throws: CapnProtoError.nestedTooDeeply) {
            try reader.list(at: 0, of: .structure)
        }
    }

    @Test
    func `a list that contains itself ends at the depth limit`() throws {
        let itself = Word.list(offset: -1, elementSize: 6, count: 1)
        let limits = ReadLimits(depth: 64, traversalWords: 1_000_000)
        var list = try MessageReader(message(Self.root, itself), limits: limits).root().list(
            at: 0,
            of: .pointer
        )
        for _ in 0..<63 {
            list = try list.structure(at: 0).list(at: 0, of: .pointer)
        }
        #expect(throws: CapnProtoError.nestedTooDeeply) {
            try list.structure(at: 0).list(at: 0, of: .pointer)
        }
    }

    @Test
    func `the same words cannot be visited for ever`() throws {
        let root = try MessageReader(
            message(Self.root, Word.list(offset: 0, elementSize: 2, count: 64), 0, 0, 0, 0, 0, 0, 0, 0)
        ).root()
        let visits = (1...100).first { _ in (try? root.data(at: 0)) == nil }
        #expect(visits == 2)
    }

    @Test(arguments: [
        (UInt64(0x41_4141_4141_4141_41), UInt64(8), CapnProtoError.textNotTerminated),
        (0, 0, .textNotTerminated),
        (0x00_ff, 2, .textNotUTF8),
        (0x00_80_c0, 3, .textNotUTF8),
    ])
    func `a text that is none is refused`(word: UInt64, count: UInt64, error: CapnProtoError) throws {
        let text = Word.list(offset: 0, elementSize: 2, count: count)
        #expect(throws: error) {
            try MessageReader(message(Self.root, text, word)).root().text(at: 0)
        }
    }
}
