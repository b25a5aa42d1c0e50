// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// Which request gets which connection of one host: decisions only, no connection is touched here.
///
/// Invariants: leased + idle <= connectionsMax, and while anyone waits nothing is idle and everything is leased.
/// Requests are served in the order they came. Of several idle connections the one used last is taken, which is
/// the least likely to have been closed and lets the others run out.
package struct ConnectionPool<Connection, Ticket: Hashable> {
    /// What a request is to do.
    package enum Answer {
        /// Send on this connection, after a look whether it is still open.
        case reuse(Connection)
        /// Open a connection.
        case open
        /// Wait until a `Handover` names the ticket.
        case wait
    }

    /// What a returned connection or slot is good for.
    package enum Handover {
        /// Nobody waits.
        case none
        /// The waiting request is to send on this connection.
        case reuse(Ticket, Connection)
        /// The waiting request is to open a connection.
        case open(Ticket)
    }

    /// The most connections at a time.
    package let connectionsMax: Int
    /// Connections, and slots to open one, that a request holds.
    package private(set) var leasedCount = 0
    /// Oldest first.
    private var idle: [(connection: Connection, expiry: Deadline)] = []
    /// In order of arrival from `firstWaiting` on; some may have left.
    private var waiting: [Ticket] = []
    private var firstWaiting = 0
    private var left: Set<Ticket> = []

    /// A pool that allows that many connections.
    package init(connectionsMax: Int) {
        precondition(connectionsMax > 0, "a pool without connections serves nobody")
        self.connectionsMax = connectionsMax
    }

    /// Connections that wait for a request.
    package var idleCount: Int { idle.count }
    /// Requests that wait for a connection.
    package var waitingCount: Int { waiting.count - firstWaiting - left.count }
    /// When the first idle connection has been idle long enough; nil if none is idle.
    package var nextExpiry: Deadline? { idle.map(\.expiry).min() }

    /// A request wants a connection.
    package mutating func requestArrived(_ ticket: Ticket) -> Answer {
        guard leasedCount < connectionsMax else {
            waiting.append(ticket)
            return .wait
        }
        leasedCount += 1
        if let youngest = idle.popLast() { return .reuse(youngest.connection) }
        return .open
    }

    /// The connection given for reuse was found closed; the caller has let go of it.
    package mutating func reusedConnectionWasDead() -> Answer {
        if let next = idle.popLast() { return .reuse(next.connection) }
        return .open
    }

    /// A waiting request no longer wants a connection.
    package mutating func requestLeft(_ ticket: Ticket) {
        left.insert(ticket)
        // Those who left are forgotten when their turn comes, or here when they are the most.
        guard left.count > 16, left.count * 2 > waiting.count - firstWaiting else { return }
        waiting = waiting[firstWaiting...].filter { !left.contains($0) }
        firstWaiting = 0
        left = []
    }

    /// A request is done and its connection may be used again until `expiry`.
    package mutating func connectionReturned(_ connection: Connection, expiry: Deadline) -> Handover {
        precondition(leasedCount > 0, "more came back than was given out")
        if let ticket = takeWaiting() { return .reuse(ticket, connection) }
        leasedCount -= 1
        idle.append((connection, expiry))
        return .none
    }

    /// A request is done and its connection is gone, or could not be opened.
    package mutating func slotReturned() -> Handover {
        precondition(leasedCount > 0, "more came back than was given out")
        if let ticket = takeWaiting() { return .open(ticket) }
        leasedCount -= 1
        return .none
    }

    /// Takes out the connections that have been idle long enough.
    package mutating func takeExpired(now: Deadline) -> [Connection] {
        let expired = idle.filter { $0.expiry <= now }.map(\.connection)
        idle.removeAll { $0.expiry <= now }
        return expired
    }

    /// Takes out all idle connections.
    package mutating func takeIdle() -> [Connection] {
        defer { idle = [] }
        return idle.map(\.connection)
    }

    private mutating func takeWaiting() -> Ticket? {
        while firstWaiting < waiting.count {
            let ticket = waiting[firstWaiting]
            firstWaiting += 1
            if firstWaiting * 2 >= waiting.count {
                waiting.removeSubrange(..<firstWaiting)
                firstWaiting = 0
            }
            if left.remove(ticket) == nil { return ticket }
        }
        return nil
    }
}
