// SPDX-License-Identifier: Apache-2.0

/// A pickle of known length of which only the first and the last bytes need to be in memory.
struct PickledBytes {
    let head: [UInt8]
    let tail: [UInt8]
    let byteCount: Int
    private(set) var offset = 0

    init(head: [UInt8], tail: [UInt8], byteCount: Int) {
        // A head and a tail longer than the whole would make two bytes out of one.
        precondition(head.count <= byteCount && tail.count <= byteCount, "more in memory than there is")
        self.head = head
        self.tail = tail
        self.byteCount = byteCount
    }

    var isAtEnd: Bool { offset == byteCount }

    mutating func next() throws(TaskPayloadError) -> UInt8 {
        guard offset < byteCount else { throw .truncated }
        defer { offset += 1 }
        if offset < head.count { return head[offset] }
        guard offset >= byteCount - tail.count else { throw .overLimit }
        return tail[offset - (byteCount - tail.count)]
    }

    /// Reads a little-endian number of at most 8 bytes that must not be negative as an `Int`.
    mutating func number(width: Int) throws(TaskPayloadError) -> Int {
        let start = offset
        var number: UInt64 = 0
        for place in 0..<width { number |= UInt64(try next()) << (8 * UInt64(place)) }
        guard let count = Int(exactly: number) else { throw .unreadable(offset: start) }
        return count
    }

    /// Passes over `count` bytes, which may lie between head and tail.
    mutating func skip(_ count: Int) throws(TaskPayloadError) -> Range<Int> {
        guard count <= byteCount - offset else { throw .truncated }
        defer { offset += count }
        return offset..<(offset + count)
    }

    /// Reads `count` bytes, all of them in the head.
    mutating func text(_ count: Int) throws(TaskPayloadError) -> String {
        let range = try skip(count)
        guard range.upperBound <= head.count else { throw .overLimit }
        // Python may write lone surrogates, which are no UTF-8: they show as replacement characters.
        return String(decoding: head[range], as: UTF8.self)
    }
}
