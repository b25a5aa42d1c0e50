// SPDX-License-Identifier: Apache-2.0
//
// Rule: libzmq reconnects by itself and keeps what it has not written yet; what the kernel had taken by then is lost,
// and no call on the socket tells (zmq_tcp(7), zmq_socket_monitor(3)). And zmq_close returns at once while libzmq goes
// on sending for the linger time; the documented way to wait is zmq_ctx_term, which blocks its thread, here the loop's.
// Consequence: a monitor socket tells. It reports the end of a connection and the next handshake: what was sent before
// the end may have to be sent again, and only after the handshake, for on every failed attempt to reconnect it would
// only pile up. And libzmq ends a socket's monitor with ZMQ_EVENT_MONITOR_STOPPED when the socket itself ends, which is
// after its last connection has handed over its messages or run out of time.

internal import CZeroMQ
internal import EventLoop

/// Tells what libzmq does with one socket in the background.
@LoopActor
final class ZMQMonitor {
    private let handle: ZMQHandle
    private let socket: ZMQHandle

    /// Begins to watch `socket` for `events`, ZMQ_EVENT numbers or-ed together; a socket has one monitor at a time.
    init(_ context: ZMQContext, of socket: ZMQHandle, events: Int32) throws(MessagingError) {
        self.socket = socket
        let address = context.makeMonitorAddress()
        try socket.monitor(address, events)
        handle = try ZMQHandle(context, ZMQ_PAIR)
        do throws(MessagingError) {
            try handle.set(ZMQ_LINGER, Int32(0))
            try handle.connect(address)
        } catch {
            close()
            throw error
        }
        handle.listen()
    }

    /// Suspends until one of the events and returns its number; one caller at a time.
    func next() async throws(WaitError) -> Int32 {
        while true {
            // Two frames an event: its number as 16 bits and a value, then the address (zmq_socket_monitor(3)).
            guard let frame = try? handle.receiveFrame() else {
                try await handle.waitForArrival(until: .never)
                continue
            }
            if frame.hasMore, frame.bytes.count >= 2 {
                return Int32(frame.bytes[0]) | Int32(frame.bytes[1]) << 8
            }
        }
    }

    /// Ends the watch; to be called before the socket is closed, unless its end is waited for.
    func close() {
        if handle.isClosed { return }
        // libzmq's thread would wait for ever for a listener that is gone; a closed socket has no monitor any more.
        if !socket.isClosed { socket.endMonitoring() }
        handle.close()
    }
}
