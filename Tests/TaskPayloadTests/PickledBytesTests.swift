// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TaskPayload

/// Ten bytes, 0 to 9, of which the first four and the last two are in memory.
private func partlyLoaded() -> PickledBytes {
    PickledBytes(head: [0, 1, 2, 3], tail: [8, 9], byteCount: 10)
}

@Suite struct PickledBytesTests {
    @Test func `head and tail are read with what lies between passed over`() throws {
        var bytes = partlyLoaded()
        for expected in UInt8(0)..<4 { #expect(try bytes.next() == expected) }
        #expect(try bytes.skip(4) == 4..<8)
        #expect(try bytes.next() == 8)
        #expect(!bytes.isAtEnd)
        #expect(try bytes.next() == 9)
        #expect(bytes.isAtEnd)
    }

    @Test func `a byte that is not in memory is over the limit, and a byte behind the end is missing`() throws
    {
        var bytes = partlyLoaded()
        _ = try bytes.skip(4)
        #expect(throws: TaskPayloadError.overLimit) { try bytes.next() }
        var whole = partlyLoaded()
        _ = try whole.skip(10)
        #expect(throws: TaskPayloadError.truncated) { try whole.next() }
    }

    @Test func `head and tail may overlap, and the whole may be in both`() throws {
        var bytes = PickledBytes(head: [1, 2, 3], tail: [1, 2, 3], byteCount: 3)
        for expected in UInt8(1)...3 { #expect(try bytes.next() == expected) }
        #expect(bytes.isAtEnd)
    }

    @Test func `nothing is at its end at once`() {
        #expect(PickledBytes(head: [], tail: [], byteCount: 0).isAtEnd)
    }

    @Test func `numbers are little-endian, and one that is negative as an Int is unreadable where it began`()
        throws
    {
        var bytes = PickledBytes(
            head: [0x34, 0x12] + [UInt8](repeating: 0xFF, count: 8),
            tail: [],
            byteCount: 10
        )
        #expect(try bytes.number(width: 2) == 0x1234)
        #expect(throws: TaskPayloadError.unreadable(offset: 2)) { try bytes.number(width: 8) }
    }

    @Test func `nobody passes the end, however far`() throws {
        var bytes = partlyLoaded()
        #expect(throws: TaskPayloadError.truncated) { try bytes.skip(11) }
        #expect(throws: TaskPayloadError.truncated) { try bytes.skip(.max) }
        #expect(bytes.offset == 0)
        #expect(try bytes.skip(10) == 0..<10)
        #expect(try bytes.skip(0) == 10..<10)
    }

    @Test func `text must lie in the head, and lone surrogates show as replacement characters`() throws {
        var bytes = PickledBytes(head: Array("naïve".utf8) + [0xED, 0xA0, 0x80], tail: [0], byteCount: 20)
        #expect(try bytes.text(6) == "naïve")
        #expect(try bytes.text(3).unicodeScalars.allSatisfy { $0 == "\u{FFFD}" })
        #expect(throws: TaskPayloadError.overLimit) { try bytes.text(1) }
    }
}
