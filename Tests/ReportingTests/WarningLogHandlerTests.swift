// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Logging
import Reporting
import TestSupport
import Testing

@Suite struct WarningLogHandlerTests {
    @Test(arguments: [
        (Logger.Metadata(), "cannot"), (["error": "why"], "cannot: why"),
        (["next_step": "do"], "cannot; do"),
        (["next_step": "do", "error": "why", "task": "t"], "cannot: why; do"),
    ])
    func `a person is told what, why and what next, and no other field`(
        _ metadata: Logger.Metadata,
        _ line: String
    ) async throws {
        try await onLoop {
            var told: [String] = []
            let handler = WarningLogHandler { told.append($0) }
            let log = Logger(label: "test") { _ in handler }
            log.info("unseen")
            log.warning("cannot", metadata: metadata)
            #expect(told == [line])
        }
    }
}

@Suite struct LineWriterTests {
    @Test func `a pipe that is full takes what it can hold, and the writer goes on`() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        for end in ends { try #require(fcntl(end, F_SETFL, O_NONBLOCK) == 0) }
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        LineWriter.write(bytes, to: ends[1])
        let received = Self.readAll(ends[0])
        #expect(received.count >= 4096 && received.count < bytes.count)
        #expect(received[...] == bytes.prefix(received.count))
        LineWriter.write([1, 2, 3], to: ends[1])
        #expect(Self.readAll(ends[0]) == [1, 2, 3])
    }

    @Test func `what is refused is dropped`() {
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        defer { close(full) }
        LineWriter.write([1, 2, 3], to: full)
        LineWriter.write([1, 2, 3], to: -1)
    }

    private static func readAll(_ descriptor: Int32) -> [UInt8] {
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(descriptor, &part, part.count), count > 0 { all += part.prefix(count) }
        return all
    }
}
