// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import HTTPWire
package import Transport

/// One connection, which carries one exchange at a time.
@LoopActor
package final class HTTPConnection {
    private let stream: any ByteStream
    private let authority: String
    private var state = ConnectionState.idle

    /// How many exchanges were begun.
    package private(set) var exchangeCount = 0
    /// Whether any byte of the answer to the last request came.
    private(set) var hasAnswerBegun = false
    /// How long the server says it keeps the connection when idle; nil if it did not say.
    private(set) var keepAlive: Duration?

    /// A connection over a stream that is ready for a request; `authority` is what goes into the Host field.
    package init(_ stream: any ByteStream, authority: String) {
        self.stream = stream
        self.authority = authority
    }

    /// Whether another exchange may begin now: neither side has announced or done anything that ends the connection.
    var isUsable: Bool { state.isReusable && stream.isIdleAndOpen }

    /// Closes at once; an exchange under way fails.
    func close() {
        state.failed()
        stream.close()
    }

    /// Sends a request and receives its answer; whatever fails, or is cancelled, closes the connection.
    ///
    /// With `asksFirst` the server is asked, by `Expect: 100-continue`, to judge the head before a large body is sent.
    package func exchange(
        _ request: HTTPRequest,
        asksFirst: Bool = true
    ) async throws(HTTPError) -> HTTPResponse {
        exchangeCount += 1
        hasAnswerBegun = false
        let isHeldBack = asksFirst && request.isLarge
        let head = try start(request, expectsContinue: isHeldBack)
        let upload = Upload(stream, request, head: head, isBodyHeldBack: isHeldBack)
        let receiver = ResponseReceiver(stream, method: request.method)
        defer { hasAnswerBegun = receiver.hasReceivedBytes }
        var sending: Spawned<Void>?
        do throws(HTTPError) {
            await upload.sendOpening()
            try Self.throwIfEnded(upload)
            let early = isHeldBack ? try await answerInsteadOfContinue(receiver, request) : nil
            if early == nil, upload.hasRest { sending = spawn { await upload.sendRest() } }
            let head = if let early { early } else { try await finalHead(receiver, upload, request) }
            let response = try await response(head, receiver, upload, request)
            if !state.isReusable, state.closeReason != .tunnel { stream.close() }
            await sending?.value
            return response
        } catch {
            let cause = Self.cause(error, upload, receiver)
            close()
            await sending?.value
            throw cause
        }
    }

    /// A final head and how its body ends.
    private typealias Head = (head: ResponseHead, framing: BodyFraming)

    /// Encodes the head and begins the exchange, unless the request may not be sent at all.
    private func start(_ request: HTTPRequest, expectsContinue: Bool) throws(HTTPError) -> [UInt8] {
        let head = try HTTPPhase.request.duringStep { () throws(TransportError) in
            try request.head(authority: authority, expectsContinue: expectsContinue)
        }
        let bytes = try HTTPPhase.request.duringStep { () throws(HTTPWireError) in
            try RequestEncoder.encode(head, contentLength: request.contentLength)
        }
        state.requestStarted(head)
        return bytes
    }

    /// A broken pipe may hide an answer; a passed deadline or a cancelled caller does not.
    private static func throwIfEnded(_ upload: Upload) throws(HTTPError) {
        switch upload.failure {
        case .cancelled?, .deadlinePassed?: throw upload.failure ?? .cancelled
        default: return
        }
    }

    /// Which of the errors of reading and writing came first.
    private static func cause(_ error: HTTPError, _ upload: Upload, _ receiver: ResponseReceiver) -> HTTPError
    {
        guard let failure = upload.failure, error != .cancelled else { return error }
        // A stalled upload closes the stream to wake the reader.
        if case .transport(.closed, _) = error { return failure }
        return receiver.hasReceivedBytes ? error : failure
    }

    /// Waits for `100 Continue`, but not long: servers and proxies exist that never send it; a final head that
    /// comes instead means that the body is not wanted (RFC 9110 section 10.1.1).
    private func answerInsteadOfContinue(
        _ receiver: ResponseReceiver,
        _ request: HTTPRequest
    ) async throws(HTTPError) -> Head? {
        let end = Deadline.after(request.deadlines.expectation)
        do throws(HTTPError) {
            while true {
                switch try await receiver.event(.head, until: min(end, request.deadline)) {
                case .interim(let head) where head.status == 100: return nil
                case .head(let head, let framing): return (head, framing)
                default: continue
                }
            }
        } catch {
            if case .deadlinePassed = error, !request.deadline.isPast { return nil }
            throw error
        }
    }

    /// Waits for the final head: as long as the body is being sent, and from then on for the head's own time.
    private func finalHead(
        _ receiver: ResponseReceiver,
        _ upload: Upload,
        _ request: HTTPRequest
    ) async throws(HTTPError) -> Head {
        while true {
            let end = (upload.endedAt ?? .now) + request.deadlines.head
            do throws(HTTPError) {
                let event = try await receiver.event(.head, until: min(end, request.deadline))
                if case .head(let head, let framing) = event { return (head, framing) }
            } catch {
                let isSending = upload.endedAt.map { !($0 + request.deadlines.head).isPast } ?? true
                guard case .deadlinePassed = error, isSending, !request.deadline.isPast else { throw error }
            }
        }
    }

    /// Receives the body and decides about the connection.
    private func response(
        _ given: Head,
        _ receiver: ResponseReceiver,
        _ upload: Upload,
        _ request: HTTPRequest
    ) async throws(HTTPError) -> HTTPResponse {
        let headReceivedAt = Deadline.now
        guard given.head.status != 206 || request.headers.contains("range") else {
            throw .wire(.unrequestedPart, .head)
        }
        state.headReceived(given.head, given.framing)
        // One second less than the server says, for its clock began earlier.
        keepAlive = given.head.keepAliveSeconds.map { .seconds($0 - 1) }
        var collector = try BodyCollector(request, given.head, given.framing)
        var progress = Progress(request)
        while !collector.isCutShort {
            let event = try await receiver.event(.body, until: progress.deadline)
            guard case .bodyPart(let part) = event else { break }
            try await collector.take(part)
            progress.received(part.count)
        }
        if upload.isComplete { state.requestSent() }
        if collector.isCutShort { state.failed() }
        state.responseEnded(extraByteCount: receiver.extraByteCount)
        return HTTPResponse(
            head: given.head,
            body: collector.body,
            isCutShort: collector.isCutShort,
            headReceivedAt: headReceivedAt
        )
    }
}

/// The deadline for the next part of a body, which moves on only when enough has come since it last did.
private struct Progress {
    private let window: Duration
    private let bytesMin: Int
    private let last: Deadline
    private var byteCount = 0
    private var windowEnd: Deadline

    init(_ request: HTTPRequest) {
        window = request.deadlines.progress
        bytesMin = request.deadlines.progressBytesMin
        last = request.deadline
        windowEnd = .after(window)
    }

    var deadline: Deadline { min(windowEnd, last) }

    mutating func received(_ count: Int) {
        byteCount += count
        guard byteCount >= bytesMin else { return }
        byteCount = 0
        windowEnd = .after(window)
    }
}
