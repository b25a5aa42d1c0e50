// SPDX-License-Identifier: Apache-2.0
//
// Log lines to a reader that may not read.
//
// Rule: write(2) to a full pipe, a stopped terminal or a full socket sleeps until somebody reads, which may be never, and
// this process has one thread: heartbeats, timers and signals would wait for a pager.
// Rule: O_NONBLOCK belongs to the open file description, which a pipe or terminal shares with the shell and with programs
// beside us: set there, it makes their writes fail.
// Consequence: a pipe or device is opened once more through /proc/self/fd, which makes a description of our own; a socket,
// which cannot be, takes a flag with each send. A regular file never keeps one waiting for a reader. What does not fit
// waits in a backlog, which is tried again with each line and from time to time.
// Rejected: a thread that writes. A crash would lose the lines that explain it, and the order of threads would be in them.
// Rejected: to ask poll(2) first. It does not tell a terminal's room, and other writers of a pipe may take it meanwhile;
// it remains for what cannot be opened again, as another user's pipe.

internal import EventLoop
internal import Glibc
internal import Synchronization

/// One place that log lines go to; taking a line never waits.
package final class LogSink: Sendable {
    /// How bytes are written without waiting.
    private enum Way {
        /// As usual: the description is our own and does not block, or a file's, which has no reader.
        case plain
        /// To a socket, with a flag.
        case socket
        /// In small pieces, each after the question whether it would block.
        case asked
    }

    private struct State {
        var descriptor: Int32
        var way: Way
        /// Whether the descriptor is closed with the sink.
        var isOwn: Bool
        var backlog = LineBacklog()
        /// Whether `retry` runs.
        var isBeingRetried = false
    }

    /// Makes the line that says how many lines were lost.
    package typealias Notice = @Sendable (Int) -> [UInt8]

    private let state: Mutex<State>
    private let notice: Notice
    private let isRetrying: Bool
    /// Where the file is, for one that can be opened anew.
    private let path: String?

    /// Writes to an open descriptor, which stays the caller's; without `isRetrying`, what waits is tried again with the next
    /// line only, and by `finish`.
    package init(_ descriptor: Int32, isRetrying: Bool = true, notice: @escaping Notice) {
        self.notice = notice
        self.isRetrying = isRetrying
        path = nil
        state = Mutex(Self.opened(descriptor))
    }

    /// Writes at the end of a file, made if it is not there; nil, with the reason in `errno`, if it cannot be opened.
    package init?(path: String, notice: @escaping Notice) {
        let descriptor = Self.open(path)
        guard descriptor >= 0 else { return nil }
        self.path = path
        self.notice = notice
        isRetrying = true
        state = Mutex(State(descriptor: descriptor, way: .plain, isOwn: true))
    }

    deinit {
        state.withLock { state in
            if state.isOwn { close(state.descriptor) }
        }
    }

    /// Writes a line, with its end, as far as that goes at once; the rest waits.
    package func write(_ line: [UInt8]) {
        let mustRetry = state.withLock { state in
            state.backlog.add(line, notice: notice)
            drain(&state)
            if state.backlog.isEmpty || state.isBeingRetried { return false }
            state.isBeingRetried = isRetrying
            return isRetrying
        }
        if mustRetry { spawn { await self.retry() } }
    }

    /// Opens the file anew, as after it was renamed; nothing for what is no regular file.
    ///
    /// Returns the number of the error where it cannot be opened: then the old one stays in use.
    package func reopen() -> Int32? {
        guard let path, state.withLock({ Self.isRegularFile($0.descriptor) }) else { return nil }
        let descriptor = Self.open(path)
        guard descriptor >= 0 else { return errno }
        state.withLock { state in
            close(state.descriptor)
            state.descriptor = descriptor
        }
        return nil
    }

    /// Waits until what waits is written, for so long at the most: for the end of the process.
    package func finish(within duration: Duration) {
        let deadline = Deadline.after(duration)
        state.withLock { state in
            drain(&state)
            while !state.backlog.isEmpty, !deadline.isPast {
                var question = pollfd(fd: state.descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&question, 1, 10)
                drain(&state)
            }
        }
    }

    /// Tries again until nothing waits: soon as long as somebody reads, seldom where nobody does.
    @LoopActor private func retry() async {
        var backoff = Backoff(initial: .milliseconds(10), limit: .seconds(1))
        while true {
            // Nobody cancels this, so it cannot throw.
            try? await sleep(for: backoff.next { 1 })
            let (isDone, hasMoved) = state.withLock { state in
                let hasMoved = drain(&state)
                if state.backlog.isEmpty { state.isBeingRetried = false }
                return (state.backlog.isEmpty, hasMoved)
            }
            if isDone { return }
            if hasMoved { backoff.reset() }
        }
    }

    /// Writes what waits as far as that goes; whether that was anything.
    @discardableResult
    private func drain(_ state: inout State) -> Bool {
        var hasWritten = false
        while !state.backlog.isEmpty {
            let count = Self.write(state.backlog.next, &state)
            let number = errno
            if count > 0 {
                hasWritten = true
                state.backlog.wrote(count, notice: notice)
            } else if count == 0 || number == EAGAIN {
                break
            } else if number != EINTR {
                state.backlog.failed()
            }
        }
        return hasWritten
    }

    /// Writes a part of `bytes`, and returns how many; 0 if it would have to wait, or less for an error.
    private static func write(_ bytes: ArraySlice<UInt8>, _ state: inout State) -> Int {
        bytes.withUnsafeBytes { bytes in
            switch state.way {
            case .plain: return Glibc.write(state.descriptor, bytes.baseAddress, bytes.count)
            case .socket:
                let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
                return send(state.descriptor, bytes.baseAddress, bytes.count, flags)
            case .asked:
                var question = pollfd(fd: state.descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&question, 1, 0) > 0 else { return 0 }
                // A pipe that has room for anything takes so much at once (pipe(7)).
                return Glibc.write(state.descriptor, bytes.baseAddress, min(bytes.count, Int(PIPE_BUF)))
            }
        }
    }

    private static func opened(_ descriptor: Int32) -> State {
        var status = stat()
        // One that is not open fails at the first line, like a full disk.
        guard fstat(descriptor, &status) == 0 else {
            return State(descriptor: descriptor, way: .plain, isOwn: false)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return State(descriptor: descriptor, way: .plain, isOwn: false)
        case S_IFSOCK: return State(descriptor: descriptor, way: .socket, isOwn: false)
        default:
            let flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
            let own = Glibc.open("/proc/self/fd/\(descriptor)", flags)
            return own >= 0
                ? State(descriptor: own, way: .plain, isOwn: true)
                : State(descriptor: descriptor, way: .asked, isOwn: false)
        }
    }

    /// Without O_NONBLOCK a named pipe would be waited on; without O_NOCTTY a terminal could become ours.
    private static func open(_ path: String) -> Int32 {
        Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0o644)
    }

    private static func isRegularFile(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}
