// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// An HTTP/1.1 client that keeps connections and shares them fairly.
///
/// The close race: a server may close an idle connection at the moment that we send on it, and the request is lost
/// without an answer. If the connection had been used before, not a byte of an answer came, and the request may be
/// replayed, it is sent once more on a new connection (RFC 9112 section 9.3.1). Everything else is for the caller to
/// judge, who knows about back-off.
@LoopActor
package final class HTTPClient {
    /// Requests that were sent again after the close race.
    package private(set) var replayCount = 0
    /// Connections opened so far.
    package var connectionCount: Int { hosts.values.reduce(0) { $0 + $1.openedCount } }

    private let connector: any Connector
    private var connectionsPerHostMax: Int
    private let connectionsPerHostLimit: Int?
    private let idleTime: Duration
    private var hosts: [HTTPOrigin: HostConnections] = [:]
    private var isClosed = false

    /// A client whose connections are made by `connector`.
    ///
    /// Beyond `connectionsPerHostMax` connections to one host, requests wait, those of one lane in the order they came; the number
    /// grows up to `connectionsPerHostLimit` as long as requests wait and the host answers as fast. An idle
    /// connection is closed after `idleTime`, or a second before the time that the server announced.
    package init(
        connector: any Connector,
        connectionsPerHostMax: Int = 8,
        connectionsPerHostLimit: Int? = nil,
        idleTime: Duration = .seconds(50)
    ) {
        self.connector = connector
        self.connectionsPerHostMax = connectionsPerHostMax
        self.connectionsPerHostLimit = connectionsPerHostLimit
        self.idleTime = idleTime
    }

    /// Sends a request and receives the whole answer, whatever its status; a caller that is cancelled gets
    /// `.cancelled` at once; its connection is closed and its place given on.
    package func request(
        _ request: HTTPRequest,
        to origin: HTTPOrigin
    ) async throws(HTTPError) -> HTTPResponse {
        let response = try await requestOnce(request, origin)
        // 417: whoever answered does not know `Expect`; the same request goes without it (RFC 9110 section 10.1.1).
        guard response.status == 417, request.isLarge else { return response }
        return try await requestOnce(request, origin, asksFirst: false)
    }

    /// Allows that many connections to each host where fewer were allowed before.
    package func raise(connectionsPerHostMax: Int) {
        self.connectionsPerHostMax = max(self.connectionsPerHostMax, connectionsPerHostMax)
        for host in hostsInOrder { host.raise(connectionsMax: connectionsPerHostMax) }
    }

    /// Closes every idle connection, lets exchanges under way end, and refuses new ones.
    package func close() {
        isClosed = true
        for host in hostsInOrder { host.close() }
    }

    /// In the order of their names, so that the same events have the same effects in the same order.
    private var hostsInOrder: [HostConnections] { hosts.sorted { "\($0.key)" < "\($1.key)" }.map(\.value) }

    /// One request and its answer; a second one, on a new connection, where the close race lost the first.
    private func requestOnce(
        _ request: HTTPRequest,
        _ origin: HTTPOrigin,
        asksFirst: Bool = true
    ) async throws(HTTPError) -> HTTPResponse {
        guard !isClosed else { throw .clientClosed }
        let host = connections(to: origin)
        var connection = try await host.lease(for: request)
        while true {
            do throws(HTTPError) {
                let begun = Deadline.now
                let response = try await connection.exchange(request, asksFirst: asksFirst)
                host.giveBack(connection, from: request, after: Deadline.now.duration(since: begun))
                return response
            } catch {
                // A new connection knows no close race, so this repeats once at the most.
                guard connection.isCloseRace(error), request.isReplayable else {
                    host.giveBack(connection, from: request)
                    throw error
                }
            }
            replayCount += 1
            connection = try await host.replace(connection, for: request)
        }
    }

    private func connections(to origin: HTTPOrigin) -> HostConnections {
        if let known = hosts[origin] { return known }
        let host = HostConnections(
            origin,
            connector,
            connectionsMax: connectionsPerHostMax,
            upTo: connectionsPerHostLimit,
            idleTime: idleTime
        )
        hosts[origin] = host
        return host
    }
}

extension HTTPConnection {
    /// Whether the exchange was lost because the server had closed the connection while it was idle.
    fileprivate func isCloseRace(_ error: HTTPError) -> Bool {
        exchangeCount > 1 && !hasAnswerBegun && error.isConnectionLoss
    }
}
