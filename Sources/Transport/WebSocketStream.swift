// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// A stream of bytes in the binary messages of a WebSocket over another stream, as a client.
///
/// Frames are of no meaning, as Scaler has it. The peer's end, by a close frame or without one, is an end of the stream: YMQ
/// takes either for a goodbye.
@LoopActor
package final class WebSocketStream: ByteStream {
    /// Bytes of the stream in one frame of ours; Scaler reads none before it is whole.
    private static let frameByteCountMax = 64 * 1024
    /// Time for an answer that nobody waits for.
    private static let answerTimeout = Duration.seconds(30)

    private let transport: any ByteStream
    private var framing = WebSocketFraming()
    private var isReading = false
    private var isClosed = false
    private var hasEnded = false
    /// What stands in the newest ping that was not answered.
    private var unansweredPing: [UInt8]?
    private var isAnswering = false
    private var isSending = false
    /// Why nothing more can be sent: a frame was cut off.
    private var sendFailure: TransportError?
    private let sendingEnded = Broadcast()

    /// Upgrades `transport`, which is the stream's from here on and closed on failure; `host`, a name or a numeric address,
    /// `port` and `path` are what the request names.
    package static func connect(
        over transport: any ByteStream,
        host: String,
        port: UInt16,
        path: String,
        deadline: Deadline
    ) async throws(TransportError) -> WebSocketStream {
        let stream = WebSocketStream(transport)
        do throws(TransportError) {
            let upgrade = WebSocketUpgrade(nonce: LoopRandom.bytes(count: 16))
            let request = upgrade.request(host: host, port: port, path: path)
            try await transport.write(request, deadline: deadline)
            var answer: [UInt8] = []
            while true {
                let more = try await transport.read(upTo: 4096, deadline: deadline)
                if more.isEmpty { throw .webSocket(.malformedAnswer) }
                answer += more
                if let rest = try faulting({ () throws(WebSocketFault) in try upgrade.remainder(of: answer) })
                {
                    stream.framing.feed(rest)
                    return stream
                }
            }
        } catch {
            transport.close()
            throw error
        }
    }

    private init(_ transport: any ByteStream) { self.transport = transport }

    package func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        precondition(maximumCount > 0, "a read of nothing cannot tell the end from no data")
        precondition(!isReading, "a stream has one reader at a time")
        isReading = true
        defer { isReading = false }
        while true {
            if isClosed { throw .closed }
            if hasEnded { return [] }
            switch try faulting({ () throws(WebSocketFault) in try framing.next(upTo: maximumCount) }) {
            case .bytes(let bytes)?: return Array(bytes)
            case .ping(let payload)?: answer(payload)
            case .close(let reason)?:
                hasEnded = true
                spawn { try? await self.send(.close, reason[...], .after(Self.answerTimeout)) }
            case nil:
                // A peer that sends for ever what is no part of the stream never makes us wait.
                if deadline.isPast { throw .deadlinePassed(.read) }
                let bytes = try await transport.read(upTo: maximumCount, deadline: deadline)
                if bytes.isEmpty { hasEnded = true } else { framing.feed(bytes) }
            }
        }
    }

    package func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try await send(.binary, rest.prefix(Self.frameByteCountMax), deadline)
            rest = rest.dropFirst(Self.frameByteCountMax)
        }
    }

    package func finish(deadline: Deadline) async {
        if isClosed { return }
        // A frame that a slow peer has not taken whole must not be cut into.
        if !isSending, !hasEnded { try? await send(.close, [], deadline) }
        isClosed = true
        await transport.finish(deadline: deadline)
    }

    package func close() {
        isClosed = true
        transport.close()
    }

    package var isIdleAndOpen: Bool { !isClosed && !hasEnded && !isSending && transport.isIdleAndOpen }

    /// Sends a frame; the bytes of one caller must not cut into another's.
    private func send(
        _ opcode: WebSocketOpcode,
        _ payload: ArraySlice<UInt8>,
        _ deadline: Deadline
    ) async throws(TransportError) {
        while isSending {
            try await waiting(.write) { () async throws(WaitError) in
                try await sendingEnded.wait(until: deadline)
            }
        }
        if isClosed { throw .closed }
        if let sendFailure { throw sendFailure }
        isSending = true
        defer {
            isSending = false
            sendingEnded.send()
        }
        let frame = opcode.frame(payload, key: LoopRandom.bytes(count: 4))
        do throws(TransportError) {
            try await transport.write(frame, deadline: deadline)
        } catch {
            sendFailure = error
            throw error
        }
    }

    /// Answers the newest ping without keeping the reader.
    ///
    /// Only that one needs an answer (RFC 6455 section 5.5.3), so a peer
    /// that pings and reads nothing makes nothing pile up. Nothing hurries: a write that is given up half-way ends the writing.
    private func answer(_ payload: [UInt8]) {
        unansweredPing = payload
        if isAnswering { return }
        isAnswering = true
        spawn { await self.answerPings() }
    }

    private func answerPings() async {
        defer { isAnswering = false }
        while let payload = unansweredPing {
            unansweredPing = nil
            let isSent = (try? await send(.pong, payload[...], .never)) != nil
            if !isSent { return }
        }
    }
}

/// Does `step`, and says a breach of the protocol as a failure of the stream.
private func faulting<Value>(
    _ step: () throws(WebSocketFault) -> Value
) throws(TransportError) -> Value {
    do throws(WebSocketFault) { return try step() } catch { throw .webSocket(error) }
}
