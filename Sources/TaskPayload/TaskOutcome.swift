// SPDX-License-Identifier: Apache-2.0

/// What a container stored as its task's result.
///
/// The ranges are offsets into the (decompressed) stored pickle: the bytes there go to Scaler's object storage as they
/// are, so a result of any size can be passed on from a file. A *value* that merely looks like a runner's error
/// dictionary is a result: it lies, serialized, inside the bytes.
package enum TaskOutcome: Equatable, Sendable {
    /// The task returned; the range holds the result in the client's own serialization.
    case result(profile: ProfileResult, payload: Range<Int>)
    /// The task raised, or could not be run; the range holds a plain pickle of an exception.
    case exception(profile: ProfileResult, payload: Range<Int>)
    /// The job runner itself failed.
    case containerError(ContainerError)

    /// How much of a stored result `parse(head:tail:byteCount:)` needs at its start, if there is as much: a runner's
    /// whole error dictionary, while a result of any size needs no more than its first 41 bytes.
    package static let headBytesMax = 1 << 20
    /// How much it needs at the end: what may follow the bytes of a result.
    package static let tailBytesMax = 32

    /// Reads a stored result that is all in memory.
    package static func parse(_ bytes: [UInt8]) throws(TaskPayloadError) -> TaskOutcome {
        try parse(head: bytes, tail: [], byteCount: bytes.count)
    }

    /// Reads a stored result of `byteCount` bytes from its first and its last ones.
    ///
    /// `head` holds the first `headBytesMax` bytes and `tail` the last `tailBytesMax`, or all of them where there
    /// are fewer.
    package static func parse(
        head: [UInt8],
        tail: [UInt8],
        byteCount: Int
    ) throws(TaskPayloadError) -> TaskOutcome {
        let value = try PickleReader.read(PickledBytes(head: head, tail: tail, byteCount: byteCount))
        switch value {
        case .bytes(let range): return try parse(range, in: head)
        case .dict(let pairs):
            guard let error = ContainerError(pairs) else { throw .notAnOutcome("a dict") }
            return .containerError(error)
        case .none: throw .notAnOutcome("None")
        case .bool: throw .notAnOutcome("a bool")
        case .int: throw .notAnOutcome("an int")
        case .text: throw .notAnOutcome("a str")
        }
    }

    /// Takes apart what the trampoline returned.
    private static func parse(
        _ range: Range<Int>,
        in head: [UInt8]
    ) throws(TaskPayloadError) -> TaskOutcome {
        let start = range.lowerBound + Trampoline.headBytes
        guard start <= min(range.upperBound, head.count),
            head[range.lowerBound..<start].starts(with: Trampoline.mark),
            let profile = ProfileResult(bytes: Array(head[..<start].suffix(ProfileResult.byteCount)))
        else { throw .notAnOutcome("bytes without the mark") }
        let payload = start..<range.upperBound
        switch head[range.lowerBound + Trampoline.mark.count] {
        case Trampoline.resultKind: return .result(profile: profile, payload: payload)
        case Trampoline.exceptionKind: return .exception(profile: profile, payload: payload)
        default: throw .notAnOutcome("bytes of an unknown kind")
        }
    }
}
