// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Transport

/// A wire protocol's reader: cuts the bytes of a connection into what they mean.
protocol Framing: Sendable {
    associatedtype Event: Sendable

    /// Adds bytes from the peer.
    mutating func feed(_ bytes: [UInt8])

    /// The next event; nil when more bytes are needed for one. What it throws it throws for ever.
    mutating func next() throws(MessagingError) -> Event?
}

/// What the wires have in common: a connection's bytes, with a queue that a writer empties, and events that a reader takes.
@LoopActor
final class FramedStream<Wire: Framing> {
    private let readByteCountMax = 64 * 1024

    private let stream: any ByteStream
    private let sendQueueBytesMax: Int
    private(set) var framing: Wire
    private var arrival: ArrivalProgress
    /// While a large message waits for its turn.
    private var ticket: (turn: LargeMessageTurn, ticket: LargeMessageTurn.Ticket)?
    private var sendBuffer = SendBuffer()
    private var isWriting = false
    private var isClosing = false
    /// Why nothing more can be written.
    private var writeFailure: MessagingError?
    /// Why nothing more will be read.
    private var readFailure: MessagingError?
    /// Sent at each step of the writer.
    private let progress = Broadcast()

    /// Takes over a connection that has brought `seen` so far.
    init(_ stream: any ByteStream, _ framing: Wire, _ limits: LinkLimits, seen: [UInt8]) {
        self.stream = stream
        self.framing = framing
        sendQueueBytesMax = limits.sendQueueBytesMax
        arrival = ArrivalProgress(limits)
        self.framing.feed(seen)
    }

    /// Bytes that wait to be handed to the kernel.
    var queuedByteCount: Int { sendBuffer.byteCount }

    // MARK: - Sending

    /// Throws `sendQueueFull` when something waits already and `byteCount` more bytes would exceed the limit.
    func requireRoom(_ byteCount: Int) throws(MessagingError) {
        if isClosing { throw .closed }
        if let failure = readFailure ?? writeFailure { throw failure }
        let isOver = sendBuffer.byteCount + byteCount > sendQueueBytesMax
        if isOver, sendBuffer.byteCount > 0 { throw .sendQueueFull(byteCountMax: sendQueueBytesMax) }
    }

    /// Queues bytes behind what waits already.
    func send(_ bytes: [UInt8]) {
        sendBuffer.append(bytes)
        // One writer runs while there is something to write, and none otherwise.
        if isWriting { return }
        isWriting = true
        spawn { await self.writeAll() }
    }

    func flush(until deadline: Deadline) async throws(MessagingError) {
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

    // MARK: - Receiving

    /// Suspends until there is an event; one caller at a time.
    func nextEvent(until deadline: Deadline) async throws(MessagingError) -> Wire.Event {
        while true {
            if let event = try takeEvent() { return event }
            try await readMore(until: deadline)
        }
    }

    /// The next event, if its bytes are there.
    func takeEvent() throws(MessagingError) -> Wire.Event? {
        if let readFailure { throw readFailure }
        do throws(MessagingError) {
            return try framing.next()
        } catch {
            throw failed(error)
        }
    }

    /// Suspends until more bytes are there.
    func readMore(until deadline: Deadline) async throws(MessagingError) {
        let bytes: [UInt8]
        do throws(TransportError) {
            bytes = try await stream.read(upTo: readByteCountMax, deadline: deadline)
        } catch {
            let error = MessagingError(error)
            if error == .cancelled || error == .deadlinePassed { throw error }
            throw failed(error)
        }
        // After a reset that a write was told of, the kernel shows the reader a plain end.
        if bytes.isEmpty { throw failed(writeFailure ?? .closedByPeer) }
        framing.feed(bytes)
    }

    /// Does a step of putting a message together, until the moment that it is given; nil stands for no message yet.
    ///
    /// One of which much is held waits for its turn, and one that hardly comes on ends the link.
    func goOn<Value>(
        with unfinished: (byteCount: Int, announced: Int)?,
        holding heldByteCount: Int,
        until deadline: Deadline,
        _ step: @LoopActor (Deadline) async throws(MessagingError) -> Value
    ) async throws(MessagingError) -> Value {
        if let turn = arrival.turn(with: heldByteCount) {
            let ticket = turn.enter()
            self.ticket = (turn, ticket)
            defer { self.ticket = nil }
            arrival.begin(with: try await turn.wait(for: ticket, until: deadline))
        }
        let due = arrival.due(with: unfinished?.byteCount)
        do throws(MessagingError) {
            return try await step(min(deadline, due))
        } catch .deadlinePassed where due.isPast {
            let (byteCount, announced) = unfinished ?? (0, 0)
            throw failed(.messageStalled(byteCount: byteCount, announced: announced))
        }
    }

    /// The message is whole.
    func messageEnded() { arrival.ended() }

    /// Ends reading for good; returns the reason.
    func failed(_ error: MessagingError) -> MessagingError {
        readFailure = error
        return error
    }

    // MARK: - Closing

    /// Delivers what is queued unless that is of no use, sends FIN, and reads to the peer's own; all within `lingering`.
    ///
    /// Input left unread would turn the FIN into an RST, which upstream takes for a failure.
    func close(lingering: Duration, delivering: Bool = true) async {
        if isClosing { return }
        isClosing = true
        if let ticket { ticket.turn.leave(ticket.ticket) }
        let deadline = Deadline.after(lingering)
        if delivering { try? await flush(until: deadline) }
        readFailure = readFailure ?? .closed
        writeFailure = writeFailure ?? .closed
        await stream.finish(deadline: deadline)
    }
}
