// SPDX-License-Identifier: Apache-2.0
import JSON

/// One piece of what a task printed, as the trampoline writes it down: a line of JSON
/// `["scaler-output", number, 1 for stdout or 2 for stderr, text]`.
///
/// The same lines stand in the container's log while the task runs and, the last 256 KiB of them, in its result. A
/// task may print such a line itself; it then tells its own client something strange.
package struct PrintedPiece: Equatable, Sendable {
    private static let mark = Array(#"["scaler-output", "#.utf8)
    /// How far into a line a log may put the text, behind a time or a name.
    private static let prefixBytesMax = 128

    /// Counts all pieces of a task, from 0.
    package let number: Int
    /// Whether it was printed to stderr.
    package let isError: Bool
    /// What was printed.
    package let text: String

    /// Finds the pieces among the lines of a log, which may begin and end anywhere.
    package static func find(in log: some Collection<UInt8>) -> [PrintedPiece] {
        log.split(separator: UInt8(ascii: "\n")).compactMap { PrintedPiece(line: Array($0)) }
    }
}

extension PrintedPiece {
    private init?(line: [UInt8]) {
        let starts = 0...min(Self.prefixBytesMax, line.count)
        guard let start = starts.first(where: { line[$0...].starts(with: Self.mark) }),
            case .array(let parts)? = try? JSON.read(Array(line[start...])), parts.count == 4,
            case .integer(let number) = parts[1], case .integer(let stream) = parts[2],
            case .string(let text) = parts[3], (1...2).contains(stream),
            // Far beyond any task, and far from the end of the numbers.
            (0..<(1 << 48)).contains(number)
        else { return nil }
        self.init(number: Int(number), isError: stream == 2, text: text)
    }
}

/// Remembers which pieces the client has seen, and makes messages of the others.
package struct PrintedProgress: Equatable, Sendable {
    /// What one message may hold, in bytes; a single piece is smaller.
    private static let messageBytesMax = 64 * 1024

    /// The number of the next piece that the client has not seen.
    private var next = 0

    /// Makes a progress that has seen nothing.
    package init() {}

    /// Returns the news among `pieces`, neighbours of one stream put together; a gap is told in words, on stderr.
    package mutating func messages(of pieces: [PrintedPiece]) -> [(isError: Bool, text: String)] {
        var messages: [(isError: Bool, text: String)] = []
        for piece in pieces where piece.number >= next {
            if piece.number > next {
                messages.append((true, "[\(piece.number - next) pieces of output are lost]\n"))
            }
            next = piece.number + 1
            if let last = messages.indices.last, messages[last].isError == piece.isError,
                messages[last].text.utf8.count + piece.text.utf8.count <= Self.messageBytesMax
            {
                messages[last].text += piece.text
            } else {
                messages.append((piece.isError, piece.text))
            }
        }
        return messages
    }
}
