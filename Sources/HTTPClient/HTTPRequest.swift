// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import HTTPWire
package import Transport

/// A request and how its answer is to be taken.
package struct HTTPRequest: Sendable {
    /// What becomes of the body of a successful answer; that of a failure is always collected, its first 256 KiB.
    package enum BodyUse: Sendable {
        /// Kept in memory.
        case collect
        /// Kept in memory up to that many bytes, moved to a temporary file beyond; charged to a holding, if there is one.
        case spool(above: Int, for: Holding? = nil)
        /// Handed on piece by piece; the next is read when the closure has returned.
        case stream(@LoopActor @Sendable ([UInt8]) async throws(TransportError) -> Void)
    }

    /// The method, for example `GET`.
    package var method: String
    /// Path and query, percent-encoded.
    package var target: String
    /// Fields to send; Host, Content-Length and Expect are added where they are missing and needed.
    package var headers: HeaderFields
    /// The body to send; one in a temporary file is read in pieces.
    package var body: Blob?
    /// Whether the request may be sent again when it is not known if the first was processed (RFC 9110
    /// section 9.2.2): the method is idempotent, or the request carries a retry token.
    package var isReplayable: Bool
    /// Completes the fields, Host and Content-Length included, at the moment of sending: a signature covers a date
    /// that must be right when the request arrives, and a request may have waited for its connection.
    package var sign: (@LoopActor @Sendable (inout HeaderFields) throws(TransportError) -> Void)?
    /// What it is to others that want a connection of its host.
    package var lane = ConnectionLane.control
    /// How long each phase may take.
    package var deadlines = HTTPDeadlines()
    /// When the request is given up, whatever the phase.
    package var deadline = Deadline.never
    /// What becomes of the body of a successful answer.
    package var bodyUse = BodyUse.collect
    /// The largest body of a successful answer, in bytes.
    package var bodyBytesMax = 8 << 20

    /// A request; without a word on it, it is replayable if its method is idempotent.
    package init(
        method: String,
        target: String,
        headers: HeaderFields = [:],
        body: Blob? = nil,
        isReplayable: Bool? = nil
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.isReplayable = isReplayable ?? Self.idempotentMethods.contains(method)
    }

    private static let idempotentMethods: Set = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]

    /// Above this many bytes the server is asked first (RFC 9110 section 10.1.1): one round trip then costs less
    /// than a refused body.
    private static let largeBodyBytesMin = 1 << 20

    /// Whether the body is large enough to ask first.
    var isLarge: Bool { contentLength ?? 0 > Self.largeBodyBytesMin }

    /// The number to announce as Content-Length, or nil for a request that says nothing (RFC 9110 section 8.6).
    var contentLength: Int? {
        body?.byteCount ?? (["POST", "PUT", "PATCH"].contains(method) ? 0 : nil)
    }

    /// The head as it goes on the wire.
    @LoopActor
    func head(authority: String, expectsContinue: Bool) throws(TransportError) -> RequestHead {
        var fields = headers
        if !fields.contains("host") { fields.prepend("host", authority) }
        if let contentLength, !fields.contains("content-length") {
            fields.append("content-length", String(contentLength))
        }
        // Compressed answers could be small on the wire and large in memory; none is asked for.
        if !fields.contains("accept-encoding"), method != "CONNECT" {
            fields.append("accept-encoding", "identity")
        }
        if expectsContinue { fields.set("expect", to: "100-continue") }
        try sign?(&fields)
        return RequestHead(method: method, target: target, headers: fields)
    }
}

/// How long each phase of an exchange may take.
///
/// No phase is without a bound, so no server can hold a caller for ever: one that stalls meets `head` or
/// `progress`, one that sends a byte a second as well, for the head has one deadline in all and a body must
/// come at `progressBytesMin` in each `progress`.
package struct HTTPDeadlines: Sendable {
    /// Resolving the name and connecting: 10 s, as the OCI SDKs have it.
    package var connect = Duration.seconds(10)
    /// The TLS handshake, and the CONNECT exchange with a proxy, each.
    package var handshake = Duration.seconds(10)
    /// From the last byte of the request to the last byte of the answer's head: 60 s, the SDKs' read timeout.
    package var head = Duration.seconds(60)
    /// In which 64 KiB of a body, or its end, must be sent or received.
    package var progress = Duration.seconds(60)
    /// Waiting for `100 Continue` before a large body is sent all the same: 3 s, as the OCI SDKs have it.
    package var expectation = Duration.seconds(3)
    /// What counts as progress: at the least 1 KiB a second for the usual 60 s.
    package var progressBytesMin = 64 * 1024
}

/// A complete answer, whatever its status.
package struct HTTPResponse: Sendable {
    /// Status and fields.
    package let head: ResponseHead
    /// The body, empty if there was none or it was streamed.
    package let body: Blob
    /// Whether the body of a failure was longer than is kept of one.
    package let isCutShort: Bool
    /// When the head had come.
    package let headReceivedAt: Deadline

    /// The status, 200...999.
    package var status: Int { head.status }
    /// The body if it is in memory, else nothing.
    package var bytes: [UInt8] { body.bytesInMemory ?? [] }
}
