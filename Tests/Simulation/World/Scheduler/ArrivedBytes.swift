// SPDX-License-Identifier: Apache-2.0

/// Bytes of a connection that arrived, and how far they are understood.
struct ArrivedBytes {
    private(set) var bytes: [UInt8] = []
    /// Index of the first byte that is not understood yet; whoever understands more moves it.
    var head = 0

    /// Those that are not understood yet, with their indices in `bytes`.
    var rest: ArraySlice<UInt8> { bytes[head...] }

    /// Adds bytes that arrived; indices begin anew.
    mutating func feed(_ more: [UInt8]) {
        if head == bytes.count {
            bytes = more
        } else {
            bytes.removeFirst(head)
            bytes += more
        }
        head = 0
    }
}
