// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Transport

/// One ZMTP connection of a DEALER to a ROUTER: Scaler's scheduler under `SCALER_NETWORK_BACKEND=zmq`.
///
/// It never reconnects. A ROUTER forgets what it has for an identity when the connection ends, however it ends, and
/// knows the identity again on the next one; so every end is `aborted`, and the same identity may come back. While the
/// ROUTER still has an older connection of the identity, or has not read it to its end, the new one is heard by nobody,
/// for ever, without a word (zmq_setsockopt(3), ZMQ_ROUTER_HANDOVER, which Scaler leaves off).
@LoopActor
package final class ZMTPConnection: StreamLink {
    /// A PONG is not sent while more than this waits: a peer that reads nothing can wait for nothing.
    private static let pongQueueBytesMax = 64 * 1024

    private let framed: FramedStream<ZMTPFraming>
    private let yieldBudget = YieldBudget()

    /// ZMTP does not tell.
    package var version: YMQVersion? { nil }

    /// Greets a peer that has begun to greet with `seen`; returns when both are ready for messages.
    ///
    /// `identity` is the peer's key for everything, and must be unique among its peers. Throws `unexpectedMagic` and `zmtp`
    /// besides what `receive` does.
    package init(
        _ stream: any ByteStream,
        seen: [UInt8],
        _ identity: [UInt8],
        _ limits: LinkLimits,
        _ deadline: Deadline
    ) async throws(MessagingError) {
        framed = FramedStream(stream, ZMTPFraming(limits), limits, seen: seen)
        // Nothing is sent to a peer whose first byte is wrong.
        let early = try framed.takeEvent()
        framed.send(ZMTPFraming.opening(identity: identity))
        guard case .ready = if let early { early } else { try await framed.nextEvent(until: deadline) } else {
            preconditionFailure("the peer is ready first")
        }
    }

    package func send(_ messages: [[UInt8]]) throws(MessagingError) {
        try framed.requireRoom(messages.reduce(0) { $0 + 9 + $1.count })
        for message in messages {
            framed.send(ZMTPFraming.header(byteCount: message.count))
            framed.send(message)
        }
    }

    package func receive(until deadline: Deadline) async throws(MessagingError) -> [UInt8] {
        try await yieldBudget.spend()
        while true {
            switch try framed.takeEvent() {
            case .message(let message):
                framed.messageEnded()
                return message
            case .ping(let context):
                guard framed.queuedByteCount <= Self.pongQueueBytesMax else { continue }
                framed.send(ZMTPFraming.pong(context: context))
            case .ready: preconditionFailure("the peer is ready once")
            case nil: try await readMore(until: deadline)
            }
        }
    }

    /// Suspends until more bytes are there.
    private func readMore(until deadline: Deadline) async throws(MessagingError) {
        try await framed.goOn(
            with: framed.framing.unfinished,
            holding: framed.framing.heldByteCount,
            until: deadline
        ) {
            end async throws(MessagingError) in
            do throws(MessagingError) {
                try await framed.readMore(until: end)
            } catch .closedByPeer {
                throw framed.failed(.aborted(reason: "the peer closed the connection"))
            }
        }
    }

    package func flush(until deadline: Deadline) async throws(MessagingError) {
        try await framed.flush(until: deadline)
    }

    package func close(lingering: Duration) async { await framed.close(lingering: lingering) }
}
