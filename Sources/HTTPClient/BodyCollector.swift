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
    private var bytes: [UInt8] = []
    private var file: SpoolFile?

    /// Whether the body of a failure has more bytes than are kept; the rest need not be read.
    private(set) var isCutShort = false

    /// Prepares for the body that `head` announces; one that says to be too large is refused at once.
    init(_ request: HTTPRequest, _ head: ResponseHead, _ framing: BodyFraming) throws(HTTPError) {
        isFailure = !head.isSuccess
        use = isFailure ? .collect : request.bodyUse
        bytesMax = isFailure ? Self.failureBytesMax : request.bodyBytesMax
        guard case .length(let length) = framing, !isFailure else { return }
        guard length <= bytesMax else { throw .wire(.bodyTooLarge(bytesMax: bytesMax), .head) }
        if case .collect = use { bytes.reserveCapacity(length) }
    }

    /// The body once all of it was taken.
    var body: HTTPBody {
        if let file { return .spooled(file) }
        return bytes.isEmpty ? .none : .bytes(bytes)
    }

    /// Takes the next piece.
    mutating func take(_ part: [UInt8]) async throws(HTTPError) {
        byteCount += part.count
        if byteCount > bytesMax {
            guard isFailure else { throw .wire(.bodyTooLarge(bytesMax: bytesMax), .body) }
            bytes += part.prefix(bytesMax - bytes.count)
            isCutShort = true
            return
        }
        switch use {
        case .collect: bytes += part
        case .spool(let threshold):
            try HTTPPhase.body.duringStep { () throws(TransportError) in try spool(part, threshold) }
        case .stream(let receive):
            try await HTTPPhase.body.during { () async throws(TransportError) in try await receive(part) }
        }
    }

    private mutating func spool(_ part: [UInt8], _ threshold: Int) throws(TransportError) {
        if let file { return try file.append(part) }
        bytes += part
        guard byteCount > threshold else { return }
        let file = try SpoolFile()
        try file.append(bytes)
        bytes = []
        self.file = file
    }
}
