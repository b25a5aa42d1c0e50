// SPDX-License-Identifier: Apache-2.0
//
// What was sent to the scheduler and may have to be sent again.
//
// Rule: nothing acknowledges a message, and what was under way on a lost connection may or may not have arrived. But
// the scheduler reads a connection in order and echoes every heartbeat, so an echo confirms what was sent before its
// heartbeat. The scheduler tolerates a message that comes twice.
// Consequence: a message is kept until it is confirmed, and sent again on every new connection. A lost connection
// confirms nothing any more. Where libzmq reconnects, any heartbeat that is not echoed yet may still be: because the
// scheduler had received it, or on the new connection, on which libzmq sends what it was given before it said that the
// old one is lost. So as many echoes count for nothing, and what is confirmed is at worst as late as heartbeats were
// lost, and never early.

internal import EventLoop

/// Messages that are not confirmed yet, oldest first.
@LoopActor
final class RetransmitBuffer {
    private var entries: [(number: Int, message: [UInt8], confirmed: Latch)] = []
    private var lastNumber = 0
    /// For each heartbeat whose echo is awaited, oldest first, the number of the last message before it.
    private var heartbeats: [Int] = []

    var messages: [[UInt8]] { entries.map(\.message) }

    /// Waits until everything that is kept at present is confirmed; false if `deadline` passes first.
    func waitUntilConfirmed(until deadline: Deadline) async -> Bool {
        guard let last = entries.last else { return true }
        return (try? await last.confirmed.wait(until: deadline)) != nil
    }

    /// Keeps a message; the latch opens when it is confirmed, or never.
    func add(_ message: [UInt8]) -> Latch {
        lastNumber += 1
        let confirmed = Latch()
        entries.append((lastNumber, message, confirmed))
        return confirmed
    }

    /// Notes a heartbeat on a connection that carried all messages.
    func heartbeatSent() { heartbeats.append(lastNumber) }

    func echoReceived() {
        guard !heartbeats.isEmpty else { return }
        let number = heartbeats.removeFirst()
        let count = entries.prefix { $0.number <= number }.count
        for entry in entries.prefix(count) { entry.confirmed.open() }
        entries.removeFirst(count)
    }

    /// Notes that the connection is lost; `mayStillEcho` if heartbeats that went over it may still be echoed.
    func connectionLost(mayStillEcho: Bool) { heartbeats = mayStillEcho ? heartbeats.map { _ in 0 } : [] }
}
