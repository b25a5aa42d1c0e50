// SPDX-License-Identifier: Apache-2.0

/// One contiguous run of words inside the bytes of a message.
///
/// `MessageReader` makes segments only after it has compared them with the byte count, so a position that a
/// segment has allowed lies inside the bytes.
struct Segment: Equatable, Sendable {
    /// A segment without words, for objects that stand for a null pointer.
    static let empty = Segment(firstByte: 0, wordCount: 0)

    /// Offset of the first word in the message, in bytes.
    let firstByte: Int
    /// Length in words.
    let wordCount: Int

    /// Returns where a run of words starts, as a byte offset in the message, if the whole run lies inside.
    ///
    /// Compares by subtraction from `wordCount`: a sum of two numbers from the wire is never formed.
    func byteOffset(ofWord word: Int, count: Int) throws(CapnProtoError) -> Int {
        guard word >= 0, count >= 0, word <= wordCount, count <= wordCount - word else {
            throw .pointerOutOfBounds
        }
        return firstByte + word * WirePointer.bytesPerWord
    }

    /// Returns the index of the word that starts at a byte offset of the message.
    func word(atByteOffset byteOffset: Int) -> Int { (byteOffset - firstByte) / WirePointer.bytesPerWord }
}
