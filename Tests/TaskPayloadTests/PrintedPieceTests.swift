// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TaskPayload

@Suite struct PrintedPieceTests {
    private func piece(_ number: Int, _ text: String, isError: Bool = false) -> PrintedPiece {
        PrintedPiece(number: number, isError: isError, text: text)
    }

    @Test func `pieces are found among other lines, behind times, and in a log without its beginning`() {
        let log = #"""
            ut", 6, 1, "cut"]
            job-runner: starting
            ["scaler-output", 7, 1, "caf\u00e9\n"]
            2026-01-01T00:00:00Z stderr F ["scaler-output", 8, 2, "\ud83d\ude00"]
            ["scaler-output", 9, 1, "without its e
            """#
        let found = PrintedPiece.find(in: Array(log.utf8))
        #expect(found == [piece(7, "café\n"), piece(8, "😀", isError: true)])
    }

    @Test(
        arguments: [
            #"["scaler-output", -1, 1, ""]"#, #"["scaler-output", 0, 3, ""]"#, #"["scaler-output", 0, 1]"#,
            #"["scaler-output", 1e99, 1, ""]"#, #"["scaler-output", 0, 1, 2]"#,
            #"["scaler-output", 281474976710656, 1, ""]"#, #"["scaler-output", "#, "", "[",
        ]
    )
    func `what only looks like a piece is none`(line: String) {
        #expect(PrintedPiece.find(in: Array(line.utf8)).isEmpty)
    }

    @Test func `neighbours of one stream make one message, in order`() {
        var progress = PrintedProgress()
        let messages = progress.messages(of: [
            piece(0, "a"), piece(1, "\n"), piece(2, "e", isError: true), piece(3, "b"),
        ])
        #expect(messages.map(\.text) == ["a\n", "e", "b"])
        #expect(messages.map(\.isError) == [false, true, false])
    }

    @Test func `nothing is told twice, and what is missing is told to be`() {
        var progress = PrintedProgress()
        _ = progress.messages(of: [piece(0, "a"), piece(1, "b")])
        #expect(progress.messages(of: [piece(0, "a"), piece(1, "b")]).isEmpty)
        let messages = progress.messages(of: [piece(1, "b"), piece(4, "e")])
        #expect(messages.map(\.text) == ["[2 pieces of output are lost]\n", "e"])
        #expect(messages.map(\.isError) == [true, false])
    }

    @Test func `a message stays small however much is printed`() {
        var progress = PrintedProgress()
        let messages = progress.messages(of: (0..<100).map { piece($0, String(repeating: "x", count: 4096)) })
        #expect(messages.count == 7)
        #expect(messages.allSatisfy { $0.text.utf8.count <= 65536 })
    }
}
