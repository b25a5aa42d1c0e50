// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The connections to one origin: carries out what `ConnectionPool` decides.
@LoopActor
final class HostConnections {
    /// A request in the queue.
    @LoopActor
    private final class Waiting: Hashable {
        enum Grant {
            case reuse(HTTPConnection)
            case open
        }

        let bell = Wakeup()
        var grant: Grant?

        nonisolated static func == (left: Waiting, right: Waiting) -> Bool { left === right }
        nonisolated func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
    }

    private let origin: Origin
    private let connector: any Connector
    private let idleTime: Duration
    private var pool: ConnectionPool<HTTPConnection, Waiting>
    private var sweeper: Spawned<Void>?
    private var isClosed = false

    /// How many connections were opened so far.
    private(set) var openedCount = 0

    init(_ origin: Origin, _ connector: any Connector, connectionsMax: Int, idleTime: Duration) {
        self.origin = origin
        self.connector = connector
        self.idleTime = idleTime
        pool = ConnectionPool(connectionsMax: connectionsMax)
    }

    /// A connection that is this request's until it is given back: an idle one, or a new one.
    func lease(for request: HTTPRequest) async throws(HTTPError) -> HTTPConnection {
        for connection in pool.takeExpired(now: .now) { connection.close() }
        let ticket = Waiting()
        var answer = pool.requestArrived(ticket)
        while true {
            switch answer {
            case .reuse(let connection) where connection.isUsable:
                return connection
            case .reuse(let connection):
                connection.close()
                answer = pool.reusedConnectionWasDead()
            case .open:
                return try await open(for: request)
            case .wait:
                answer = try await wait(ticket, request.deadline)
            }
        }
    }

    /// Ends a lease: the connection goes to the next request, to rest, or away.
    func giveBack(_ connection: HTTPConnection) {
        guard connection.isUsable, !isClosed else {
            connection.close()
            return carryOut(pool.slotReturned())
        }
        let expiry = Deadline.after(min(idleTime, connection.keepAlive ?? idleTime))
        carryOut(pool.connectionReturned(connection, expiry: expiry))
        if pool.idleCount > 0, sweeper == nil { sweeper = spawn { await self.sweep() } }
    }

    /// Opens a connection in place of a leased one that broke; if that fails the lease has ended.
    func replace(_ broken: HTTPConnection, for request: HTTPRequest) async throws(HTTPError) -> HTTPConnection
    {
        broken.close()
        return try await open(for: request)
    }

    /// Closes what is idle now and, when it comes back, what is leased.
    func close() {
        isClosed = true
        sweeper?.cancel()
        for connection in pool.takeIdle() { connection.close() }
    }

    private func open(for request: HTTPRequest) async throws(HTTPError) -> HTTPConnection {
        do throws(HTTPError) {
            let stream = try await connector.connect(to: origin, request.deadlines, until: request.deadline)
            openedCount += 1
            return HTTPConnection(stream, authority: origin.authority)
        } catch {
            carryOut(pool.slotReturned())
            throw error
        }
    }

    private func wait(
        _ ticket: Waiting,
        _ deadline: Deadline
    ) async throws(HTTPError) -> ConnectionPool<HTTPConnection, Waiting>.Answer {
        do throws(WaitError) {
            try await ticket.bell.wait(until: deadline)
        } catch {
            // The grant may have been made in the same turn of the loop: it must go to the next.
            switch ticket.grant {
            case .reuse(let connection): giveBack(connection)
            case .open: carryOut(pool.slotReturned())
            case nil: pool.requestLeft(ticket)
            }
            throw error == .cancelled ? .cancelled : .deadlinePassed(.queue)
        }
        switch ticket.grant {
        case .reuse(let connection): return .reuse(connection)
        case .open: return .open
        case nil: preconditionFailure("a waiting request was woken without a grant")
        }
    }

    private func carryOut(_ handover: ConnectionPool<HTTPConnection, Waiting>.Handover) {
        switch handover {
        case .none: return
        case .reuse(let ticket, let connection): grant(.reuse(connection), to: ticket)
        case .open(let ticket): grant(.open, to: ticket)
        }
    }

    private func grant(_ grant: Waiting.Grant, to ticket: Waiting) {
        ticket.grant = grant
        ticket.bell.ring()
    }

    /// Closes connections when they have been idle long enough, as long as there are any.
    private func sweep() async {
        while !isClosed, let expiry = pool.nextExpiry {
            do {
                try await sleep(until: expiry)
            } catch {
                break
            }
            for connection in pool.takeExpired(now: .now) { connection.close() }
        }
        sweeper = nil
    }
}
