// SPDX-License-Identifier: Apache-2.0

import CapnProto
import TestSupport
import Testing

@Suite
struct MessageReaderTests {
    static let vectors = Vector.all(in: "scaler-messages.json")
    static let messages = vectors.filter { $0.kind == "message" }
    static let schemas = ["2.6.0", "2.7.0", "2.9.0"].reduce(into: [:]) { $0[$1] = Schema(for: $1) }

    @Test(arguments: messages)
    func `every message of the real library reads as the library reads it`(vector: Vector) throws {
        let schema = try #require(Self.schemas[vector.version])
        let (tag, body) = try schema.read(vector.bytes)
        #expect(body.difference(from: vector.fields) == nil)
        if let expected = vector.entry["tag"].integer {
            #expect(Int128(tag) == expected)
        }
    }

    @Test(arguments: messages)
    func `bytes behind the last segment are ignored`(vector: Vector) throws {
        let schema = try #require(Self.schemas[vector.version])
        let body = try schema.read(vector.bytes + [UInt8](repeating: 0xff, count: 16)).body
        #expect(body.difference(from: vector.fields) == nil)
    }

    @Test(arguments: messages)
    func `a message cut at any word is refused`(vector: Vector) throws {
        for length in stride(from: 0, to: vector.bytes.count, by: 8) {
            #expect(throws: CapnProtoError.truncated) {
                try MessageReader(Array(vector.bytes.prefix(length)))
            }
        }
    }

    @Test(arguments: [
        ("bad/empty", CapnProtoError.truncated),
        ("bad/7-bytes", .notWholeWords(byteCount: 7)),
        ("bad/segment-count-huge", .tooManySegments(1 << 32)),
        ("bad/truncated-root", .truncated),
        ("bad/pointer-out-of-bounds", .pointerOutOfBounds),
    ])
    func `what the real library refuses is refused, by name`(name: String, error: CapnProtoError) throws {
        let vector = try #require(Self.vectors.first { $0.name == name })
        #expect(throws: error) {
            try MessageReader(vector.bytes).root()
        }
    }

    @Test
    func `a null root reads as a struct without fields`() throws {
        let root = try MessageReader(message(0)).root()
        #expect(root.uint64(at: 0) == 0)
        #expect(root.int64(at: 8) == 0)
        #expect(!root.hasPointer(at: 0))
        #expect(try root.data(at: 0).isEmpty)
        #expect(try root.text(at: 3).isEmpty)
        #expect(try root.list(at: 1, of: .structure).count == 0)
        #expect(try root.structure(at: 2).structure(at: 2).bool(atBit: 70) == false)
    }

    @Test
    func `a message without a first word has no root`() {
        #expect(throws: CapnProtoError.rootMissing) {
            try MessageReader([0, 0, 0, 0, 0, 0, 0, 0]).root()
        }
    }

    @Test
    func `up to 512 segments are accepted`() throws {
        let table = { (count: Int) in
            littleEndian(UInt32(count - 1)) + [UInt8](repeating: 0, count: (count / 2) * 8 + 4)
        }
        #expect(throws: CapnProtoError.rootMissing) {
            try MessageReader(table(512)).root()
        }
        #expect(throws: CapnProtoError.tooManySegments(513)) {
            try MessageReader(table(513))
        }
    }
}
