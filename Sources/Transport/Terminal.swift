// SPDX-License-Identifier: Apache-2.0
//
// The terminal as a screen of its own: no echo, keys at once, the shell's lines back at the end.
//
// Rule: a terminal keeps its mode when the program that set it is gone, and a shell without echo looks broken.
// Consequence: the first mode is kept where a handler of signals finds it. It is set again by `leave`, at exit(3), and
// when the program crashes, with no more than a handler may call (signal-safety(7): tcsetattr and write). Signals of the
// keyboard stay switched on, so that Ctrl-C ends the program as it ends any other; Ctrl-S, which would stop every write and so
// the loop, is switched off. SIGKILL alone leaves the terminal as it is.

package import EventLoop
internal import Glibc

/// A terminal that a person looks at, whose keys are read one by one.
@LoopActor
package final class Terminal {
    /// Switches to the second screen, and the cursor off.
    private static let opening = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J"
    private static let crashSignals = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

    private let input: Int32
    private let output: Int32
    private let readiness: Readiness
    private var isEntered = false

    /// The terminal of these descriptors, as a rule the standard ones; nil where one is none, or of a `kind` (the variable
    /// TERM) that only writes lines on.
    package init?(
        input: Int32 = STDIN_FILENO,
        output: Int32 = STDOUT_FILENO,
        kind: String? = environmentVariable("TERM")
    ) {
        guard isatty(input) == 1, isatty(output) == 1, let kind, !kind.isEmpty, kind != "dumb" else {
            return nil
        }
        self.input = input
        self.output = output
        readiness = Readiness(input)
    }

    /// Columns and rows at present.
    package var size: (columns: Int, rows: Int) {
        // `struct winsize` (ioctl_tty(2)): rows, columns, and two numbers that nobody sets.
        var window: [UInt16] = [0, 0, 0, 0]
        guard ioctl(output, UInt(TIOCGWINSZ), &window) == 0, window[0] > 0, window[1] > 0 else {
            return (80, 24)
        }
        return (Int(window[1]), Int(window[0]))
    }

    /// Takes the terminal over; false where its mode cannot be changed.
    package func enter() -> Bool {
        if isEntered { return true }
        guard TerminalMode.save(input: input, output: output) else { return false }
        for number in Self.crashSignals { TerminalMode.restoreAtCrash(number) }
        guard TerminalMode.setForKeys() else { return false }
        isEntered = true
        write(Self.opening)
        return true
    }

    /// Gives the terminal back as it was.
    package func leave() {
        if isEntered { TerminalMode.restore() }
        isEntered = false
    }

    /// Gives the terminal back and stops the process, as Ctrl-Z does; returns when it goes on, with the terminal.
    package func suspend() {
        leave()
        kill(getpid(), SIGSTOP)
        _ = enter()
    }

    /// Writes a text, which may hold commands of the terminal.
    package func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// The bytes of the next keys; nil when the terminal is gone.
    package func keys() async throws(WaitError) -> [UInt8]? {
        while true {
            try await readiness.wait(for: .read, until: .never)
            var bytes = [UInt8](repeating: 0, count: 256)
            let count = read(input, &bytes, bytes.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            return count > 0 ? Array(bytes[..<count]) : nil
        }
    }
}

/// The mode that the terminal had, where a handler of signals can reach it.
private enum TerminalMode {
    private static nonisolated(unsafe) let saved = UnsafeMutablePointer<termios>.allocate(capacity: 1)
    /// Input and output.
    private static nonisolated(unsafe) let descriptors = UnsafeMutablePointer<Int32>.allocate(capacity: 2)
    private static nonisolated(unsafe) let isChanged = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    /// Colours off, the cursor on, and back to the first screen.
    private static nonisolated(unsafe) let closing = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 32)
    private static nonisolated(unsafe) let closingCount = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    private static nonisolated(unsafe) var isPrepared = false

    /// Notes the present mode; false where there is none.
    static func save(input: Int32, output: Int32) -> Bool {
        guard tcgetattr(input, saved) == 0 else { return false }
        descriptors[0] = input
        descriptors[1] = output
        if isPrepared { return true }
        isPrepared = true
        isChanged.initialize(to: 0)
        let text = Array("\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l".utf8)
        _ = closing.initialize(from: text)
        closingCount.initialize(to: text.count)
        atexit { TerminalMode.restore() }
        return true
    }

    /// Keys at once and unseen; those that send signals still do.
    static func setForKeys() -> Bool {
        var mode = saved.pointee
        mode.c_lflag &= ~tcflag_t(ICANON | ECHO)
        mode.c_iflag &= ~tcflag_t(IXON)
        guard tcsetattr(descriptors[0], TCSAFLUSH, &mode) == 0 else { return false }
        isChanged.pointee = 1
        return true
    }

    /// May run in a handler of signals.
    static func restore() {
        guard isChanged.pointee == 1 else { return }
        isChanged.pointee = 0
        tcsetattr(descriptors[0], TCSANOW, saved)
        _ = Glibc.write(descriptors[1], closing.baseAddress, closingCount.pointee)
    }

    /// Restores the mode when this signal comes, which then ends the process as it would have.
    static func restoreAtCrash(_ number: Int32) {
        signal(number) { number in
            TerminalMode.restore()
            signal(number, SIG_DFL)
            raise(number)
        }
    }
}
