// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import EventLoop
internal import Glibc
internal import OCIServices
internal import Reporting

/// The terminal: what a command was asked for goes to standard output, messages go to standard error.
@LoopActor
final class Console {
    private static let barWidth = 30

    enum Stream { case output, messages }

    private let isTerminal: Bool
    private let write: @LoopActor (_ text: String, Stream) -> Void
    private let readAnswer: @LoopActor () async throws(CommandError) -> String?
    /// Whether the last message on the terminal has no line end yet.
    private var isLineOpen = false

    /// The terminal of this process; for tests `write` gets the texts, and `readAnswer` gives the lines typed.
    init(
        isTerminal: Bool = isatty(STDERR_FILENO) == 1,
        write: @escaping @LoopActor (_ text: String, Stream) -> Void = { text, stream in
            LineWriter.write(Array(text.utf8), to: stream == .output ? STDOUT_FILENO : STDERR_FILENO)
        },
        readAnswer: @escaping @LoopActor () async throws(CommandError) -> String? = readLineOfTerminal
    ) {
        self.isTerminal = isTerminal
        self.write = write
        self.readAnswer = readAnswer
    }

    /// A line of what was asked for.
    func put(_ line: String) { write(Self.shown(line) + "\n", .output) }

    /// Shows each of these calls before it is made.
    func show(_ calls: ServiceCalls) { calls.willSend = { self.put("\($0.method) \(calls.url(of: $0))") } }

    /// A request as a dry run shows it: its line, then its body if it is JSON.
    func put(_ request: ServiceRequest, _ calls: ServiceCalls) {
        put("\(request.method) \(calls.url(of: request))")
        if case .json(let body) = request.body { put(body.pretty) }
    }

    /// A line of messages.
    func say(_ line: String) {
        closeLine()
        write(Self.shown(line) + "\n", .messages)
    }

    /// Shows on a terminal what is being done; `finish` says how it went.
    func begin(_ text: String) {
        guard isTerminal else { return }
        closeLine()
        write("\(Self.shown(text)) ...", .messages)
        isLineOpen = true
    }

    /// Takes back what `begin` showed.
    func clear() {
        if isLineOpen { write("\r\u{1B}[K", .messages) }
        isLineOpen = false
    }

    /// Replaces what `begin` showed.
    func finish(_ text: String) {
        let start = isLineOpen ? "\r\u{1B}[K" : ""
        isLineOpen = false
        write("\(start)\(Self.shown(text))\n", .messages)
    }

    /// Shows how far a long piece of work is; nothing but its end where there is no terminal.
    func showProgress(_ text: String, done: Int, total: Int) {
        guard isTerminal else { return }
        // The total may be an old count, and `done` may be greater.
        let filled = total > 0 ? min(Self.barWidth, Self.barWidth * done / total) : Self.barWidth
        let bar =
            String(repeating: "#", count: filled) + String(repeating: ".", count: Self.barWidth - filled)
        write("\r\u{1B}[K\(Self.shown(text)) [\(bar)] \(done)/\(max(done, total))", .messages)
        isLineOpen = true
    }

    /// Asks unless `isConfirmed`; throws unless the answer is yes.
    func confirm(_ question: String, isConfirmed: Bool) async throws(CommandError) {
        if isConfirmed { return }
        guard isatty(STDIN_FILENO) == 1 else {
            let (why, remedy) = ("standard input is no terminal", "say --yes to go on without being asked")
            throw .unusable("nobody can be asked", why: why, remedy: remedy)
        }
        guard try await confirms(question) else { throw .declined }
    }

    func confirms(_ question: String) async throws(CommandError) -> Bool {
        closeLine()
        write("\(Self.shown(question)) [y/N] ", .messages)
        let answer = try await readAnswer()?.lowercased() ?? ""
        return answer == "y" || answer == "yes"
    }

    /// A text whose names others may have chosen drives no terminal; many have lines of their own.
    private static func shown(_ text: String) -> String { TerminalText.shown(text, keepingLines: true) }

    private func closeLine() {
        if isLineOpen { write("\n", .messages) }
        isLineOpen = false
    }
}

/// The next line typed, nil at the end of input; waits on the loop, so that Ctrl-C ends it.
@LoopActor
private func readLineOfTerminal() async throws(CommandError) -> String? {
    let readiness = Readiness(STDIN_FILENO)
    do throws(WaitError) {
        // A terminal becomes readable when a whole line was typed.
        try await readiness.wait(for: .read, until: .never)
    } catch {
        throw .cancelled
    }
    return readLine()
}

/// Rows of cells as lines of text.
enum TextTable {
    private static let gap = 2

    /// The lines, each column as wide as its widest cell, nothing but cells at their ends.
    static func lines(_ rows: [[String]]) -> [String] {
        let columnCount = rows.map(\.count).max() ?? 0
        let widths = (0..<columnCount).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + gap)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
