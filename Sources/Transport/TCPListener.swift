// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// A socket that accepts connections.
@LoopActor
package final class TCPListener {
    private let socket: Socket
    /// Where it listens, with the port that the kernel chose when 0 was asked for.
    package let address: SocketAddress

    /// Listens at `address`; port 0 lets the kernel choose.
    package init(at address: SocketAddress, backlog: Int32 = 128) throws(TransportError) {
        (socket, self.address) = try during(.listen) { () throws(SystemCallError) in
            let socket = try Socket(for: address)
            try socket.listen(at: address, backlog: backlog)
            return (socket, try socket.localAddress() ?? address)
        }
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
    package func close() { socket.close() }
}
