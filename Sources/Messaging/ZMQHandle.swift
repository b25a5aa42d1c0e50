// SPDX-License-Identifier: Apache-2.0
//
// Waiting for libzmq on somebody else's loop.
//
// Rule: ZMQ_FD is not the connection but a signal between libzmq's threads and ours. It becomes readable when a
// command arrives for the socket ("this pipe has messages again"), not for each message, and any call on the
// socket, also a send, may take the command and clear the signal (zmq_getsockopt(3), ZMQ_FD: "edge-triggered").
// Consequence: nobody waits on the descriptor before a receive has said "nothing there", which is final
// because libzmq looks at all its commands before it says so; and after each send and each signal ZMQ_EVENTS is
// asked, and a message seen there wakes the receiver although the descriptor is not readable any more.
// One task per socket listens to the descriptor; the receiver listens to it and to the senders.
// Rejected: a thread in zmq_poll (a second thread of ours, and a hop for each message); asking ZMQ_EVENTS on
// a timer (wakes an idle process, and still comes late).

internal import CZeroMQ
internal import EventLoop

/// One libzmq socket, non-blocking, that tells of arrivals.
@LoopActor
final class ZMQHandle {
    private let context: ZMQContext
    private nonisolated(unsafe) let socket: UnsafeMutableRawPointer
    private let readiness: Readiness
    private let arrival = Wakeup()
    private(set) var isClosed = false

    init(_ context: ZMQContext, _ type: Int32) throws(MessagingError) {
        self.context = context
        socket = try context.makeSocket(type)
        var fileDescriptor: Int32 = -1
        var size = MemoryLayout<Int32>.size
        let status = zmq_getsockopt(socket, ZMQ_FD, &fileDescriptor, &size)
        // Documented to fail only for an invalid socket or option.
        precondition(status == 0, "libzmq gave no descriptor")
        readiness = Readiness(fileDescriptor)
    }

    /// Begins to listen to the descriptor, until `close`.
    func listen() {
        let readiness = self.readiness
        spawn { [weak self] in
            while (try? await readiness.wait(for: .read, until: .never)) != nil {
                self?.wakeReceiverIfReadable()
            }
        }
    }

    /// Sets an option to a number, which must have the width that the option has.
    func set(_ option: Int32, _ value: some FixedWidthInteger) throws(MessagingError) {
        try set(option, withUnsafeBytes(of: value) { Array($0) })
    }

    func set(_ option: Int32, _ bytes: [UInt8]) throws(MessagingError) {
        if zmq_setsockopt(socket, option, bytes, bytes.count) != 0 { throw .lastOfZMQ("zmq_setsockopt") }
    }

    func connect(_ address: String) throws(MessagingError) {
        if zmq_connect(socket, address) != 0 { throw .lastOfZMQ("zmq_connect") }
    }

    /// Has libzmq report `events` of this socket at `address`.
    func monitor(_ address: String, _ events: Int32) throws(MessagingError) {
        if zmq_socket_monitor(socket, address, events) != 0 { throw .lastOfZMQ("zmq_socket_monitor") }
    }

    /// Ends what `monitor` began; libzmq's thread would wait for ever for a listener that is gone.
    func endMonitoring() {
        // Fails only for an invalid socket.
        _ = zmq_socket_monitor(socket, nil, 0)
    }

    /// Queues a message of one frame; false when the queue is full.
    func send(_ bytes: [UInt8]) throws(MessagingError) -> Bool {
        while zmq_send(socket, bytes, bytes.count, ZMQ_DONTWAIT) < 0 {
            switch zmq_errno() {
            case EINTR: continue
            case EAGAIN: return false
            default: throw .lastOfZMQ("zmq_send")
            }
        }
        wakeReceiverIfReadable()
        return true
    }

    /// Takes the next frame and whether more belong to its message; nil when libzmq has none.
    func receiveFrame() throws(MessagingError) -> (bytes: [UInt8], hasMore: Bool)? {
        var message = zmq_msg_t()
        zmq_msg_init(&message)
        defer { zmq_msg_close(&message) }
        while zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) < 0 {
            switch zmq_errno() {
            case EINTR: continue
            case EAGAIN: return nil
            default: throw .lastOfZMQ("zmq_msg_recv")
            }
        }
        let bytes = [UInt8](
            UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))
        )
        return (bytes, zmq_msg_more(&message) != 0)
    }

    /// Suspends until a frame may be there; to be called only after `receiveFrame` returned nil.
    func waitForArrival(until deadline: Deadline) async throws(WaitError) {
        if isClosed { throw .closed }
        try await arrival.wait(until: deadline)
        if isClosed { throw .closed }
    }

    func wakeReceiver() { arrival.ring() }

    /// Gives the socket back to libzmq, which goes on sending for the socket's linger time.
    func close() {
        isClosed = true
        // First: libev must not watch a descriptor that libzmq has closed.
        readiness.close()
        context.destroy(socket)
        arrival.ring()
    }

    /// Asking also clears the descriptor's signal, so the listener does not spin.
    private func wakeReceiverIfReadable() {
        if isClosed { return }
        var events: Int32 = 0
        var size = MemoryLayout<Int32>.size
        // It fails only when the context is going down; then every wait ends by `close`.
        guard zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 else { return }
        if events & ZMQ_POLLIN != 0 { arrival.ring() }
    }
}
