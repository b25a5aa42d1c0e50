// SPDX-License-Identifier: Apache-2.0

import CZeroMQ
import Glibc
import Messaging
import Testing

/// A ROUTER on a thread of its own, blocking, as a peer that shares nothing with the loop.
final class TestRouter: Sendable {
    /// The frames of one message, without the sender's identity.
    typealias Frames = [[UInt8]]

    private nonisolated(unsafe) let context: UnsafeMutableRawPointer
    private let thread: JoinableThread
    let endpoint: Endpoint

    /// Binds to `address` and sends what `answer` makes of each message back to its sender; `options` are libzmq's numbers.
    init(
        _ address: String = "tcp://127.0.0.1:*",
        options: [Int32: Int32] = [:],
        answer: @escaping @Sendable (Frames) -> [Frames] = { [$0] }
    ) throws {
        context = try #require(zmq_ctx_new())
        nonisolated(unsafe) let socket = try #require(zmq_socket(context, ZMQ_ROUTER))
        var none: Int32 = 0
        for option in [ZMQ_SNDHWM, ZMQ_RCVHWM, ZMQ_LINGER] { zmq_setsockopt(socket, option, &none, 4) }
        for (option, value) in options {
            var value = value
            zmq_setsockopt(socket, option, &value, 4)
        }
        try #require(zmq_bind(socket, address) == 0, "bind to \(address): errno \(errno)")
        endpoint = try lastEndpoint(socket)
        thread = try JoinableThread {
            while let frames = receiveFrames(socket), let sender = frames.first {
                for answer in answer(Array(frames.dropFirst())) { sendFrames([sender] + answer, socket) }
            }
            zmq_close(socket)
        }
    }

    /// Ends the thread and frees the address.
    func stop() {
        zmq_ctx_shutdown(context)
        thread.join()
        zmq_ctx_term(context)
    }
}

/// An address that nobody else is given meanwhile, as a port that was let go may be: an abstract Unix socket (unix(7)).
func nameOfItsOwn() -> String {
    "ipc://@scaler-oci-hpc-test-\(UInt64.random(in: 0 ... .max))"
}

/// Where `socket` is bound, with the port the kernel chose.
private func lastEndpoint(_ socket: UnsafeMutableRawPointer) throws -> Endpoint {
    var buffer = [UInt8](repeating: 0, count: 256)
    var size = buffer.count
    try #require(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, &buffer, &size) == 0)
    let address = String(decoding: buffer.prefix(size - 1), as: UTF8.self)
    if address.hasPrefix("ipc://") { return .ipc(path: String(address.dropFirst(6))) }
    let port = try #require(address.split(separator: ":").last.flatMap { UInt16($0) })
    return .tcp(host: "127.0.0.1", port: port)
}

/// The next message, identity first; nil when the context is shut down.
private func receiveFrames(_ socket: UnsafeMutableRawPointer) -> [[UInt8]]? {
    var frames: [[UInt8]] = []
    var message = zmq_msg_t()
    repeat {
        zmq_msg_init(&message)
        defer { zmq_msg_close(&message) }
        while zmq_msg_recv(&message, socket, 0) < 0 {
            if zmq_errno() != EINTR { return nil }
        }
        let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))
        frames.append([UInt8](bytes))
    } while zmq_msg_more(&message) != 0
    return frames
}

private func sendFrames(_ frames: [[UInt8]], _ socket: UnsafeMutableRawPointer) {
    for (index, frame) in frames.enumerated() {
        zmq_send(socket, frame, frame.count, index + 1 < frames.count ? ZMQ_SNDMORE : 0)
    }
}

/// A thread that can be waited for.
final class JoinableThread: Sendable {
    private let thread: pthread_t

    init(_ body: @escaping @Sendable () -> Void) throws {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Body(body))
        let status = pthread_create(
            &thread,
            nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            },
            box.toOpaque()
        )
        try #require(status == 0)
        self.thread = thread
    }

    func join() {
        pthread_join(thread, nil)
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }
}
