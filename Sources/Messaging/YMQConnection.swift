// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Transport

/// One YMQ connection to a binder: Scaler's scheduler, or its object storage server, which speaks only this.
///
/// It never reconnects: what a lost connection means differs. After `closedByPeer` the peer has forgotten
/// the identity's queue, and a connection with the same identity would get nothing for its old tasks: take a new one. After
/// `aborted` the peer keeps what it has for the identity: reconnect soon with the same one.
@LoopActor
package final class YMQConnection: StreamLink {
    private let framed: FramedStream<YMQFraming>
    private let yieldBudget = YieldBudget()
    /// The message that `receive` is putting together; outlives its deadline.
    private var assembly: MessageAssembly?
    /// Whether `nextByteCount` began a message whose end `nextPart` has not reported.
    private var isInsideMessage = false
    /// Bytes still to come of a message begun with `beginMessage`.
    private var partBytesMissing = 0

    /// The peer's version, which this side has taken over.
    package let version: YMQVersion?
    /// What the peer calls itself, such as `ObjectStorageServer`.
    package let peerIdentity: [UInt8]

    /// Reads the hello of a peer that has begun it with `seen`, and answers with its own version and `identity`.
    ///
    /// The binder closes an older connection that has the same identity (the last wins). Throws `unexpectedMagic` and
    /// `identityTooLong` besides what `receive` does.
    package init(
        _ stream: any ByteStream,
        seen: [UInt8],
        _ identity: [UInt8],
        _ limits: LinkLimits,
        _ deadline: Deadline
    ) async throws(MessagingError) {
        framed = FramedStream(stream, YMQFraming(limits), limits, seen: seen)
        guard case .hello(let version, let peerIdentity) = try await framed.nextEvent(until: deadline) else {
            preconditionFailure("a hello comes first")
        }
        self.version = version
        self.peerIdentity = peerIdentity
        framed.send(YMQFraming.hello(version, identity: identity))
    }
}

// MARK: - Sending

extension YMQConnection {
    /// Queues messages to go out in order with no other message between them; never waits.
    ///
    /// Throws `sendQueueFull` when something waits already and these would exceed the limit.
    package func send(_ messages: [[UInt8]]) throws(MessagingError) {
        try framed.requireRoom(messages.reduce(0) { $0 + 8 + $1.count })
        precondition(partBytesMissing == 0, "a message inside another one")
        for message in messages {
            framed.send(YMQFraming.header(byteCount: message.count))
            framed.send(message)
        }
    }

    /// Begins a message of `byteCount` bytes, which `sendPart` completes; until then nothing else is sent.
    ///
    /// A message that cannot be completed leaves only `close`.
    package func beginMessage(byteCount: Int) throws(MessagingError) {
        try framed.requireRoom(8)
        precondition(partBytesMissing == 0, "a message inside another one")
        framed.send(YMQFraming.header(byteCount: byteCount))
        partBytesMissing = byteCount
    }

    /// Queues the next bytes of the message begun; `flush` after each keeps memory flat.
    package func sendPart(_ bytes: [UInt8]) throws(MessagingError) {
        try framed.requireRoom(bytes.count)
        precondition(bytes.count <= partBytesMissing, "more bytes than the message was announced with")
        framed.send(bytes)
        partBytesMissing -= bytes.count
    }

    package func flush(until deadline: Deadline) async throws(MessagingError) {
        try await framed.flush(until: deadline)
    }
}

// MARK: - Receiving

extension YMQConnection {
    package func receive(until deadline: Deadline) async throws(MessagingError) -> [UInt8] {
        if assembly == nil {
            assembly = MessageAssembly(byteCount: try await nextByteCount(until: deadline))
        }
        while let part = try await nextAssemblyPart(until: deadline) { assembly?.append(part) }
        defer {
            assembly = nil
            framed.messageEnded()
        }
        return assembly?.take() ?? []
    }

    /// The next bytes of the message that is put together.
    private func nextAssemblyPart(until deadline: Deadline) async throws(MessagingError) -> ArraySlice<UInt8>?
    {
        let unfinished = assembly.map { (byteCount: $0.receivedCount, announced: $0.byteCount) }
        return try await framed.goOn(with: unfinished, holding: assembly?.receivedCount ?? 0, until: deadline)
        { end async throws(MessagingError) in
            try await nextPart(until: end)
        }
    }

    /// Suspends until a message begins and returns its length, for a message too large to hold.
    ///
    /// `nextPart` then gives its bytes, to the end, before anything else is received.
    package func nextByteCount(until deadline: Deadline) async throws(MessagingError) -> Int {
        precondition(!isInsideMessage, "the message before was not read to its end")
        try await yieldBudget.spend()
        guard case .began(let byteCount) = try await framed.nextEvent(until: deadline) else {
            preconditionFailure("between messages only a message can begin")
        }
        isInsideMessage = true
        return byteCount
    }

    /// The next bytes of the message that `nextByteCount` began; nil once it is complete.
    package func nextPart(until deadline: Deadline) async throws(MessagingError) -> ArraySlice<UInt8>? {
        precondition(isInsideMessage, "no message was begun")
        switch try await framed.nextEvent(until: deadline) {
        case .part(let bytes): return bytes
        case .ended:
            isInsideMessage = false
            return nil
        case .hello, .began: preconditionFailure("inside a message there are only its bytes")
        }
    }
}

// MARK: - Closing

extension YMQConnection {
    package func close(lingering: Duration) async {
        await framed.close(lingering: lingering, delivering: partBytesMissing == 0)
    }
}
