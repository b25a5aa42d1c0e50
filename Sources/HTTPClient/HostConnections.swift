// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The connections to one origin: opens and closes what `ConnectionPool` gives out.
@LoopActor
final class HostConnections {
    private let origin: HTTPOrigin
    private let connector: any Connector
    private let idleTime: Duration
    private let pool: ConnectionPool<HTTPConnection>
    private var sweeper: Spawned<Void>?
    private var isClosed = false

    /// How many connections were opened so far.
    private(set) var openedCount = 0

    init(
        _ origin: HTTPOrigin,
        _ connector: any Connector,
        connectionsMax: Int,
        upTo limit: Int? = nil,
        idleTime: Duration
    ) {
        self.origin = origin
        self.connector = connector
        self.idleTime = idleTime
        pool = ConnectionPool(connectionsMax: connectionsMax, upTo: limit)
    }

    /// Allows that many connections where fewer were allowed before.
    func raise(connectionsMax: Int) { pool.raise(connectionsMax: connectionsMax) }

    /// A connection that is this request's until it is given back: an idle one, or a new one.
    func lease(for request: HTTPRequest) async throws(HTTPError) -> HTTPConnection {
        for connection in pool.takeExpired(now: .now) { connection.close() }
        var lease: ConnectionPool<HTTPConnection>.Lease
        do throws(WaitError) {
            lease = try await pool.lease(request.lane, until: request.deadline)
        } catch {
            throw error == .cancelled ? .cancelled : .deadlinePassed(.queue)
        }
        while case .reuse(let connection) = lease {
            if isCancelled {
                // Granted in the turn of the cancellation: nothing may be sent any more.
                giveBack(connection, from: request)
                throw .cancelled
            }
            if connection.isUsable { return connection }
            connection.close()
            lease = pool.replaceClosed()
        }
        return try await open(for: request)
    }

    /// Ends a lease after an exchange that took `time`: the connection goes to the next request, to rest, or away.
    func giveBack(_ connection: HTTPConnection, from request: HTTPRequest, after time: Duration = .zero) {
        guard connection.isUsable, !isClosed else {
            connection.close()
            return pool.giveBackSlot(of: request.lane)
        }
        let idleTime = min(idleTime, connection.keepAlive ?? idleTime)
        pool.giveBack(
            connection,
            of: request.lane,
            after: time,
            kind: request.method,
            expiry: .after(idleTime)
        )
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
            pool.giveBackSlot(of: request.lane)
            throw error
        }
    }

    /// Closes connections when they have been idle long enough, as long as there are any.
    private func sweep() async {
        while !isClosed, let expiry = pool.nextExpiry {
            guard (try? await sleep(until: expiry)) != nil else { break }
            for connection in pool.takeExpired(now: .now) { connection.close() }
        }
        sweeper = nil
    }
}
