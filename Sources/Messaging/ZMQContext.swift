// SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
package import EventLoop

/// libzmq's part of the process: its threads and the sockets they serve; one is enough.
@LoopActor
package final class ZMQContext {
    private let ioThreads: Int
    /// Made with the first socket: a process that speaks YMQ has no thread of libzmq's.
    var pointer: UnsafeMutableRawPointer?
    private(set) var openSocketCount = 0
    private var nextMonitorNumber = 0

    /// A context that will have `ioThreads` threads, 1 at least, and libzmq's one for closing.
    package init(ioThreads: Int = 1) { self.ioThreads = max(1, ioThreads) }

    /// A new raw socket; to be given back with `destroy`.
    func makeSocket(_ type: Int32) throws(MessagingError) -> UnsafeMutableRawPointer {
        guard let socket = zmq_socket(try madePointer(), type) else { throw .lastOfZMQ("zmq_socket") }
        openSocketCount += 1
        return socket
    }

    private func madePointer() throws(MessagingError) -> UnsafeMutableRawPointer {
        if let pointer { return pointer }
        guard let made = zmq_ctx_new() else { throw .lastOfZMQ("zmq_ctx_new") }
        pointer = made
        // Fails only for a number below 0.
        zmq_ctx_set(made, ZMQ_IO_THREADS, Int32(clamping: ioThreads))
        return made
    }

    /// Gives back a raw socket; libzmq goes on sending what it holds for the socket's linger time.
    func destroy(_ socket: UnsafeMutableRawPointer) {
        zmq_close(socket)
        openSocketCount -= 1
    }

    /// An address for one socket's monitor, unique in the context.
    func makeMonitorAddress() -> String {
        nextMonitorNumber += 1
        return "inproc://monitor-\(nextMonitorNumber)"
    }
}

extension MessagingError {
    /// The error libzmq left for the call just made.
    static func lastOfZMQ(_ call: String) -> MessagingError {
        let code = zmq_errno()
        return .zmq(call: call, code: code, reason: String(cString: zmq_strerror(code)))
    }
}
