// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import HTTPWire
package import Transport

/// Opens streams to origins.
@LoopActor
package protocol Connector: Sendable {
    /// A stream on which a request to `origin` can be sent at once, TLS included where the scheme wants it.
    func connect(
        to origin: HTTPOrigin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream
}

/// Opens TCP connections, through a proxy where the environment wants it, with TLS where the origin wants it.
@LoopActor
package final class StreamConnector: Connector {
    private let context: TLSContext
    private let proxies: ProxySettings

    /// A connector whose `https` connections believe what `context` believes.
    package init(_ context: TLSContext, proxies: ProxySettings) {
        self.context = context
        self.proxies = proxies
    }

    package func connect(
        to origin: HTTPOrigin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream {
        let proxy = proxies.proxy(for: origin)
        let (host, port) = proxy.map { ($0.host, $0.port) } ?? (origin.host, origin.port)
        let end = min(.after(deadlines.connect), deadline)
        let stream = try await HTTPPhase.connect.during { () async throws(TransportError) in
            try await connectTCP(host: host, port: port, deadline: end)
        }
        if let proxy {
            try await openTunnel(stream, proxy, to: origin, min(.after(deadlines.handshake), deadline))
        }
        guard origin.scheme == .https else { return stream }
        let limit = min(.after(deadlines.handshake), deadline)
        return try await HTTPPhase.handshake.during { () async throws(TransportError) in
            try await TLSStream.connect(over: stream, host: origin.host, context: context, deadline: limit)
        }
    }

    /// Asks the proxy for a tunnel (RFC 9110 section 9.3.6); closes the stream if there is none.
    private func openTunnel(
        _ stream: TCPStream,
        _ proxy: ProxySettings.Server,
        to origin: HTTPOrigin,
        _ deadline: Deadline
    ) async throws(HTTPError) {
        var request = HTTPRequest(method: "CONNECT", target: origin.authorityWithPort)
        if let authorization = proxy.authorization {
            request.headers.append("proxy-authorization", authorization)
        }
        request.deadline = deadline
        let connection = HTTPConnection(stream, authority: origin.authorityWithPort)
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await connection.exchange(request)
        } catch {
            throw error.inProxy
        }
        guard response.head.isSuccess else {
            connection.close()
            throw .proxyRefused(status: response.status)
        }
    }
}

extension HTTPError {
    /// The same error, met while a proxy was asked for a tunnel.
    fileprivate var inProxy: HTTPError {
        switch self {
        case .deadlinePassed: .deadlinePassed(.proxy)
        case .transport(let error, _): .transport(error, .proxy)
        case .wire(let error, _): .wire(error, .proxy)
        case .cancelled, .clientClosed, .proxyRefused, .malformedProxy: self
        }
    }
}
