// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Transport

/// An address whose kernel answers no more: its queue of connections is full and nobody accepts.
@LoopActor
package final class SilentListener {
    private let listener: TCPListener
    private var fillers: [TCPStream] = []

    /// Where connecting goes nowhere.
    package var address: SocketAddress { listener.address }

    /// Fills the queue until a connection is not made any more.
    package init() async throws(TransportError) {
        listener = try TCPListener(at: .ipv4([127, 0, 0, 1], port: 0), backlog: 0)
        while true {
            do throws(TransportError) {
                fillers.append(
                    try await connectTCP(to: [listener.address], deadline: .after(.milliseconds(50)))
                )
            } catch .deadlinePassed {
                return
            }
        }
    }
}
