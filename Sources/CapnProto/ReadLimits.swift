// SPDX-License-Identifier: Apache-2.0

/// How far a reader follows pointers before it calls the message hostile.
///
/// Pointers may overlap and lists may hold elements of no size, so a message of a few words can describe
/// gigabytes. Visits are therefore paid from a budget. The C++ library has the same two limits (64 levels, 8
/// Mi words); a fixed budget would refuse a large honest message or let a small one cost too much, so ours
/// grows with the message.
package struct ReadLimits: Equatable, Sendable {
    /// Most segments that are accepted; the C++ library's stream reader stops at the same number.
    static let segmentCountMax = 512

    /// Levels of pointers below the root pointer's own object.
    package let depth: Int
    /// Words that may be visited in all, each as often as it is visited.
    package let traversalWords: Int

    /// Returns the limits for a message that is read once from end to end, with room to read half of it
    /// again.
    ///
    /// Builders never let two pointers share an object, so one visit a word is what an honest message needs.
    package static func proportionate(toByteCount byteCount: Int) -> ReadLimits {
        let words = byteCount / WirePointer.bytesPerWord
        return ReadLimits(depth: 64, traversalWords: words + words / 2)
    }
}
