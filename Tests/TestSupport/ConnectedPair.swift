// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Transport

/// A deadline that a working test never meets.
package var soon: Deadline { .after(.seconds(30)) }

/// A listener on a port of 127.0.0.1 that the kernel chose.
@LoopActor
package func loopbackListener() throws(TransportError) -> TCPListener {
    try TCPListener(at: .ipv4([127, 0, 0, 1], port: 0))
}

/// Two ends of one TCP connection.
@LoopActor
package func connectedPair() async throws(TransportError) -> (client: TCPStream, server: TCPStream) {
    let listener = try loopbackListener()
    defer { listener.close() }
    let client = try await connectTCP(to: [listener.address], deadline: soon)
    return (client, try await listener.accept(deadline: soon))
}
