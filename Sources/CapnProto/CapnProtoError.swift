// SPDX-License-Identifier: Apache-2.0

/// A reason why bytes are not a Cap'n Proto message that may be read.
///
/// Every case is the sender's fault: the reader never runs out of anything else. None is worth a retry,
/// because the same bytes fail again.
package enum CapnProtoError: Error, Equatable, Sendable {
    /// The byte count is no multiple of 8, so the bytes cannot be whole words.
    case notWholeWords(byteCount: Int)
    /// The bytes end before the segment table or a segment that it announces.
    case truncated
    /// The segment table announces more segments than `ReadLimits.segmentCountMax`.
    case tooManySegments(Int)
    /// The first segment is empty, so there is no root pointer.
    case rootMissing
    case pointerOutOfBounds
    /// A far pointer names a segment that the message does not have.
    case segmentMissing(Int)
    /// The landing pad of a far pointer is not what the encoding allows there.
    case landingPadInvalid
    case wrongPointerKind
    /// A list has elements that cannot be read as the field demands.
    case wrongElementKind
    /// The tag word of a composite list contradicts the list's length.
    case compositeTagInvalid
    case textNotTerminated
    case textNotUTF8
    /// Pointers nest deeper than `ReadLimits.depth`.
    case nestedTooDeeply
    /// More words were visited than `ReadLimits.traversalWords`.
    case traversalLimitExceeded
}
