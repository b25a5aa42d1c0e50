// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Transport

/// One YMQ connection to a binder: Scaler's scheduler, or its object storage server, which speaks only this.
///
/// It never reconnects: what a lost connection means differs. After `closedByPeer` the peer has forgotten
/// the identity's queue, and a connection with the same identity would get nothing for its old tasks: take a new one. After
/// `aborted` the peer keeps what it has for the identity: reconnect soon with the same one.
@LoopActor
package final class YMQConnection: MessageLink {
    private static let readByteCountMax = 64 * 1024

    private let stream: any ByteStream
    private let limits: YMQLimits
    private var framing: YMQFraming
    private var sendBuffer = YMQSendBuffer()
    private let yieldBudget = YieldBudget()
    /// The message that `receive` is putting together; outlives its deadline.
    private var assembly: YMQAssembly?
    /// How many bytes of it there were when it last came on, and when it must have come on again.
    private var milestone = (byteCount: 0, due: Deadline.never)
    /// Whether `nextByteCount` began a message whose end `nextPart` has not reported.
    private var isInsideMessage = false
    /// Bytes still to come of a message begun with `beginMessage`.
    private var partBytesMissing = 0
    private var isWriting = false
    private var isClosing = false
    /// Why nothing more can be written.
    private var writeFailure: MessagingError?
    /// Why nothing more will be read.
    private var readFailure: MessagingError?
    /// Sent at each step of the writer.
    private let progress = Broadcast()

    /// The peer's version, which this side has taken over.
    package let version: YMQVersion?
    /// What the peer calls itself, such as `ObjectStorageServer`.
    package let peerIdentity: [UInt8]

    /// Connects, reads the peer's hello, and answers with its own version and `identity`.
    ///
    /// The binder closes an older connection that has the same identity (the last wins). Throws `unreachable`,
    /// `peerSilent`, `unexpectedMagic`, `identityTooLong` or `invalidIdentity`, besides what `receive` does.
    package static func connect(
        to endpoint: Endpoint,
        over network: any MessagingNetwork,
        identity: [UInt8],
        limits: YMQLimits = YMQLimits(),
        deadline: Deadline
    ) async throws(MessagingError) -> YMQConnection {
        try requireValid(identity)
        let stream = try await network.openStream(to: endpoint, deadline: deadline)
        do throws(MessagingError) {
            return try await YMQConnection(greeting: stream, endpoint, identity, limits, deadline)
        } catch {
            stream.finishInBackground()
            throw error
        }
    }

    private init(
        greeting stream: any ByteStream,
        _ endpoint: Endpoint,
        _ identity: [UInt8],
        _ limits: YMQLimits,
        _ deadline: Deadline
    ) async throws(MessagingError) {
        var framing = YMQFraming(limits)
        var isFirst = true
        while true {
            if case .hello(let version, let peerIdentity)? = try framing.next() {
                self.version = version
                self.peerIdentity = peerIdentity
                sendBuffer.append(YMQFraming.hello(version, identity: identity))
                break
            }
            framing.feed(try await stream.readSome(endpoint, isFirst: isFirst, deadline: deadline))
            isFirst = false
        }
        self.stream = stream
        self.limits = limits
        self.framing = framing
        startWriter()
    }
}

// MARK: - Sending

extension YMQConnection {
    /// Queues messages to go out in order with no other message between them; never waits.
    ///
    /// Throws `sendQueueFull` when something waits already and these would exceed the limit.
    package func send(_ messages: [[UInt8]]) throws(MessagingError) {
        try requireRoom(messages.reduce(0) { $0 + 8 + $1.count })
        precondition(partBytesMissing == 0, "a message inside another one")
        for message in messages {
            sendBuffer.append(YMQFraming.header(byteCount: message.count))
            sendBuffer.append(message)
        }
        startWriter()
    }

    /// Begins a message of `byteCount` bytes, which `sendPart` completes; until then nothing else is sent.
    ///
    /// A message that cannot be completed leaves only `close`.
    package func beginMessage(byteCount: Int) throws(MessagingError) {
        try requireRoom(8)
        precondition(partBytesMissing == 0, "a message inside another one")
        sendBuffer.append(YMQFraming.header(byteCount: byteCount))
        partBytesMissing = byteCount
        startWriter()
    }

    /// Queues the next bytes of the message begun; `flush` after each keeps memory flat.
    package func sendPart(_ bytes: [UInt8]) throws(MessagingError) {
        try requireRoom(bytes.count)
        precondition(bytes.count <= partBytesMissing, "more bytes than the message was announced with")
        sendBuffer.append(bytes)
        partBytesMissing -= bytes.count
        startWriter()
    }

    package func flush(until deadline: Deadline) async throws(MessagingError) {
        while true {
            if let writeFailure { throw writeFailure }
            if sendBuffer.byteCount == 0 { return }
            do throws(WaitError) {
                try await progress.wait(until: deadline)
            } catch {
                throw MessagingError(error)
            }
        }
    }

    private func requireRoom(_ byteCount: Int) throws(MessagingError) {
        if isClosing { throw .closed }
        if let failure = readFailure ?? writeFailure { throw failure }
        let isOver = sendBuffer.byteCount + byteCount > limits.sendQueueBytesMax
        if isOver, sendBuffer.byteCount > 0 { throw .sendQueueFull(byteCountMax: limits.sendQueueBytesMax) }
    }

    /// One writer runs while there is something to write, and none otherwise.
    private func startWriter() {
        if isWriting { return }
        isWriting = true
        spawn { await self.writeAll() }
    }

    private func writeAll() async {
        defer { isWriting = false }
        while writeFailure == nil, let batch = sendBuffer.take() {
            do throws(TransportError) {
                try await stream.write(batch, deadline: .never)
                sendBuffer.didWrite(batch.count)
            } catch {
                writeFailure = MessagingError(error)
            }
            progress.send()
        }
    }
}

// MARK: - Receiving

extension YMQConnection {
    package func receive(until deadline: Deadline) async throws(MessagingError) -> [UInt8] {
        if assembly == nil {
            assembly = YMQAssembly(byteCount: try await nextByteCount(until: deadline))
            milestone = (0, .after(limits.progressTime))
        }
        while let part = try await nextAssemblyPart(until: deadline) { assembly?.append(part) }
        defer { assembly = nil }
        return assembly?.take() ?? []
    }

    /// The next bytes of the message that is put together; one that hardly comes on ends the link.
    private func nextAssemblyPart(until deadline: Deadline) async throws(MessagingError) -> ArraySlice<UInt8>?
    {
        let byteCount = assembly?.receivedCount ?? 0
        if byteCount - milestone.byteCount >= YMQLimits.progressByteCount {
            milestone = (byteCount, .after(limits.progressTime))
        }
        do throws(MessagingError) {
            return try await nextPart(until: min(deadline, milestone.due))
        } catch .deadlinePassed where milestone.due.isPast {
            let announced = assembly?.byteCount ?? 0
            let failure = MessagingError.messageStalled(byteCount: byteCount, announced: announced)
            readFailure = failure
            throw failure
        }
    }

    /// Suspends until a message begins and returns its length, for a message too large to hold.
    ///
    /// `nextPart` then gives its bytes, to the end, before anything else is received.
    package func nextByteCount(until deadline: Deadline) async throws(MessagingError) -> Int {
        precondition(!isInsideMessage, "the message before was not read to its end")
        try await yieldBudget.spend()
        guard case .began(let byteCount) = try await nextEvent(until: deadline) else {
            preconditionFailure("between messages only a message can begin")
        }
        isInsideMessage = true
        return byteCount
    }

    /// The next bytes of the message that `nextByteCount` began; nil once it is complete.
    package func nextPart(until deadline: Deadline) async throws(MessagingError) -> ArraySlice<UInt8>? {
        precondition(isInsideMessage, "no message was begun")
        switch try await nextEvent(until: deadline) {
        case .part(let bytes): return bytes
        case .ended:
            isInsideMessage = false
            return nil
        case .hello, .began: preconditionFailure("inside a message there are only its bytes")
        }
    }

    private func nextEvent(until deadline: Deadline) async throws(MessagingError) -> YMQFraming.Event {
        while true {
            if let readFailure { throw readFailure }
            do throws(MessagingError) {
                if let event = try framing.next() { return event }
            } catch {
                readFailure = error
                throw error
            }
            framing.feed(try await readSome(until: deadline))
        }
    }

    private func readSome(until deadline: Deadline) async throws(MessagingError) -> [UInt8] {
        do throws(TransportError) {
            let bytes = try await stream.read(upTo: Self.readByteCountMax, deadline: deadline)
            if !bytes.isEmpty { return bytes }
        } catch {
            let error = MessagingError(error)
            if error != .cancelled, error != .deadlinePassed { readFailure = error }
            throw error
        }
        // After a reset that a write was told of, the kernel shows the reader a plain end.
        let failure = writeFailure ?? .closedByPeer
        readFailure = failure
        throw failure
    }
}

// MARK: - Closing

extension YMQConnection {
    /// Delivers what is queued, sends FIN, and reads to the peer's own; all within `lingering`.
    ///
    /// Input left unread would turn the FIN into an RST, which upstream takes for a failure.
    package func close(lingering: Duration) async {
        if isClosing { return }
        isClosing = true
        let deadline = Deadline.after(lingering)
        if partBytesMissing == 0 { try? await flush(until: deadline) }
        readFailure = readFailure ?? .closed
        writeFailure = writeFailure ?? .closed
        await stream.finish(deadline: deadline)
    }
}
