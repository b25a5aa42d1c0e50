// SPDX-License-Identifier: Apache-2.0

/// Whether a connection can carry another request (RFC 9112 section 9.3): told of each event, it remembers the
/// first reason why not.
package enum ConnectionState: Equatable, Sendable {
    /// No exchange is under way.
    /// Out: `exchanging` when a request starts; `closing` on failure.
    case idle
    /// A request has started and its answer has not ended.
    /// Out: `idle` when both have ended and nothing speaks against reuse; `closing` otherwise, or on failure.
    case exchanging(Exchange)
    /// The connection must be closed; it carries no further request. Out: none.
    case closing(CloseReason)

    /// What is known about the exchange under way.
    package struct Exchange: Equatable, Sendable {
        fileprivate var isRequestSent = false
        fileprivate var closeReason: CloseReason?
    }

    /// Why a connection is not used again.
    package enum CloseReason: Equatable, Sendable {
        /// The answer says `Connection: close`.
        case peerAskedToClose
        /// We said `Connection: close`.
        case weAskedToClose
        /// The answer is HTTP/1.0 and does not say `Connection: keep-alive`.
        case versionWithoutKeepAlive
        /// The body ended, or must end, with the connection.
        case bodyUntilClose
        /// Transfer-Encoding and Content-Length both: one of the readers on the path may see another body
        /// (RFC 9112 section 6.3, step 3).
        case ambiguousFraming
        /// The final answer came before the request was sent to its end: the rest of the body is owed.
        case requestUnfinished
        /// Bytes came after the answer.
        case extraBytes
        /// The connection is a tunnel now.
        case tunnel
        /// An error, a passed deadline or a cancelled caller left the exchange unfinished.
        case failed
    }

    /// Whether another request may start.
    package var isReusable: Bool { self == .idle }

    /// Why the connection must close, or nil if it need not.
    package var closeReason: CloseReason? { if case .closing(let reason) = self { reason } else { nil } }

    /// A request with this head starts.
    package mutating func requestStarted(_ head: RequestHead) {
        precondition(isReusable, "a request started on a connection that is \(self)")
        var exchange = Exchange()
        if head.headers.lists("close", in: "connection") { exchange.closeReason = .weAskedToClose }
        self = .exchanging(exchange)
    }

    /// The last byte of the request was written.
    package mutating func requestSent() {
        guard case .exchanging(var exchange) = self else { return }
        exchange.isRequestSent = true
        self = .exchanging(exchange)
    }

    /// The head of the final answer was received.
    package mutating func headReceived(_ head: ResponseHead, _ framing: BodyFraming) {
        guard case .exchanging(var exchange) = self else { return }
        exchange.closeReason = exchange.closeReason ?? Self.closeReason(head, framing)
        self = .exchanging(exchange)
    }

    /// The answer ended, with that many bytes beyond it.
    package mutating func responseEnded(extraByteCount: Int) {
        guard case .exchanging(let exchange) = self else { return }
        if let reason = exchange.closeReason {
            self = .closing(reason)
        } else if !exchange.isRequestSent {
            self = .closing(.requestUnfinished)
        } else {
            self = extraByteCount > 0 ? .closing(.extraBytes) : .idle
        }
    }

    /// The exchange cannot be brought to its end.
    package mutating func failed() {
        if case .closing = self { return }
        self = .closing(.failed)
    }

    private static func closeReason(_ head: ResponseHead, _ framing: BodyFraming) -> CloseReason? {
        let headers = head.headers
        switch framing {
        case .tunnel: return .tunnel
        case .untilClose: return .bodyUntilClose
        case .chunked where headers.contains("content-length"): return .ambiguousFraming
        case .none, .length, .chunked: break
        }
        if headers.lists("close", in: "connection") { return .peerAskedToClose }
        if head.minorVersion == 0 && !headers.lists("keep-alive", in: "connection") {
            return .versionWithoutKeepAlive
        }
        return nil
    }
}
