// SPDX-License-Identifier: Apache-2.0

/// A queue of callers that wait for something scarce: a slot, a connection, a request, a place to create in.
///
/// Who owns the scarce thing grants it, one grant at a time; the queue knows only whose turn it is. The higher priority
/// goes first, equals in order of arrival. A wait that throws has no grant, and one that was granted returns it even when
/// it is cancelled in the same turn of the loop: so no grant is ever lost, and the caller gives back what it cannot use.
@LoopActor
package final class TicketQueue<Grant: Sendable> {
    /// A place in the queue.
    @LoopActor
    package final class Ticket: HeapElement {
        fileprivate let waiter = Waiter()
        fileprivate var grant: Grant?
        fileprivate let priority: Int32
        fileprivate let arrival: UInt64
        var heapIndex = -1

        fileprivate init(priority: Int32, arrival: UInt64) {
            self.priority = priority
            self.arrival = arrival
        }

        func goesBefore(_ other: Ticket) -> Bool {
            priority != other.priority ? priority > other.priority : arrival < other.arrival
        }
    }

    /// Those that wait, and for a moment those whose wait has just ended in vain.
    private var heap = Heap<Ticket>()
    private var arrivals: UInt64 = 0
    /// How many callers wait, those included whose wait has just ended in vain.
    package private(set) var count = 0

    /// How many places there are to look through: not more than callers wait, whoever has left.
    var placeCount: Int { heap.count }

    /// Makes an empty queue.
    package init() {}

    /// Whether a grant would find nobody.
    package var isEmpty: Bool {
        while let first = heap.first, !first.waiter.isPending { heap.remove(first) }
        return heap.first == nil
    }

    /// Takes a place in the queue; whoever takes one either waits for its grant or leaves.
    package func enter(priority: Int32 = 0) -> Ticket {
        arrivals += 1
        let ticket = Ticket(priority: priority, arrival: arrivals)
        heap.insert(ticket)
        count += 1
        return ticket
    }

    /// Suspends until the ticket is granted; when it throws, the ticket has left the queue.
    package func wait(for ticket: Ticket, until deadline: Deadline = .never) async throws(WaitError) -> Grant
    {
        do throws(WaitError) {
            try await ticket.waiter.wait(until: deadline)
        } catch {
            // One that was told to leave is not counted any more.
            if error != .closed { left(ticket) }
            throw error
        }
        guard let grant = ticket.grant else { preconditionFailure("a ticket is woken with a grant only") }
        return grant
    }

    /// Takes a place in the queue and suspends until it is granted.
    package func wait(priority: Int32 = 0, until deadline: Deadline = .never) async throws(WaitError) -> Grant
    {
        try await wait(for: enter(priority: priority), until: deadline)
    }

    /// Grants to the caller whose turn it is; false if nobody waits.
    @discardableResult
    package func grantNext(_ grant: Grant) -> Bool {
        while let ticket = heap.first {
            if self.grant(grant, to: ticket) { return true }
            heap.remove(ticket)
        }
        return false
    }

    /// Grants out of turn; false if the ticket does not wait any more.
    @discardableResult
    package func grant(_ grant: Grant, to ticket: Ticket) -> Bool {
        guard ticket.waiter.isPending else { return false }
        ticket.grant = grant
        left(ticket)
        ticket.waiter.wake()
        return true
    }

    /// Gives up the place of a caller that does not wait for it yet; harmless once it was granted or has left.
    package func leave(_ ticket: Ticket) {
        guard ticket.waiter.isPending else { return }
        ticket.waiter.fail(.closed)
        left(ticket)
    }

    private func left(_ ticket: Ticket) {
        count -= 1
        heap.remove(ticket)
    }
}
