// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// TLS over a TCP stream, as a client.
@LoopActor
package final class TLSStream: ByteStream {
    /// Plaintext encrypted at a time: one record (RFC 8446 section 5.1), so memory stays small.
    private static let recordSize = 16 * 1024
    /// Ciphertext read at a time: two records.
    private static let inputSize = 32 * 1024
    /// Time for what is sent without anyone waiting for it: answers of the protocol, an alert.
    private static let backgroundFlushTimeout = Duration.seconds(30)

    private let transport: TCPStream
    let session: TLSSession
    private var isReading = false
    private var isWriting = false
    private var isFlushing = false
    private let flushEnded = Wakeup()
    private var isClosed = false

    /// Shakes hands with `host` over `transport`, which is the stream's from here on and closed on failure; `host`, a
    /// name or a numeric address, is what the server's certificate must name.
    package static func connect(
        over transport: TCPStream,
        host: String,
        context: TLSContext,
        deadline: Deadline
    ) async throws(TransportError) -> TLSStream {
        do throws(TransportError) {
            let stream = try TLSStream(transport, host, context)
            try await stream.shakeHands(deadline)
            return stream
        } catch {
            transport.close()
            throw error
        }
    }

    private init(_ transport: TCPStream, _ host: String, _ context: TLSContext) throws(TransportError) {
        self.transport = transport
        let server = "\(host) \(transport.peerAddress?.port ?? 0)"
        session = try context.makeSession(host: host, server: server)
    }

    package func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        precondition(maximumCount > 0, "a read of nothing cannot tell the end from no data")
        precondition(!isReading, "a stream has one reader at a time")
        isReading = true
        defer { isReading = false }
        while true {
            if isClosed { throw .closed }
            let step = try sendingAlertOnFailure { () throws(TransportError) in
                try session.read(upTo: maximumCount)
            }
            // What a read made OpenSSL want to send goes out without keeping the reader: a peer that reads nothing
            // before we do must not stop us.
            if session.hasOutgoing, !isFlushing { spawn { await self.flushInBackground() } }
            switch step {
            case .done(let bytes): return bytes
            case .peerClosed: return []
            case .needsInput: try await receive(deadline)
            }
        }
    }

    package func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        precondition(!isWriting, "a stream has one writer at a time")
        isWriting = true
        defer { isWriting = false }
        var rest = bytes[...]
        while !rest.isEmpty {
            if isClosed { throw .closed }
            try session.write(rest.prefix(Self.recordSize))
            rest = rest.dropFirst(Self.recordSize)
            try await flush(deadline)
        }
    }

    package func finish(deadline: Deadline) async {
        if isClosed { return }
        isClosed = true
        if !isFlushing {
            session.sendCloseNotify()
            try? await flush(deadline)
        }
        await transport.finish(deadline: deadline)
    }

    package func close() {
        if isClosed { return }
        isClosed = true
        if !isFlushing {
            session.sendCloseNotify()
            flushNow()
        }
        transport.close()
    }

    package var isIdleAndOpen: Bool {
        if isClosed || isReading || isWriting || isFlushing { return false }
        do throws(TransportError) {
            // Tickets come at any time; what counts is whether there is plaintext behind them.
            while let ciphertext = try transport.readNow(upTo: Self.inputSize) {
                if ciphertext.isEmpty { return false }
                session.receive(ciphertext)
                guard case .needsInput = try session.peek() else { return false }
            }
            guard case .needsInput = try session.peek() else { return false }
            return true
        } catch {
            return false
        }
    }

    private func shakeHands(_ deadline: Deadline) async throws(TransportError) {
        do throws(TransportError) {
            while true {
                let step = try sendingAlertOnFailure { () throws(TransportError) in try session.handshake() }
                try await flush(deadline)
                switch step {
                case .done: return
                case .needsInput, .peerClosed: try await receive(deadline)
                }
            }
        } catch {
            if case .deadlinePassed = error { throw .deadlinePassed(.handshake) }
            if case .systemCall(let error, _) = error { throw .systemCall(error, .handshake) }
            throw error
        }
    }

    private func receive(_ deadline: Deadline) async throws(TransportError) {
        // A peer that sends for ever what yields no plaintext never makes us wait, and only a wait checks deadlines.
        if deadline.isPast { throw .deadlinePassed(.read) }
        let ciphertext = try await transport.read(upTo: Self.inputSize, deadline: deadline)
        if ciphertext.isEmpty { throw .truncated }
        session.receive(ciphertext)
    }

    /// Sends all that OpenSSL wants sent; the bytes of one caller must not cut into another's.
    private func flush(_ deadline: Deadline) async throws(TransportError) {
        while isFlushing {
            try await waiting(.write) { () async throws(WaitError) in
                try await flushEnded.wait(until: deadline)
            }
        }
        isFlushing = true
        defer {
            isFlushing = false
            flushEnded.ring()
        }
        while let ciphertext = session.takeOutgoing() {
            try await transport.write(ciphertext, deadline: deadline)
        }
    }

    private func flushInBackground() async {
        // A writer that came in between takes it along.
        if isFlushing || isClosed { return }
        try? await flush(.after(Self.backgroundFlushTimeout))
    }

    /// Runs `step`, and when it fails sends the alert that tells the peer why.
    private func sendingAlertOnFailure<Value>(
        _ step: () throws(TransportError) -> Value
    ) throws(TransportError) -> Value {
        do throws(TransportError) {
            return try step()
        } catch {
            if !isFlushing { flushNow() }
            throw error
        }
    }

    /// Sends what OpenSSL wants sent if the kernel takes it now; nobody waits for it.
    private func flushNow() {
        guard let ciphertext = session.takeOutgoing() else { return }
        _ = try? transport.writeNow(ciphertext[...])
    }
}
