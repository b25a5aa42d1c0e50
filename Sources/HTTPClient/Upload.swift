// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Transport

/// Sends one request, the head first and then the body, and remembers how far it came.
///
/// A failure to send is no failure of the exchange yet: a server that refuses a request answers, closes, and lets us
/// run into a broken pipe with the answer waiting to be read. So it is kept here, and thrown only if no answer is
/// found.
@LoopActor
final class Upload {
    /// Read from a file and written at a time.
    private static let pieceBytes = 64 * 1024
    /// A body up to this size goes out in one write with its head.
    private static let smallBodyBytesMax = 16 * 1024

    private let stream: any ByteStream
    private let request: HTTPRequest
    private var opening: [UInt8]
    private var rest: Blob?

    /// When the last byte was written, or writing failed; nil before.
    private(set) var endedAt: Deadline?
    /// Why not everything was sent.
    private(set) var failure: HTTPError?

    /// An upload of `request`, whose encoded head is `head`; held back, no byte of the body goes with the head.
    init(_ stream: any ByteStream, _ request: HTTPRequest, head: [UInt8], isBodyHeldBack: Bool) {
        self.stream = stream
        self.request = request
        opening = head
        rest = request.body
        if !isBodyHeldBack, let bytes = rest?.bytesInMemory, bytes.count <= Self.smallBodyBytesMax {
            opening += bytes
            rest = nil
        }
    }

    var isComplete: Bool { endedAt != nil && failure == nil }

    /// Whether a body is still to be sent after the opening.
    var hasRest: Bool { rest != nil && failure == nil }

    func sendOpening() async {
        await recordEnd { () async throws(TransportError) in try await self.write(Blob(self.opening)) }
        opening = []
        if hasRest { endedAt = nil }
    }

    /// Sends the body that did not go with the head; alongside the reader, who may find an answer before the end.
    func sendRest() async {
        guard let body = rest else { return }
        await recordEnd { () async throws(TransportError) in try await self.write(body) }
        rest = nil
        // The reader waits without a deadline of its own while we send; only this wakes it.
        if case .deadlinePassed = failure { stream.close() }
        if case .transport(_, .request) = failure, failure?.fault == .ours { stream.close() }
    }

    /// Does a part of the sending and keeps why it failed, and when it ended.
    private func recordEnd(_ body: () async throws(TransportError) -> Void) async {
        do throws(TransportError) {
            try await body()
        } catch {
            failure = HTTPError(error, .request)
        }
        endedAt = .now
    }

    private func write(_ bytes: Blob) async throws(TransportError) {
        var offset = 0
        while offset < bytes.byteCount {
            let piece = try bytes.bytes(at: offset, upTo: Self.pieceBytes)
            let deadline = min(.after(request.deadlines.progress), request.deadline)
            try await stream.write(piece, deadline: deadline)
            offset += piece.count
        }
    }
}
