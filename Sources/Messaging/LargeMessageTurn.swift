// SPDX-License-Identifier: Apache-2.0
//
// How much all links together hold of messages that have not arrived whole.
//
// Rule: a peer decides how long its message is, and a scheduler has a link to each worker.
// Consequence: what a link may hold of an unfinished message without asking is little. Beyond that one link at a time of
// all goes on reading; the others wait, and their peers with them, for the kernel takes no more.
// Rejected: a budget of bytes. Who waits holds what it has, and several that hold a part each wait for ever.

package import EventLoop

/// Whose turn it is, of the links of a process, to put a large message together.
@LoopActor
package final class LargeMessageTurn {
    /// Held by the one whose turn it is; the next one's comes when it is let go of.
    final class Pass: Sendable {
        private let turn: LargeMessageTurn

        fileprivate init(_ turn: LargeMessageTurn) { self.turn = turn }

        // Links are held, and let go of, on the loop.
        deinit { LoopActor.assumeIsolated { [turn] in turn.passOn() } }
    }

    /// So many bytes of a message a link holds without its turn.
    nonisolated static let freeByteCount = 1 << 20

    typealias Ticket = TicketQueue<Pass>.Ticket

    private let line = TicketQueue<Pass>()
    private var isTaken = false

    /// It is nobody's turn yet.
    package init() {}

    /// Takes a place in the line, to be waited for or left.
    func enter() -> Ticket {
        let ticket = line.enter()
        if !isTaken {
            isTaken = true
            line.grant(Pass(self), to: ticket)
        }
        return ticket
    }

    func wait(for ticket: Ticket, until deadline: Deadline) async throws(MessagingError) -> Pass {
        do throws(WaitError) {
            return try await line.wait(for: ticket, until: deadline)
        } catch {
            throw MessagingError(error)
        }
    }

    /// Ends the wait for a turn, if there still is one, with `closed`.
    func leave(_ ticket: Ticket) { line.leave(ticket) }

    private func passOn() {
        if line.isEmpty { isTaken = false } else { line.grantNext(Pass(self)) }
    }
}
