// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// Which request gets which connection of one host; no connection is touched here.
///
/// Invariants: leased + idle <= connectionsMax, and while anyone waits nothing is idle and everything is leased.
/// Requests are served in the order they came. Of several idle connections the one used last is taken, which is
/// the least likely to have been closed and lets the others run out.
@LoopActor
package final class ConnectionPool<Connection: Sendable> {
    /// What a request is to do that has a place.
    package enum Lease: Sendable {
        /// Send on this connection, after a look whether it is still open.
        case reuse(Connection)
        /// Open a connection.
        case open
    }

    /// The most connections at a time.
    package private(set) var connectionsMax: Int
    /// Connections, and slots to open one, that a request holds.
    package private(set) var leasedCount = 0
    /// Oldest first.
    private var idle: [(connection: Connection, expiry: Deadline)] = []
    private let waiting = TicketQueue<Lease>()

    /// A pool that allows that many connections.
    package init(connectionsMax: Int) {
        precondition(connectionsMax > 0, "a pool without connections serves nobody")
        self.connectionsMax = connectionsMax
    }

    /// Allows that many connections where fewer were allowed before.
    package func raise(connectionsMax: Int) {
        self.connectionsMax = max(self.connectionsMax, connectionsMax)
        while leasedCount < self.connectionsMax, waiting.grantNext(.open) { leasedCount += 1 }
    }

    /// Connections that wait for a request.
    package var idleCount: Int { idle.count }
    /// Requests that wait for a connection.
    package var waitingCount: Int { waiting.count }
    /// When the first idle connection has been idle long enough; nil if none is idle.
    package var nextExpiry: Deadline? { idle.map(\.expiry).min() }

    /// Takes a place for a request, waiting for its turn; each lease is given back once, in one of the two ways below.
    package func lease(until deadline: Deadline) async throws(WaitError) -> Lease {
        guard leasedCount < connectionsMax else { return try await waiting.wait(until: deadline) }
        leasedCount += 1
        return replaceClosed()
    }

    /// Another lease in place of one whose connection was found closed; the caller has let go of it.
    package func replaceClosed() -> Lease { idle.popLast().map { .reuse($0.connection) } ?? .open }

    /// A request is done and its connection may be used again until `expiry`.
    package func giveBack(_ connection: Connection, expiry: Deadline) {
        precondition(leasedCount > 0, "more came back than was given out")
        if waiting.grantNext(.reuse(connection)) { return }
        leasedCount -= 1
        idle.append((connection, expiry))
    }

    /// A request is done and its connection is gone, or could not be opened.
    package func giveBackSlot() {
        precondition(leasedCount > 0, "more came back than was given out")
        if !waiting.grantNext(.open) { leasedCount -= 1 }
    }

    /// Takes out the connections that have been idle long enough.
    package func takeExpired(now: Deadline) -> [Connection] {
        let expired = idle.filter { $0.expiry <= now }.map(\.connection)
        idle.removeAll { $0.expiry <= now }
        return expired
    }

    /// Takes out all idle connections.
    package func takeIdle() -> [Connection] {
        defer { idle = [] }
        return idle.map(\.connection)
    }
}
