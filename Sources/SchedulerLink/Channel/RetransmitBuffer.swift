// SPDX-License-Identifier: Apache-2.0
//
// What was sent to the scheduler and may have to be sent again.
//
// Rule: nothing acknowledges a message, and what was under way on a lost connection may or may not have arrived. But
// the scheduler reads a connection in order and echoes every heartbeat, so an echo confirms what was sent before its
// heartbeat. The scheduler tolerates a message that comes twice.
// Consequence: a message is kept until it is confirmed, and sent again on every new connection. A lost connection
// confirms nothing any more; but any of its heartbeats that is not echoed yet may still be, on the next connection, because
// the scheduler had received it. So as many echoes count for nothing, and what is confirmed is at worst as late as
// heartbeats were lost, and never early.
//
// Rule: of the answers to cancels the scheduler does not tolerate one that comes again later: it would take it for the
// answer to a later cancel of the same task.
// Consequence: an answer is withdrawn when the scheduler sends the task or another cancel of it: it has read the answer,
// or asks again.

internal import EventLoop
internal import SchedulerMessages

/// Messages that are not confirmed yet, oldest first.
@LoopActor
final class RetransmitBuffer {
    private struct Entry {
        /// One more than that of the entry before.
        let number: Int
        /// nil for one that was withdrawn.
        var message: [UInt8]?
        /// The task whose cancel it answers, if it does.
        let cancelledTask: TaskID?
        let confirmed: Latch
    }

    private var entries: [Entry] = []
    private var lastNumber = 0
    /// The number of the last answer to a cancel of each task, as long as it is kept.
    private var cancelAnswers: [TaskID: Int] = [:]
    /// For each heartbeat whose echo is awaited, oldest first, the number of the last message before it.
    private var heartbeats: [Int] = []

    var messages: [[UInt8]] { entries.compactMap(\.message) }

    /// Waits until everything that is kept at present is confirmed; false if `deadline` passes first.
    func waitUntilConfirmed(until deadline: Deadline) async -> Bool {
        guard let last = entries.last else { return true }
        return (try? await last.confirmed.wait(until: deadline)) != nil
    }

    /// Keeps a message; the latch opens when it is confirmed, or never.
    func add(_ message: [UInt8], answeringCancelOf task: TaskID? = nil) -> Latch {
        let confirmed = Latch()
        lastNumber += 1
        if let task {
            withdrawCancelAnswer(of: task)
            cancelAnswers[task] = lastNumber
        }
        entries.append(
            Entry(number: lastNumber, message: message, cancelledTask: task, confirmed: confirmed)
        )
        return confirmed
    }

    /// Does not send the answer to an earlier cancel of the task again.
    func withdrawCancelAnswer(of task: TaskID) {
        guard let number = cancelAnswers.removeValue(forKey: task), let first = entries.first else { return }
        entries[number - first.number].message = nil
    }

    /// Notes a heartbeat on a connection that carried all messages.
    func heartbeatSent() { heartbeats.append(lastNumber) }

    func echoReceived() {
        guard !heartbeats.isEmpty else { return }
        let number = heartbeats.removeFirst()
        let count = entries.prefix { $0.number <= number }.count
        for entry in entries.prefix(count) {
            entry.confirmed.open()
            if let task = entry.cancelledTask, cancelAnswers[task] == entry.number {
                cancelAnswers[task] = nil
            }
        }
        entries.removeFirst(count)
    }

    /// Notes that the connection is lost; heartbeats that went over it may still be echoed.
    func connectionLost() { heartbeats = heartbeats.map { _ in 0 } }
}
