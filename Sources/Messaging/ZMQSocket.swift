// SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
package import EventLoop

/// A DEALER socket connected to one ROUTER: Scaler's scheduler under `SCALER_NETWORK_BACKEND=zmq`.
///
/// libzmq connects and reconnects by itself, under the same identity, and keeps what is sent meanwhile; what a broken
/// connection had taken is lost, and only `nextConnectionEvent` tells. Messages have one frame each (Scaler's rule).
///
/// After one thing libzmq does not reconnect: a peer that breaks the protocol, also by a frame over the limit, ends the
/// connection for good, without a word. The next `send` finds out, and from then on every call throws
/// `MessagingError.abandonedByZMQ`; the caller may open another socket, under the same identity too.
@LoopActor
package final class ZMQSocket: MessageLink {
    private let context: ZMQContext
    private let handle: ZMQHandle
    private let messageBytesMax: Int
    /// The frames so far of a message of several, which nobody in Scaler sends.
    private var frames = (count: 0, byteCount: 0)
    private let yieldBudget = YieldBudget()
    /// Why nothing more can be sent or received.
    private var failure: MessagingError?
    private let connectionMonitor: ZMQMonitor

    /// So many frames a message may have, to be dropped as a whole; ZMTP's own patterns need two or three.
    private static let frameCountMax = 64
    /// So many messages libzmq takes from the kernel ahead of `receive`; the others wait where the peer has them.
    private static let waitingMessagesMax = 1024

    private static let connectionEvents = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED

    /// ZMTP does not tell.
    package var version: YMQVersion? { nil }

    package var connectsByItself: Bool { true }

    /// Begins to connect to `endpoint`; a peer that is not there yet is no error.
    ///
    /// `identity` is the peer's key for everything, must be unique among its peers, and has 1 to 255
    /// bytes of UTF-8. A frame over `messageBytesMax` bytes makes libzmq drop the connection; frames of one message
    /// that are over it together, or too many, end the link when the message is complete.
    package init(
        context: ZMQContext,
        identity: [UInt8],
        connectingTo endpoint: Endpoint,
        messageBytesMax: Int = 1 << 30
    ) throws(MessagingError) {
        try requireValid(identity)
        self.context = context
        self.messageBytesMax = messageBytesMax
        handle = try ZMQHandle(context, ZMQ_DEALER)
        do throws(MessagingError) {
            try Self.configure(handle, identity, messageBytesMax: messageBytesMax)
            if endpoint.isIPv6 { try handle.set(ZMQ_IPV6, Int32(1)) }
            connectionMonitor = try ZMQMonitor(context, of: handle, events: Self.connectionEvents)
        } catch {
            handle.close()
            throw error
        }
        do throws(MessagingError) {
            try handle.connect(endpoint.description)
        } catch {
            connectionMonitor.close()
            handle.close()
            throw error
        }
        handle.listen()
    }

    package func nextConnectionEvent() async throws(MessagingError) -> ConnectionEvent {
        do throws(WaitError) {
            let event = try await connectionMonitor.next()
            return event == ZMQ_EVENT_DISCONNECTED ? .disconnected : .connected
        } catch {
            throw MessagingError(error)
        }
    }

    package func send(_ messages: [[UInt8]]) throws(MessagingError) {
        try requireUsable()
        for message in messages where try !handle.send(message) {
            // The queue has no limit and lives as long as libzmq reconnects: the connection is gone for good.
            failure = .abandonedByZMQ
            handle.wakeReceiver()
            try requireUsable()
        }
    }

    package func receive(until deadline: Deadline) async throws(MessagingError) -> [UInt8] {
        try await yieldBudget.spend()
        while true {
            if handle.isClosed { throw .closed }
            if let message = try takeMessage() { return message }
            try requireUsable()
            do { try await handle.waitForArrival(until: deadline) } catch { throw MessagingError(error) }
        }
    }

    /// Returns at once: `send` has handed everything to libzmq.
    package func flush(until deadline: Deadline) async throws(MessagingError) { try requireUsable() }

    /// Waits until libzmq has given every message to the kernel, for `lingering` at most, or until it is cancelled.
    package func close(lingering: Duration) async {
        if handle.isClosed { return }
        // Fails only for numbers below -1.
        try? handle.set(ZMQ_LINGER, wholeMilliseconds(lingering))
        connectionMonitor.close()
        let monitor = try? ZMQMonitor(context, of: handle, events: ZMQ_EVENT_MONITOR_STOPPED)
        handle.close()
        let ended = Latch()
        // To the end, whoever waits: libzmq's thread that waits for a listener that is gone closes no other socket.
        spawn {
            _ = try? await monitor?.next()
            monitor?.close()
            ended.open()
        }
        // A second more: libzmq's timer starts when its thread sees the close.
        _ = try? await ended.wait(until: .after(lingering + .seconds(1)))
    }

    private static func configure(
        _ handle: ZMQHandle,
        _ identity: [UInt8],
        messageBytesMax: Int
    ) throws(MessagingError) {
        try handle.set(ZMQ_ROUTING_ID, identity)
        // No limit, as Scaler's own sockets: a full queue would block the sender or drop messages.
        try handle.set(ZMQ_SNDHWM, Int32(0))
        // A full one of these drops nothing: libzmq stops reading, and the peer's queue has no limit.
        try handle.set(ZMQ_RCVHWM, Int32(waitingMessagesMax))
        try handle.set(ZMQ_MAXMSGSIZE, Int64(messageBytesMax))
        // The figures of YMQ 2, so a dead peer is noticed after the same 40 s of silence on either wire.
        try handle.set(ZMQ_TCP_KEEPALIVE, Int32(1))
        try handle.set(ZMQ_TCP_KEEPALIVE_IDLE, Int32(30))
        try handle.set(ZMQ_TCP_KEEPALIVE_INTVL, Int32(1))
        try handle.set(ZMQ_TCP_KEEPALIVE_CNT, Int32(10))
        // TCP_USER_TIMEOUT: the same for a peer that vanished while it was being sent something.
        try handle.set(ZMQ_TCP_MAXRT, Int32(40_000))
        // ZMQ_IMMEDIATE stays off: with it, what is sent between two connections is lost or refused.
    }

    private func requireUsable() throws(MessagingError) {
        if handle.isClosed { throw .closed }
        if let failure { throw failure }
    }

    /// The next message of one frame, if one is there; messages of several frames are dropped.
    private func takeMessage() throws(MessagingError) -> [UInt8]? {
        if case .tooManyFrames? = failure { try requireUsable() }
        while let frame = try handle.receiveFrame() {
            if frames.count == 0, !frame.hasMore { return frame.bytes }
            frames.count += 1
            frames.byteCount += frame.bytes.count
            if frames.count > Self.frameCountMax || frames.byteCount > messageBytesMax {
                failure = .tooManyFrames(count: frames.count, byteCount: frames.byteCount)
                try requireUsable()
            }
            if !frame.hasMore { frames = (0, 0) }
        }
        return nil
    }
}

/// The duration in milliseconds, from none to a day, which is for ever as lingering goes.
private func wholeMilliseconds(_ duration: Duration) -> Int32 {
    let (seconds, attoseconds) = min(max(duration, .zero), .seconds(86_400)).components
    return Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
}
