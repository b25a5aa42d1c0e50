// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc

/// A socket that accepts connections.
@LoopActor
package final class TCPListener {
    private let socket: Socket
    /// The file of a Unix socket, which goes with the listener.
    private let file: SocketFile?
    /// Where it listens, with the port that the kernel chose when 0 was asked for.
    package let address: SocketAddress

    /// Listens at `address`; port 0 lets the kernel choose, and a Unix socket that nobody answers at is taken over.
    package init(at address: SocketAddress, backlog: Int32 = 128) throws(TransportError) {
        (socket, self.address) = try during(.listen) { () throws(SystemCallError) in
            let socket = try Socket(for: address)
            do throws(SystemCallError) {
                try socket.listen(at: address, backlog: backlog)
            } catch  where error.number == EADDRINUSE {
                guard case .unix(let path) = address, let file = SocketFile(at: path), file.isAbandoned,
                    file.remove()
                else { throw error }
                try socket.listen(at: address, backlog: backlog)
            }
            return (socket, try socket.localAddress() ?? address)
        }
        file = if case .unix(let path) = address { SocketFile(at: path) } else { nil }
    }

    /// Suspends until a connection comes.
    package func accept(deadline: Deadline = .never) async throws(TransportError) -> TCPStream {
        while true {
            if socket.isClosed { throw .closed }
            let accepted = try during(.listen) { () throws(SystemCallError) in
                try socket.acceptNow().map { socket throws(SystemCallError) in try TCPStream(socket) }
            }
            if let accepted { return accepted }
            try await socket.wait(for: .read, until: deadline, during: .listen)
        }
    }

    /// Stops listening; an `accept` at work ends with `.closed`.
    package func close() {
        if !socket.isClosed { file?.remove() }
        socket.close()
    }
}
