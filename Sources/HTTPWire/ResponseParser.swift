// SPDX-License-Identifier: Apache-2.0

/// Bounds on what a server can make us hold besides the body, in bytes and counts; how long a body may be depends on
/// the status, so whoever collects it counts.
package struct ResponseLimits: Equatable, Sendable {
    /// One head (also an interim one), and the trailers, line ends included: 64 KiB; others: nginx 4 x 8 KiB, node and
    /// h11 16 KiB, tomcat 8 KiB, curl 300 KiB.
    package var headBytesMax = 64 * 1024
    /// Field lines in one head: 128; others: Go 128 to 250, hyper 100, curl 5000.
    package var fieldsMax = 128
    /// Responses 1xx before the final one: 10; Go allows 5, curl no bound.
    package var interimResponsesMax = 10
    /// Chunk extensions of one body together: 16 KiB, node's bound since a peer could send nothing else for ever.
    package var chunkExtensionBytesMax = 16 * 1024

    /// The usual limits.
    package init() {}
}

/// Turns the bytes of one answer into events: any interim heads, the head, parts of the body, the end.
///
/// One parser reads the answer to one request, because the framing depends on the method. Feed it what was read,
/// then ask for events until it says `needMore`. That the peer closed is input like any other: whether it is an end
/// or an error depends on where the message stands. After an error the parser repeats it for ever.
package struct ResponseParser {
    /// What the parser has to say next.
    package enum Event: Equatable, Sendable {
        /// Nothing until more is fed.
        case needMore
        /// A response 1xx other than 101: `100 Continue`, `103 Early Hints`.
        case interim(ResponseHead)
        /// The final head and where its body will end.
        case head(ResponseHead, BodyFraming)
        /// At least one byte of the body.
        case bodyPart([UInt8])
        /// The answer is complete. Bytes that came after it are counted by `extraByteCount`.
        case end
    }

    private enum Stage {
        /// Out: `fields` after the first line; `failed`.
        case statusLine
        /// Out: `statusLine` after an interim head; `length`, `chunked`, `untilClose` or `ended` by its framing; `failed`.
        case fields(ResponseHead)
        /// Out: `ended` at zero; `failed` if the peer closes before.
        case length(bytesLeft: Int)
        /// Out: `ended` after the last chunk; `failed`.
        case chunked
        /// Out: `ended` when the peer closes.
        case untilClose
        /// Out: none.
        case ended
        /// Out: none.
        case failed(HTTPWireError)
    }

    private let method: String
    private let limits: ResponseLimits
    private var buffer = ReceiveBuffer()
    private var stage = Stage.statusLine
    // Beside the stage, not in it: taken out of an enum to be changed they would be copied, once a step.
    private var section: FieldSection
    private var chunkedBody: ChunkedBody
    private var interimCount = 0
    private var isInputEnded = false

    /// Whether any byte of an answer was received: decides if the request may be sent again after a close.
    package private(set) var hasReceivedBytes = false

    /// A parser for the answer to a request with that method.
    package init(answering method: String, limits: ResponseLimits = ResponseLimits()) {
        self.method = method
        self.limits = limits
        section = FieldSection(limits)
        chunkedBody = ChunkedBody(limits: limits)
    }

    /// Bytes received beyond the end of the answer; any at all mean that the connection cannot be trusted further.
    package var extraByteCount: Int { if case .ended = stage { buffer.count } else { 0 } }

    /// Takes bytes as they were read.
    package mutating func feed(_ bytes: [UInt8]) {
        hasReceivedBytes = hasReceivedBytes || !bytes.isEmpty
        buffer.append(bytes)
    }

    /// Notes that the peer closed cleanly and nothing more will be fed.
    package mutating func feedEnd() { isInputEnded = true }

    /// The next event that the bytes fed so far allow.
    package mutating func next() throws(HTTPWireError) -> Event {
        do {
            let event = try step()
            guard event == .needMore, isInputEnded else { return event }
            return try endOfInput()
        } catch {
            stage = .failed(error)
            throw error
        }
    }

    private mutating func step() throws(HTTPWireError) -> Event {
        switch stage {
        case .statusLine:
            guard let head = try maybeReadStatusLine() else { return .needMore }
            stage = .fields(head)
            return try step()
        case .fields(var head):
            guard let headers = try section.maybeRead(from: &buffer) else { return .needMore }
            head.headers = headers
            return try headEnded(head)
        case .length(let bytesLeft):
            guard bytesLeft > 0 else { return end() }
            guard let part = buffer.maybeTake(atMost: bytesLeft) else { return .needMore }
            stage = .length(bytesLeft: bytesLeft - part.count)
            return .bodyPart(part)
        case .chunked:
            let event = try chunkedBody.next(from: &buffer)
            return event == .end ? end() : event
        case .untilClose:
            return buffer.maybeTake(atMost: Int.max).map { .bodyPart($0) } ?? .needMore
        case .ended: return .end
        case .failed(let error): throw error
        }
    }

    /// Another protocol is known by its first bytes; waiting for its first LF could take for ever.
    private mutating func maybeReadStatusLine() throws(HTTPWireError) -> ResponseHead? {
        guard buffer.couldStart(with: ResponseHead.prefix) else { throw .notHTTP }
        guard let line = try section.maybeTakeLine(from: &buffer) else { return nil }
        return try ResponseHead(statusLine: line)
    }

    private mutating func headEnded(_ head: ResponseHead) throws(HTTPWireError) -> Event {
        guard head.status != 101 else { throw .unexpectedUpgrade }
        if head.isInterim {
            interimCount += 1
            guard interimCount <= limits.interimResponsesMax else { throw .tooManyInterimResponses }
            section = FieldSection(limits)
            stage = .statusLine
            return .interim(head)
        }
        let framing = try BodyFraming(of: head, answering: method)
        stage =
            switch framing {
            case .none, .tunnel: .length(bytesLeft: 0)
            case .length(let byteCount): .length(bytesLeft: byteCount)
            case .chunked: .chunked
            case .untilClose: .untilClose
            }
        return .head(head, framing)
    }

    private mutating func end() -> Event {
        stage = .ended
        return .end
    }

    /// The peer closed while more was needed: only a body without a length may end so.
    private mutating func endOfInput() throws(HTTPWireError) -> Event {
        switch stage {
        case .untilClose: return end()
        case .statusLine: throw hasReceivedBytes ? .truncated(.head) : .closedBeforeResponse
        case .fields: throw .truncated(.head)
        case .length, .chunked: throw .truncated(.body)
        case .ended, .failed: preconditionFailure("\(stage) never needs more")
        }
    }
}
