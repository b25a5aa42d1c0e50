// SPDX-License-Identifier: Apache-2.0
//
// Rule: libzmq mends a broken connection by itself and keeps what it has not written yet; what the kernel had taken
// by then is lost, and no call on the socket tells (zmq_tcp(7), zmq_socket_monitor(3)).
// Consequence: a monitor socket listens for the end of a connection and for the next handshake. What was sent before
// the end may have to be sent again, and only after the handshake: on every failed attempt to reconnect it would only
// pile up.

internal import CZeroMQ
internal import EventLoop

/// Tells when a socket lost its connection and has another.
@LoopActor
final class ZMQConnectionMonitor {
    private let handle: ZMQHandle
    private let socket: ZMQHandle

    /// Begins to watch `socket`, which is not connected yet.
    init(_ context: ZMQContext, of socket: ZMQHandle) throws(MessagingError) {
        self.socket = socket
        let address = context.makeMonitorAddress()
        try socket.monitor(address, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        handle = try ZMQHandle(context, ZMQ_PAIR)
        do throws(MessagingError) {
            try handle.set(ZMQ_LINGER, Int32(0))
            try handle.connect(address)
        } catch {
            socket.endMonitoring()
            handle.close()
            throw error
        }
        handle.listen()
    }

    /// Suspends until a connection has ended or a handshake has succeeded; one caller at a time.
    func next() async throws(WaitError) -> ConnectionEvent {
        while true {
            // Two frames an event: its number as 16 bits and a value, then the address (zmq_socket_monitor(3)).
            guard let frame = try? handle.receiveFrame() else {
                try await handle.waitForArrival(until: .never)
                continue
            }
            guard frame.hasMore, frame.bytes.count >= 2 else { continue }
            switch Int32(frame.bytes[0]) | Int32(frame.bytes[1]) << 8 {
            case ZMQ_EVENT_DISCONNECTED: return .disconnected
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .connected
            default: continue
            }
        }
    }

    /// Ends the watch; to be called before the socket is closed.
    func close() {
        if handle.isClosed { return }
        socket.endMonitoring()
        handle.close()
    }
}
