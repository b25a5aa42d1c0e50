// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Glibc
internal import Reporting
internal import Transport

/// Shows what a daemon does, from its own status document: once, or on a terminal until the person has seen enough.
@LoopActor
final class TopCommand {
    private let client: StatusPageClient
    private let interval: Duration
    private let isInColour: Bool
    private var history = TopHistory()
    private var view = TopView()
    private let isOver = Latch()
    private var shown = ""

    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let top = TopCommand(
            address: try address(input),
            interval: .seconds(try input.positiveNumber("interval", unit: "seconds") ?? 2),
            isInColour: (input.environment["NO_COLOR"] ?? "").isEmpty
        )
        if !input.has("once"), let terminal = Terminal(), terminal.enter() {
            try await top.show(on: terminal)
        } else {
            try await top.print(console, columns: input.environment["COLUMNS"].flatMap { Int($0) })
        }
        return ExitCode.success
    }

    /// The address in the command line, or else where the daemon of the same settings serves its pages.
    nonisolated static func address(_ input: CommandInput) throws(CommandError) -> StatusAddress {
        if let word = input.word {
            do throws(ValueFault) { return try StatusAddress(word) } catch {
                throw .configuration(.contradiction("\(error.problem); \(error.remedy)"))
            }
        }
        for settings in try input.managersOfFile(required: []) {
            if let address = settings.statusAddress { return address }
        }
        throw .configuration(.missingSettings(["--status-address"], path: input.text("config"), line: nil))
    }

    private init(address: StatusAddress, interval: Duration, isInColour: Bool) {
        client = StatusPageClient(address: address)
        self.interval = interval
        self.isInColour = isInColour
    }

    private func screen(columns: Int, rows: Int?) -> TopScreen {
        TopScreen(
            history: history,
            view: view,
            address: client.address.description,
            now: .milliseconds(Int64(Deadline.now.microseconds / 1000)),
            columns: columns,
            rows: rows
        )
    }

    // MARK: - Once

    private func print(_ console: Console, columns: Int?) async throws(CommandError) {
        await ask()
        if isCancelled { throw .cancelled }
        if let trouble = history.trouble {
            throw .program(
                "there is no status at \(client.address.description)",
                why: trouble.reason,
                remedy: "start the daemon with --status-address, or give the address that its log names"
            )
        }
        for line in screen(columns: min(max(columns ?? 80, 20), 1000), rows: nil).lines {
            console.put(line.text)
        }
    }

    private func ask() async {
        do throws(StatusPageClient.Failure) {
            let snapshot = try await client.document()
            history.received(snapshot, at: now)
        } catch {
            history.failed(error.reason, at: now)
        }
    }

    private var now: Duration { .milliseconds(Int64(Deadline.now.microseconds / 1000)) }

    // MARK: - On a terminal

    private func show(on terminal: Terminal) async throws(CommandError) {
        defer { terminal.leave() }
        let work = [
            spawn { await self.askRepeatedly(terminal) },
            spawn { await self.obeyKeys(of: terminal) },
            spawn { await self.obeySignals(terminal) },
        ]
        defer { for piece in work { piece.cancel() } }
        draw(on: terminal)
        do throws(WaitError) { try await isOver.wait() } catch { throw .cancelled }
    }

    private func askRepeatedly(_ terminal: Terminal) async {
        repeat {
            await ask()
            if isCancelled { return }
            draw(on: terminal)
        } while (try? await sleep(for: interval)) != nil
    }

    private func obeyKeys(of terminal: Terminal) async {
        while let bytes = (try? await terminal.keys()) ?? nil {
            for key in TopKey.keys(in: bytes) {
                switch view.press(key) {
                case .quit: return isOver.open()
                case .redraw, .ignore: break
                }
            }
            draw(on: terminal)
        }
        // The terminal is gone.
        if !isCancelled { isOver.open() }
    }

    private func obeySignals(_ terminal: Terminal) async {
        let signals = Signals([SIGWINCH, SIGTSTP])
        while let number = try? await signals.next() {
            if number == SIGTSTP { terminal.suspend() }
            shown = ""
            draw(on: terminal)
        }
    }

    /// Draws what is not on the terminal already.
    private func draw(on terminal: Terminal) {
        let size = terminal.size
        let screen = screen(columns: size.columns, rows: size.rows)
        view.pageCount = screen.pageCount
        let lines = screen.lines.map { $0.drawn(inColour: isInColour) + "\u{1B}[K" }
        let picture = "\u{1B}[H" + lines.joined(separator: "\r\n") + "\u{1B}[J"
        if picture == shown { return }
        shown = picture
        terminal.write(picture)
    }
}
