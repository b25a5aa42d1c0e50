// SPDX-License-Identifier: Apache-2.0

package import Encodings

/// Why a stored result is not an outcome: always the fault of what ran in the container, and never worth a retry.
package enum TaskPayloadError: Error, Equatable, Sendable {
    /// The result ends before its pickle does.
    case truncated
    /// More follows after the pickle's end.
    case trailingBytes
    /// An opcode that only code or exotic data needs, or one that does not fit where it stands.
    case unreadable(offset: Int)
    /// The pickle uses more depth or memory than any outcome does.
    case overLimit
    /// A readable pickle of something else; the text names what it is.
    case notAnOutcome(String)
}

/// What a container stored as its task's result.
///
/// The ranges are offsets into the (decompressed) stored pickle: the bytes there go to Scaler's object storage as they
/// are, so a result of any size can be passed on from a file. A *value* that merely looks like a runner's error
/// dictionary is a result: it lies, serialized, inside the bytes. `output` holds what the task printed, for
/// `PrintedPiece.find`; it is empty unless the client asked for it, and lies within the head.
package enum TaskOutcome: Equatable, Sendable {
    /// The task returned; `payload` holds the result in the client's own serialization.
    case result(profile: ProfileResult, output: Range<Int>, payload: Range<Int>)
    /// The task raised, or could not be run; `payload` holds a plain pickle of an exception.
    case exception(profile: ProfileResult, output: Range<Int>, payload: Range<Int>)
    /// The job runner itself failed.
    case containerError(ContainerError)

    /// How much of a stored result `parse(head:tail:byteCount:)` needs at its start, if there is as much: a runner's
    /// whole error dictionary, or all that a task printed (256 KiB at most); of any other result 41 bytes would do.
    package static let headBytesMax = 1 << 20
    /// How much it needs at the end: what may follow the bytes of a result.
    package static let tailBytesMax = 32

    /// Reads a stored result that is all in memory.
    package static func parse(_ bytes: [UInt8]) throws(TaskPayloadError) -> TaskOutcome {
        try parse(head: bytes, tail: [], byteCount: bytes.count)
    }

    /// Reads a stored result of `byteCount` bytes from its first and its last ones; `head` holds the first
    /// `headBytesMax` bytes and `tail` the last `tailBytesMax`, or all of them where there are fewer.
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

    private static func parse(_ range: Range<Int>, in head: [UInt8]) throws(TaskPayloadError) -> TaskOutcome {
        let start = range.lowerBound + Trampoline.headBytes
        guard start <= min(range.upperBound, head.count),
            head[range.lowerBound..<start].starts(with: Trampoline.mark),
            let profile = ProfileResult(bytes: Array(head[..<start].suffix(ProfileResult.byteCount)))
        else { throw .notAnOutcome("bytes without the mark") }
        let kind = head[range.lowerBound + Trampoline.mark.count]
        var output = start..<start
        if kind == Trampoline.resultWithOutputKind || kind == Trampoline.exceptionWithOutputKind {
            output = try outputRange(from: start, within: min(range.upperBound, head.count), head)
        }
        let payload = output.upperBound..<range.upperBound
        switch kind {
        case Trampoline.resultKind, Trampoline.resultWithOutputKind:
            return .result(profile: profile, output: output, payload: payload)
        case Trampoline.exceptionKind, Trampoline.exceptionWithOutputKind:
            return .exception(profile: profile, output: output, payload: payload)
        default: throw .notAnOutcome("bytes of an unknown kind")
        }
    }

    /// Where the output lies whose length is written at `start`.
    private static func outputRange(
        from start: Int,
        within end: Int,
        _ head: [UInt8]
    ) throws(TaskPayloadError) -> Range<Int> {
        let outputStart = start + Trampoline.outputLengthBytes
        guard outputStart <= end else { throw .notAnOutcome("bytes without the output they promise") }
        let count = Int(bigEndian(head[start..<outputStart]))
        guard count <= end - outputStart else { throw .notAnOutcome("bytes without the output they promise") }
        return outputStart..<(outputStart + count)
    }
}
