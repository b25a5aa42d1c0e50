// SPDX-License-Identifier: Apache-2.0
//
// Rule: header and payload of a request must be neighbours on the wire, and a payload may be of any size.
// Consequence: one writer sends one request after the other, from a file in pieces; nobody else sends. One reader
// takes the answers, large ones to a file.

internal import EventLoop
internal import Messaging
internal import SchedulerMessages
internal import Transport

/// One connection to Scaler's object storage server: whole requests out, whole answers in.
@LoopActor
struct ObjectStoreConnection {
    enum Failure: Error, CustomStringConvertible {
        case link(MessagingError)
        /// A payload could not be read from its file; the connection is in the middle of a message.
        case file(TransportError)
        /// What follows an unexpected answer cannot be trusted to begin where it seems to.
        case unexpectedAnswer(String)
        /// Answers were due, and nothing came.
        case silent
        /// The server is elsewhere now.
        case moved

        var description: String {
            switch self {
            case .link(let error): "\(error)"
            case .file(let error): "\(error)"
            case .unexpectedAnswer(let reason): "unexpected answer: \(reason)"
            case .silent: "it is silent"
            case .moved: "it has another address"
            }
        }
    }

    /// What is handed to the kernel at a time: on a slow line, taking it is a sign of life.
    private static let sliceBytesMax = ObjectStoreConversation.signByteCount

    let link: YMQConnection

    var generation: WireGeneration? { link.version.flatMap { WireGeneration(rawValue: $0.rawValue) } }

    /// Ends the connection at once; more than once is harmless.
    func close() async { await link.close(lingering: .zero) }

    func sendGet(_ objectID: ObjectID, upTo byteCountMax: UInt64, requestID: UInt64) throws(Failure) {
        try send(.get(objectID, upTo: byteCountMax, requestID: requestID))
    }

    /// Asks for what is always answered, and at once.
    func sendCheck(requestID: UInt64) throws(Failure) { try send(.totals(requestID: requestID)) }

    /// Sends an object to be stored; returns when the kernel has all of it, and tells `carried` how many bytes more it has taken.
    func sendSet(
        _ objectID: ObjectID,
        to payload: Blob,
        requestID: UInt64,
        carried: (Int) -> Void
    ) async throws(Failure) {
        try send(.set(objectID, byteCount: payload.byteCount, requestID: requestID))
        try queue { () throws(MessagingError) in try link.beginMessage(byteCount: payload.byteCount) }
        var position = 0
        while position < payload.byteCount {
            let slice: [UInt8]
            do throws(TransportError) {
                slice = try payload.bytes(at: position, upTo: Self.sliceBytesMax)
            } catch {
                throw .file(error)
            }
            position += slice.count
            try queue { () throws(MessagingError) in try link.sendPart(slice) }
            try await flush()
            carried(slice.count)
        }
        try await flush()
    }

    private func send(_ request: ObjectStorageRequest) throws(Failure) {
        try queue { () throws(MessagingError) in try link.send([request.encoded()]) }
    }

    private func queue(_ body: () throws(MessagingError) -> Void) throws(Failure) {
        do throws(MessagingError) { try body() } catch { throw .link(error) }
    }

    private func flush() async throws(Failure) {
        try await linked { () async throws(MessagingError) in try await link.flush(until: .never) }
    }

    func receiveHeader() async throws(Failure) -> ObjectStorageResponse {
        let byteCount = try await nextByteCount()
        guard byteCount == ObjectStorageRequest.byteCount else {
            throw .unexpectedAnswer("a header of \(byteCount) bytes")
        }
        var bytes: [UInt8] = []
        while let part = try await nextPart() { bytes += part }
        do throws(SchedulerMessageError) {
            return try ObjectStorageResponse.decode(bytes)
        } catch {
            throw .unexpectedAnswer("\(error)")
        }
    }

    /// Takes the payload that `header` announces, charged to `holding`, and tells `carried` the size of each part.
    ///
    /// One that is not wanted any more, or for which there is no room, is read all the same, and nothing of it is kept.
    func receivePayload(
        of header: ObjectStorageResponse,
        isWanted: () -> Bool,
        for holding: Holding? = nil,
        carried: (Int) -> Void
    ) async throws(Failure) -> Result<Blob, TransportError> {
        if header.payloadByteCount == 0 { return .success(Blob([])) }
        let byteCount = try await nextByteCount()
        guard byteCount == header.payloadByteCount else {
            throw .unexpectedAnswer(
                "a payload of \(byteCount) bytes, announced as \(header.payloadByteCount)"
            )
        }
        var writer = BlobWriter(for: holding)
        var failure: TransportError?
        if isWanted() {
            do throws(TransportError) { try writer.reserve(byteCount) } catch { failure = error }
        }
        var sinceTurn = 0
        while let part = try await nextPart() {
            carried(part.count)
            if !isWanted() {
                writer = BlobWriter()
            } else if failure == nil {
                do throws(TransportError) {
                    try await writer.append(Array(part))
                } catch {
                    failure = error
                    writer = BlobWriter()
                }
            }
            sinceTurn += part.count
            guard sinceTurn > Blob.memoryBytesMax else { continue }
            sinceTurn = 0
            await yieldToOthers()
        }
        return failure.map { .failure($0) } ?? .success(writer.blob)
    }

    private func nextByteCount() async throws(Failure) -> Int {
        try await linked { () async throws(MessagingError) in try await link.nextByteCount(until: .never) }
    }

    private func nextPart() async throws(Failure) -> ArraySlice<UInt8>? {
        try await linked { () async throws(MessagingError) in try await link.nextPart(until: .never) }
    }

    private func linked<Value>(
        _ body: () async throws(MessagingError) -> Value
    ) async throws(Failure) -> Value {
        do throws(MessagingError) { return try await body() } catch { throw .link(error) }
    }
}
