// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// What a request is to the others that want a connection of its host: the first is served first, and each of the others
/// leaves one connection to those before it.
package enum ConnectionLane: Int, Sendable, CaseIterable {
    /// Asks or orders in a few bytes: listings, creates, deletions. It never waits for a connection that carries objects.
    case control
    /// Carries an object that may be small: what is read, and what is sent in one piece.
    case transfer
    /// Sends a large object, which may take as long as it likes.
    case bulk
}

/// Which request gets which connection of one host; no connection is touched here.
///
/// Invariants: leased + idle <= connectionsMax, and nobody waits who may have a connection (`isFree`). Requests of one lane
/// are served in the order they came. Of several idle connections the one used last is taken, which is
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
    package var connectionsMax: Int { max(connectionsMin, window.size) }
    /// So many are allowed in any case.
    private var connectionsMin: Int
    /// More are allowed where requests wait for them and the host answers as fast.
    private var window: FlightWindow
    /// Connections, and slots to open one, that a request holds.
    package var leasedCount: Int { leased.reduce(0, +) }
    /// By lane.
    private var leased = ConnectionLane.allCases.map { _ in 0 }
    /// Oldest first.
    private var idle: [(connection: Connection, expiry: Deadline)] = []
    /// By lane.
    private let waiting = ConnectionLane.allCases.map { _ in TicketQueue<Lease>() }

    /// A pool that allows `connectionsMax` connections at first and, where that is of use, up to `limit`.
    package init(connectionsMax: Int, upTo limit: Int? = nil) {
        connectionsMin = connectionsMax
        window = FlightWindow(connectionsMax, upTo: max(connectionsMax, limit ?? connectionsMax))
    }

    /// Allows that many connections where fewer were allowed before.
    package func raise(connectionsMax: Int) {
        connectionsMin = max(connectionsMin, connectionsMax)
        while grantNext(replaceClosed) {}
    }

    /// Connections that wait for a request.
    package var idleCount: Int { idle.count }
    /// Requests that wait for a connection.
    package var waitingCount: Int { waiting.reduce(0) { $0 + $1.count } }
    /// When the first idle connection has been idle long enough; nil if none is idle.
    package var nextExpiry: Deadline? { idle.map(\.expiry).min() }

    /// Takes a place for a request, waiting for its turn; each lease is given back once, in one of the two ways below.
    package func lease(
        _ lane: ConnectionLane = .control,
        until deadline: Deadline
    ) async throws(WaitError) -> Lease {
        guard isFree(lane) else { return try await waiting[lane.rawValue].wait(until: deadline) }
        leased[lane.rawValue] += 1
        return replaceClosed()
    }

    /// Another lease in place of one whose connection was found closed; the caller has let go of it.
    package func replaceClosed() -> Lease { idle.popLast().map { .reuse($0.connection) } ?? .open }

    /// A request of `lane` and of a kind is done after `time`, and its connection may be used again until `expiry`.
    package func giveBack(
        _ connection: Connection,
        of lane: ConnectionLane = .control,
        after time: Duration = .zero,
        kind: String = "",
        expiry: Deadline
    ) {
        // How long a large object takes says nothing of how many requests the host works on.
        if lane != .bulk { window.succeeded(after: time, of: kind, isFull: waitingCount > 0) }
        end(lane)
        if !grantNext({ .reuse(connection) }) { idle.append((connection, expiry)) }
        while grantNext(replaceClosed) {}
    }

    /// A request of `lane` is done and its connection is gone, or could not be opened.
    package func giveBackSlot(of lane: ConnectionLane = .control) {
        end(lane)
        _ = grantNext(replaceClosed)
    }

    /// Takes out the connections that have been idle long enough.
    package func takeExpired(now: Deadline) -> [Connection] {
        let expired = idle.filter { $0.expiry <= now }.map(\.connection)
        idle.removeAll { $0.expiry <= now }
        if leasedCount == 0, idle.isEmpty { window.ended() }
        return expired
    }

    /// Whether a request of a lane may have a connection now: there is one, and one is left to each lane before its own that
    /// has none to itself.
    private func isFree(_ lane: ConnectionLane) -> Bool {
        (0...lane.rawValue).allSatisfy { before in
            leased[before...].reduce(0, +) < max(1, connectionsMax - before)
        }
    }

    private func end(_ lane: ConnectionLane) {
        precondition(leased[lane.rawValue] > 0, "more came back than was given out")
        leased[lane.rawValue] -= 1
    }

    /// Gives what `lease` yields to the next request that may have it; false if there is none.
    private func grantNext(_ lease: () -> Lease) -> Bool {
        let next = ConnectionLane.allCases.first { !waiting[$0.rawValue].isEmpty && isFree($0) }
        guard let next, waiting[next.rawValue].grantNext(lease()) else { return false }
        leased[next.rawValue] += 1
        return true
    }

    /// Takes out all idle connections.
    package func takeIdle() -> [Connection] {
        defer { idle = [] }
        return idle.map(\.connection)
    }
}
