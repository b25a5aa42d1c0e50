// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import HTTPWire
internal import Transport

/// Takes the body of one answer to where the request wants it, within its cap.
@LoopActor
struct BodyCollector {
    /// What is kept of the body of a failure: enough for any message, whatever a proxy calls a page.
    static let failureBytesMax = 256 * 1024

    private let use: HTTPRequest.BodyUse
    private let isFailure: Bool
    private let bytesMax: Int
    private var byteCount = 0
    private var kept: BlobWriter

    /// Whether the body of a failure has more bytes than are kept; the rest need not be read.
    private(set) var isCutShort = false

    /// Prepares for the body that `head` announces; one that says to be too large is refused at once.
    init(_ request: HTTPRequest, _ head: ResponseHead, _ framing: BodyFraming) throws(HTTPError) {
        isFailure = !head.isSuccess
        use = isFailure ? .collect : request.bodyUse
        bytesMax = isFailure ? Self.failureBytesMax : request.bodyBytesMax
        let length = if case .length(let length) = framing, !isFailure { length } else { 0 }
        guard length <= bytesMax else { throw .wire(.bodyTooLarge(bytesMax: bytesMax), .head) }
        kept =
            switch use {
            case .collect: BlobWriter(memoryBytesMax: .max, expectedCount: length)
            case .spool(let threshold, let holding): BlobWriter(memoryBytesMax: threshold, for: holding)
            case .stream: BlobWriter()
            }
        try HTTPPhase.head.duringStep { () throws(TransportError) in try kept.reserve(length) }
    }

    /// The body once all of it was taken.
    var body: Blob { kept.blob }

    /// Takes the next piece.
    mutating func take(_ part: [UInt8]) async throws(HTTPError) {
        byteCount += part.count
        if byteCount > bytesMax {
            guard isFailure else { throw .wire(.bodyTooLarge(bytesMax: bytesMax), .body) }
            isCutShort = true
        }
        if case .stream(let receive) = use {
            return try await HTTPPhase.body.during { () async throws(TransportError) in
                try await receive(part)
            }
        }
        let wanted = isCutShort ? Array(part.prefix(bytesMax - kept.blob.byteCount)) : part
        try await HTTPPhase.body.during { () async throws(TransportError) in try await kept.append(wanted) }
    }
}
