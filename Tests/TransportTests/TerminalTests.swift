// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Transport

/// A terminal that the kernel plays, and both its ends.
private struct FakeTerminal {
    let keyboard: Int32
    let screen: Int32

    init() throws {
        keyboard = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        // TIOCSPTLCK and TIOCGPTN (ioctl_tty(2)).
        var (isLocked, number): (Int32, Int32) = (0, 0)
        try #require(ioctl(keyboard, 0x4004_5431, &isLocked) == 0)
        try #require(ioctl(keyboard, 0x8004_5430, &number) == 0)
        screen = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        try #require(screen >= 0)
    }

    var localFlags: tcflag_t {
        var mode = termios()
        tcgetattr(screen, &mode)
        return mode.c_lflag
    }

    func shown() -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(keyboard, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    func close() {
        Glibc.close(screen)
        Glibc.close(keyboard)
    }
}

@Suite struct TerminalTests {
    @Test func `keys come at once and unseen, and the terminal is given back as it was`() async throws {
        try await onLoop {
            let fake = try FakeTerminal()
            defer { fake.close() }
            var window: [UInt16] = [33, 101, 0, 0]
            #expect(ioctl(fake.keyboard, UInt(TIOCSWINSZ), &window) == 0)
            let before = fake.localFlags
            let terminal = try #require(Terminal(input: fake.screen, output: fake.screen, kind: "xterm"))
            #expect(terminal.size == (101, 33))
            #expect(terminal.enter())
            #expect(fake.localFlags & tcflag_t(ICANON | ECHO) == 0)
            #expect(fake.localFlags & tcflag_t(ISIG) != 0)
            #expect(fake.shown().hasPrefix("\u{1B}[?1049h"))
            write(fake.keyboard, "q", 1)
            #expect(try await terminal.keys() == [UInt8(ascii: "q")])
            terminal.leave()
            #expect(fake.localFlags == before)
            #expect(fake.shown().hasSuffix("\u{1B}[?1049l"))
            terminal.leave()
        }
    }

    @Test func `what is no terminal, or a dumb one, is none`() async throws {
        try await onLoop {
            let fake = try FakeTerminal()
            defer { fake.close() }
            let file = open("/dev/null", O_RDWR)
            defer { close(file) }
            #expect(Terminal(input: file, output: fake.screen, kind: "xterm") == nil)
            #expect(Terminal(input: fake.screen, output: file, kind: "xterm") == nil)
            for kind in [nil, "", "dumb"] {
                #expect(Terminal(input: fake.screen, output: fake.screen, kind: kind) == nil)
            }
        }
    }
}
