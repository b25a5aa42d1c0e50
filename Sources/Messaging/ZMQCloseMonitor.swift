// SPDX-License-Identifier: Apache-2.0
//
// Rule: zmq_close returns at once and libzmq goes on sending for the linger time; the documented way to wait
// is zmq_ctx_term, which blocks its thread, here the loop's.
// Consequence: a monitor socket tells. libzmq ends a socket's monitor with ZMQ_EVENT_MONITOR_STOPPED when the
// socket itself ends, which is after its last connection has handed over its messages or run out of time.

internal import CZeroMQ
internal import EventLoop

/// Tells when a socket that was closed is really gone.
@LoopActor
final class ZMQCloseMonitor {
    private let handle: ZMQHandle

    /// Begins to watch `socket`, which is about to be closed.
    init(_ context: ZMQContext, of socket: ZMQHandle) throws(MessagingError) {
        let address = context.makeMonitorAddress()
        try socket.monitor(address, ZMQ_EVENT_MONITOR_STOPPED)
        handle = try ZMQHandle(context, ZMQ_PAIR)
        do throws(MessagingError) {
            try handle.set(ZMQ_LINGER, Int32(0))
            try handle.connect(address)
        } catch {
            handle.close()
            throw error
        }
        handle.listen()
    }

    /// Suspends until the socket is gone, or `deadline`; may be called once.
    func waitForEnd(until deadline: Deadline) async {
        defer { handle.close() }
        // The only event asked for, so the first frame is it.
        while (try? handle.receiveFrame()) == nil {
            guard (try? await handle.waitForArrival(until: deadline)) != nil else { return }
        }
    }
}
