// SPDX-License-Identifier: Apache-2.0

/// Bytes received and not yet understood.
///
/// Invariant: start <= searchedTo <= storage.count. Bytes before `start` are used up; the line search goes on at
/// `searchedTo`, so each byte is looked at once, however small the pieces are in which a message arrives. Used bytes
/// are dropped only by `append`, and only when they are at least half of the storage: moving is then paid for by
/// the bytes that were used up. This is what keeps a message fed byte by byte linear.
struct ReceiveBuffer: Sendable {
    private(set) var storage: [UInt8] = []
    private var start = 0
    private(set) var searchedTo = 0

    var count: Int { storage.count - start }

    var isEmpty: Bool { count == 0 }

    /// Adds bytes at the end; an empty buffer adopts the array without copying it.
    mutating func append(_ bytes: [UInt8]) {
        if isEmpty {
            storage = bytes
            start = 0
            searchedTo = 0
            return
        }
        if start >= count {
            storage.removeFirst(start)
            searchedTo -= start
            start = 0
        }
        storage.append(contentsOf: bytes)
    }

    /// The next line without its LF (a CR before it stays), or nil if no LF has come yet.
    mutating func maybeTakeLine() -> ArraySlice<UInt8>? {
        guard let end = storage[searchedTo...].firstIndex(of: Grammar.lineFeed) else {
            searchedTo = storage.count
            return nil
        }
        let line = storage[start..<end]
        start = end + 1
        searchedTo = start
        return line
    }

    /// Between 1 and `countMax` bytes, or nil if the buffer is empty; a whole buffer changes hands without a copy.
    mutating func maybeTake(atMost countMax: Int) -> [UInt8]? {
        precondition(countMax > 0, "a part of no bytes would look like the end of the body")
        guard !isEmpty else { return nil }
        if start == 0 && storage.count <= countMax {
            defer { self = ReceiveBuffer() }
            return storage
        }
        let end = start + min(count, countMax)
        defer {
            start = end
            searchedTo = max(searchedTo, end)
        }
        return Array(storage[start..<end])
    }

    /// Whether what has come so far could be the beginning of `prefix`, or begins with all of it.
    func couldStart(with prefix: [UInt8]) -> Bool { zip(storage[start...], prefix).allSatisfy { $0 == $1 } }
}
