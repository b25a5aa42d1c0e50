// SPDX-License-Identifier: Apache-2.0

/// The lines that wait for whoever reads a log, and how many there was no room for; pure.
///
/// Once a line was lost, the next one that fits comes after a notice that says how many were.
struct LineBacklog {
    /// Makes the line that says how many lines were lost.
    typealias Notice = (Int) -> [UInt8]

    private struct Line {
        /// With its end; of the first, what is not written yet.
        var bytes: ArraySlice<UInt8>
        /// How many lines are lost if this one is: of a notice, those that it speaks of.
        let worth: Int
    }

    /// What waits at most, in bytes: some thousand lines, the burst of a few busy moments.
    static let byteCountMax = 1 << 20

    private var lines: [Line] = []
    /// Lines before this one are written.
    private var head = 0
    private var byteCount = 0
    /// Lines that were lost and of which no notice speaks yet.
    private(set) var lostCount = 0
    /// Whether the last line that was written was cut off.
    private var isMidLine = false

    var isEmpty: Bool { head == lines.count }

    /// The bytes to write next; empty if nothing waits.
    var next: ArraySlice<UInt8> { isEmpty ? [] : lines[head].bytes }

    /// Takes a line, with its end, or counts it as lost; a line of any length fits where nothing waits.
    mutating func add(_ line: [UInt8], notice: Notice) {
        guard isEmpty || byteCount + line.count <= Self.byteCountMax else {
            lostCount += 1
            return
        }
        addNotice(notice)
        append(line, worth: 1)
    }

    /// Notes that so many of the next bytes were written.
    mutating func wrote(_ count: Int, notice: Notice) {
        byteCount -= count
        lines[head].bytes = lines[head].bytes.dropFirst(count)
        isMidLine = !lines[head].bytes.isEmpty
        if isMidLine { return }
        head += 1
        guard isEmpty else { return }
        clear()
        addNotice(notice)
    }

    /// Notes that what waits cannot be written at all, as to a full disk: it is lost.
    mutating func failed() {
        lostCount += lines[head...].reduce(0) { $0 + $1.worth }
        clear()
    }

    private mutating func addNotice(_ notice: Notice) {
        guard lostCount > 0 else { return }
        append(notice(lostCount), worth: lostCount)
        lostCount = 0
    }

    private mutating func append(_ line: [UInt8], worth: Int) {
        // Whatever cut the last line off, this one begins at a line's start.
        let bytes = isEmpty && isMidLine ? [UInt8(ascii: "\n")] + line : line
        lines.append(Line(bytes: bytes[...], worth: worth))
        byteCount += bytes.count
    }

    private mutating func clear() {
        lines = []
        head = 0
        byteCount = 0
    }
}
