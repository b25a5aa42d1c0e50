// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Reporting

@Suite struct LineBacklogTests {
    private let notice: LineBacklog.Notice = { Array("lost \($0)\n".utf8) }

    /// Writes all that waits, in pieces of at most `count` bytes.
    private func read(_ backlog: inout LineBacklog, by count: Int = .max) -> String {
        var bytes: [UInt8] = []
        while !backlog.isEmpty {
            let piece = backlog.next.prefix(count)
            bytes += piece
            backlog.wrote(piece.count, notice: notice)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func add(_ line: String, to backlog: inout LineBacklog) {
        backlog.add(Array("\(line)\n".utf8), notice: notice)
    }

    /// Adds lines of 1 KiB until one is lost; returns how many fitted.
    private func fill(_ backlog: inout LineBacklog) -> Int {
        var count = 0
        while backlog.lostCount == 0 {
            add(String(repeating: "x", count: 1023), to: &backlog)
            count += 1
        }
        return count - 1
    }

    @Test(arguments: [1, 2, 7, 1000])
    func `lines come out as they came in, in whatever pieces`(_ count: Int) {
        var backlog = LineBacklog()
        for line in ["a", "", "long line"] { add(line, to: &backlog) }
        #expect(read(&backlog, by: count) == "a\n\nlong line\n")
        #expect(backlog.isEmpty && backlog.next.isEmpty)
    }

    @Test func `what does not fit is counted, and told of before the next line that fits`() {
        var backlog = LineBacklog()
        #expect(fill(&backlog) == LineBacklog.byteCountMax / 1024)
        add("also lost", to: &backlog)
        #expect(backlog.lostCount == 2)
        backlog.wrote(backlog.next.count, notice: notice)
        add("fits", to: &backlog)
        #expect(backlog.lostCount == 0)
        #expect(read(&backlog).hasSuffix("x\nlost 2\nfits\n"))
    }

    @Test func `what was lost is told of although no line follows`() {
        var backlog = LineBacklog()
        _ = fill(&backlog)
        #expect(read(&backlog).hasSuffix("x\nlost 1\n"))
    }

    @Test func `one line may be longer than all that may wait`() {
        var backlog = LineBacklog()
        let line = String(repeating: "x", count: 2 * LineBacklog.byteCountMax)
        add(line, to: &backlog)
        add("lost", to: &backlog)
        #expect(read(&backlog) == "\(line)\nlost 1\n")
    }

    @Test func `what cannot be written is lost, a notice with all that it speaks of`() {
        var backlog = LineBacklog()
        for count in 1...3 {
            add("line", to: &backlog)
            backlog.failed()
            #expect(backlog.lostCount == count && backlog.isEmpty)
        }
        add("back", to: &backlog)
        #expect(read(&backlog) == "lost 3\nback\n")
    }

    @Test func `after a line that was cut off the next begins a line`() {
        var backlog = LineBacklog()
        add("cut off", to: &backlog)
        backlog.wrote(3, notice: notice)
        backlog.failed()
        add("back", to: &backlog)
        #expect(read(&backlog) == "\nlost 1\nback\n")
    }
}
