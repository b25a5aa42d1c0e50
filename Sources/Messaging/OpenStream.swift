// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc
package import Transport

/// How links reach their peers: over sockets, or in a simulation.
@LoopActor
package protocol MessagingNetwork: AnyObject, Sendable {
    /// Opens a stream of bytes; throws `unreachable` or `cancelled`.
    func openStream(to endpoint: Endpoint, deadline: Deadline) async throws(MessagingError) -> any ByteStream
}

/// Sockets of the system, with TLS and WebSockets over them where the address says so; who speaks over a stream does not know.
package final class SocketNetwork: MessagingNetwork {
    /// Nil until something is spoken to in TLS.
    private var context: TLSContext?

    /// The system's network.
    ///
    /// At `tls://` and `wss://` whoever answers is believed, as Scaler's own programs have it, whose connectors leave OpenSSL's
    /// context as SSL_CTX_new(3) makes it, without verification.
    package init() {}

    /// The same, believing only servers whose certificates `authorities`, a PEM file, vouch for.
    package init(authorities: String) throws(TransportError) {
        context = try TLSContext(.certificates(path: authorities))
    }

    package func openStream(
        to endpoint: Endpoint,
        deadline: Deadline
    ) async throws(MessagingError) -> any ByteStream {
        if case .ipc(let path) = endpoint, path.utf8.count > 107 {
            // sun_path has 108 bytes, the last of them zero (unix(7)).
            throw .unreachable(endpoint, reason: "a socket's path has at most 107 bytes")
        }
        do throws(TransportError) {
            switch endpoint {
            case .tcp(let host, let port):
                return try await connectTCP(host: host, port: port, deadline: deadline)
            case .ipc(let path):
                return try await connectTCP(to: [.local(path)], deadline: deadline)
            case .tls(let host, let port):
                return try await connectTLS(host, port, deadline)
            case .webSocket(let host, let port, let path, let isSecure):
                let stream: any ByteStream =
                    isSecure
                    ? try await connectTLS(host, port, deadline)
                    : try await connectTCP(host: host, port: port, deadline: deadline)
                return try await WebSocketStream.connect(
                    over: stream,
                    host: host,
                    port: port,
                    path: path,
                    deadline: deadline
                )
            }
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .unreachable(endpoint, reason: "\(error)")
        }
    }

    private func connectTLS(
        _ host: String,
        _ port: UInt16,
        _ deadline: Deadline
    ) async throws(TransportError) -> TLSStream {
        if context == nil { context = try TLSContext(.anyone) }
        guard let context else { preconditionFailure("it was made just now") }
        let stream = try await connectTCP(host: host, port: port, deadline: deadline)
        return try await TLSStream.connect(over: stream, host: host, context: context, deadline: deadline)
    }
}

extension ByteStream {
    /// How long a peer may take to end the connection on its side before the connection is dropped anyway.
    private static var finishTimeout: Duration { .seconds(2) }

    /// Ends the stream in the background, by FIN and not by RST: upstream takes an RST for a failure, and
    /// up to 2.6.0 it blocks the whole scheduler.
    func finishInBackground() {
        // Work of its own, for the caller may be cancelled.
        spawn { await self.finish(deadline: .after(Self.finishTimeout)) }
    }

    /// Reads the first bytes of the peer's greeting, one at least.
    func readGreeting(_ endpoint: Endpoint, until deadline: Deadline) async throws(MessagingError) -> [UInt8]
    {
        do throws(TransportError) {
            let bytes = try await read(upTo: 4096, deadline: deadline)
            if !bytes.isEmpty { return bytes }
        } catch .deadlinePassed {
            throw .peerSilent(endpoint)
        } catch {
            throw MessagingError(error)
        }
        throw .closedByPeer
    }
}

extension MessagingError {
    /// The same failure of a connected stream, in this module's words.
    ///
    /// EPIPE is what the kernel keeps of a reset that follows the peer's FIN: the FIN came first. A
    /// reset without a FIN before is ECONNRESET (tcp(7)). A FIN without TLS's close_notify is what a program leaves
    /// that was killed; upstream, too, takes it for a goodbye, and no message can be cut by it without being noticed.
    init(_ error: TransportError) {
        switch error {
        case .cancelled: self = .cancelled
        case .closed: self = .closed
        case .deadlinePassed: self = .deadlinePassed
        case .truncated: self = .closedByPeer
        case .systemCall(let error, _) where error.number == EPIPE: self = .closedByPeer
        case .webSocket(let fault): self = .webSocket(fault)
        default: self = .aborted(reason: "\(error)")
        }
    }
}
