// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Reporting

/// What a log may be read through.
enum Channel: CaseIterable {
    case pipe, socket, terminal

    /// The ends to read from and to write to.
    func open() throws -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        switch self {
        case .pipe: try #require(Glibc.pipe(&ends) == 0)
        case .socket: try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        case .terminal:
            ends[0] = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY)
            var (isLocked, number): (Int32, Int32) = (0, 0)
            // TIOCSPTLCK and TIOCGPTN, macros that Swift cannot see.
            try #require(
                ioctl(ends[0], 0x4004_5431, &isLocked) == 0 && ioctl(ends[0], 0x8004_5430, &number) == 0
            )
            ends[1] = Glibc.open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
            try #require(ends[1] >= 0)
        }
        // The test must not wait for what does not come.
        try #require(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        return (ends[0], ends[1])
    }
}

@Suite(.timeLimit(.minutes(1))) struct LogSinkTests {
    private static let line = Array((String(repeating: "x", count: 99) + "\n").utf8)

    private static func notice(_ count: Int) -> [UInt8] { Array("lost \(count)\n".utf8) }

    /// Everything that is there to read, without the carriage returns of a terminal.
    private static func read(_ reader: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(reader, &block, block.count)
            guard count > 0 else { return bytes.filter { $0 != UInt8(ascii: "\r") } }
            bytes += block[..<count]
        }
    }

    /// Writes more lines than the channel and the backlog hold; returns how many.
    private static func fill(_ sink: LogSink) -> Int {
        let count = 2 * LineBacklog.byteCountMax / line.count
        for _ in 0..<count { sink.write(line) }
        return count
    }

    @Test(arguments: Channel.allCases)
    func `a log that nobody reads keeps nobody waiting, and tells afterwards what is lost`(
        _ channel: Channel
    ) async throws {
        let (reader, writer) = try channel.open()
        defer { for end in [reader, writer] { close(end) } }
        try await onLoop {
            let sink = LogSink(writer) { Self.notice($0) }
            let count = Self.fill(sink)
            // Nobody else's writes are made to fail by it.
            #expect(fcntl(writer, F_GETFL) & O_NONBLOCK == 0)
            var text: [UInt8] = []
            let end = soon
            while !String(decoding: text.suffix(20), as: UTF8.self).contains("lost"), !end.isPast {
                text += Self.read(reader)
                try await sleep(for: .milliseconds(5))
            }
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
            // More than once where the channel had room in between.
            let notices = lines.filter { $0.hasPrefix("lost ") }
            let lost = try notices.map { try #require(Int($0.dropFirst("lost ".count))) }.reduce(0, +)
            #expect(notices.last == lines.last)
            #expect(lost > 0 && lines.count - notices.count + lost == count)
            #expect(lines.allSatisfy { $0.count == 99 || $0.hasPrefix("lost ") })
            sink.write(Array("back\n".utf8))
            sink.finish(within: .seconds(5))
            #expect(Self.read(reader) == Array("back\n".utf8))
        }
    }

    @Test func `the end of the process waits for a reader, but not for ever`() async throws {
        let (reader, writer) = try Channel.pipe.open()
        defer { for end in [reader, writer] { close(end) } }
        try await onLoop {
            let sink = LogSink(writer, isRetrying: false) { Self.notice($0) }
            _ = Self.fill(sink)
            let began = Deadline.now
            sink.finish(within: .milliseconds(50))
            #expect(Deadline.now.duration(since: began) < .seconds(5))
            #expect(Self.read(reader).count >= 1 << 12)
        }
    }

    @Test func `what cannot be opened again is asked before each write`() async throws {
        let (first, writer) = try Channel.pipe.open()
        defer { close(writer) }
        try await onLoop {
            // A pipe that has no reader cannot be opened for writing without waiting; later it has one again.
            close(first)
            let sink = LogSink(writer, isRetrying: false) { Self.notice($0) }
            let reader = open("/proc/self/fd/\(writer)", O_RDONLY | O_NONBLOCK)
            defer { close(reader) }
            let count = Self.fill(sink)
            var text: [UInt8] = []
            while !String(decoding: text.suffix(20), as: UTF8.self).contains("lost") {
                let more = Self.read(reader)
                try #require(!more.isEmpty)
                text += more
                sink.finish(within: .milliseconds(1))
            }
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
            #expect(lines.last == "lost \(count - lines.count + 1)")
        }
    }

    @Test func `a named pipe without a reader is no log`() throws {
        let path = "/tmp/scaler-oci-hpc-fifo-\(UInt64.random(in: 0 ... .max))"
        try #require(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        #expect(LogSink(path: path) { Self.notice($0) } == nil)
        #expect(errno == ENXIO)
    }
}
