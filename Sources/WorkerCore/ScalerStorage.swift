// SPDX-License-Identifier: Apache-2.0
//
// Client of Scaler's object storage server.
//
// Rule: a get of an object that does not exist is answered when it comes to exist, maybe never; the server
// forgets nothing of a connection whose identity comes back, so a reused identity receives the answers, and
// even the half-sent requests, of its former life.
// Consequence: every connection has a fresh identity; requests that were not answered are sent again on the
// next one (both kinds may be repeated); a caller gives up by itself, and the late answer is dropped.
//
// Rule: header and payload of a request must be neighbours on the wire, and a payload may be of any size.
// Consequence: one writer sends one request after the other, from a file in pieces; nobody else sends. One reader
// takes the answers, large ones to a file.

internal import EventLoop
internal import Logging
internal import Messaging
internal import SchedulerMessages
internal import TaskEngine
internal import Transport

/// Why an object could not be had.
enum ScalerStorageError: Error, Equatable {
    /// The server was connected for the whole of the patience and did not deliver.
    case missing
    /// Its bytes could not be written to, or read from, a temporary file.
    case unkept(TransportError)
    /// The caller was cancelled.
    case cancelled
}

/// One connection, kept up for ever, that carries the gets and sets of all workers.
@LoopActor
final class ScalerStorage {
    /// A request on its way; anyone may wait for it.
    @LoopActor
    final class Request {
        fileprivate let objectID: ObjectID
        /// nil for a get.
        fileprivate let payload: Blob?
        fileprivate var requestID: UInt64 = 0
        fileprivate let answered = Latch()
        fileprivate var answer = Blob([])
        fileprivate var failure: TransportError?
        /// Whether its answer is being received, however long that takes.
        fileprivate var isArriving = false
        fileprivate var waiterCount = 0
        /// Whether it was taken back before it was answered.
        fileprivate(set) var isAbandoned = false

        fileprivate init(_ objectID: ObjectID, payload: Blob?) {
            self.objectID = objectID
            self.payload = payload
        }

        /// How many bytes of the answer are in memory.
        var memoryByteCount: Int { answer.memoryByteCount }
    }

    private let connector: SchedulerConnector
    private let log: Logger
    private var endpoint: Endpoint?
    private let endpointKnown = Latch()
    private var connectedSince: Deadline?
    private var requests: [UInt64: Request] = [:]
    private var lastRequestID: UInt64 = 0
    /// What the writer of the present connection has not sent yet, in order.
    private var queue: [Request] = []
    private let unsent = Wakeup()
    /// The wire generation of the server, whose release is the scheduler's as a rule.
    private(set) var generation: WireGeneration?

    init(connector: SchedulerConnector, endpoint: Endpoint?, log: Logger) {
        self.connector = connector
        self.endpoint = endpoint
        self.log = log
        if endpoint != nil { endpointKnown.open() }
    }

    /// Where the server is, as Scaler writes addresses; nil while that is not known.
    var address: String? {
        endpoint?.description
    }

    /// Tells the address that the scheduler advertises; a configured or earlier one stays.
    func learn(_ endpoint: Endpoint) {
        guard self.endpoint == nil else { return }
        self.endpoint = endpoint
        endpointKnown.open()
        log.info("object storage address learned from the scheduler", metadata: ["address": "\(endpoint)"])
    }

    /// Begins to read an object; the request is shared by everyone who waits for it.
    func get(_ objectID: ObjectID) -> Request {
        submit(Request(objectID, payload: nil))
    }

    /// Waits for a get; `patience` counts only while the server is connected.
    func blob(of request: Request, patience: Duration) async throws(ScalerStorageError) -> Blob {
        if request.isAbandoned { submit(request) }
        request.waiterCount += 1
        defer { request.waiterCount -= 1 }
        while !request.answered.isOpen {
            do throws(WaitError) {
                try await request.answered.wait(until: .after(patience))
            } catch .deadlinePassed {
                guard let connectedSince, (connectedSince + patience).isPast, !request.isArriving else {
                    continue
                }
                requests[request.requestID] = nil
                throw .missing
            } catch {
                throw .cancelled
            }
        }
        if let failure = request.failure { throw .unkept(failure) }
        return request.answer
    }

    /// Takes a get back unless it was answered or somebody waits for it.
    func abandon(_ request: Request) {
        guard request.waiterCount == 0, !request.answered.isOpen else { return }
        request.isAbandoned = true
        requests[request.requestID] = nil
    }

    /// Stores an object and waits until the server has it, however long the server is away.
    func set(_ objectID: ObjectID, to payload: Blob) async throws(ScalerStorageError) {
        let request = submit(Request(objectID, payload: payload))
        do throws(WaitError) {
            try await request.answered.wait()
        } catch {
            requests[request.requestID] = nil
            throw .cancelled
        }
        if let failure = request.failure { throw .unkept(failure) }
    }

    @discardableResult
    private func submit(_ request: Request) -> Request {
        request.isAbandoned = false
        lastRequestID += 1
        request.requestID = lastRequestID
        requests[lastRequestID] = request
        if connectedSince != nil {
            queue.append(request)
            unsent.ring()
        }
        return request
    }

    private func settle(_ request: Request, _ outcome: Result<Blob, TransportError>) {
        requests[request.requestID] = nil
        switch outcome {
        case .success(let blob): request.answer = blob
        case .failure(let error): request.failure = error
        }
        request.answered.open()
    }
}

// MARK: - The connection

extension ScalerStorage {
    /// Why a connection ends.
    private enum Fault: Error, CustomStringConvertible {
        case link(MessagingError)
        /// Nothing that follows can be trusted to begin where it seems to.
        case senseless(String)

        var description: String {
            switch self {
            case .link(let error): "\(error)"
            case .senseless(let reason): "it sent what makes no sense: \(reason)"
            }
        }
    }

    /// Keeps the connection up until cancelled.
    func run() async {
        guard (try? await endpointKnown.wait()) != nil, let endpoint else { return }
        var backoff = Backoff(initial: .milliseconds(100), limit: .seconds(5))
        while !isCancelled {
            let fault: Fault
            do throws(MessagingError) {
                let identity = "Worker|oci-hpc-storage|\(RandomIdentity.hexadecimal())"
                let link = try await connector.connectStorage(to: endpoint, identity: identity)
                log.info("connected to object storage", metadata: ["address": "\(endpoint)"])
                generation = link.version.flatMap { WireGeneration(rawValue: $0.rawValue) }
                fault = await serve(link) { backoff.reset() }
            } catch {
                fault = .link(error)
            }
            connectedSince = nil
            report(fault, endpoint)
            guard (try? await sleep(for: backoff.next { .random(in: 0..<1) })) != nil else { return }
        }
    }

    private func report(_ fault: Fault, _ endpoint: Endpoint) {
        if isCancelled { return }
        let state = requests.isEmpty ? "idle" : "\(requests.count) requests wait"
        log.warning(
            "object storage is not reachable; trying again",
            metadata: ["address": "\(endpoint)", "error": "\(fault)", "state": "\(state)"]
        )
    }

    /// Sends what was not answered yet and what comes after it, and receives answers until the connection ends.
    ///
    /// `onSense` is called after every answer that was one.
    private func serve(_ link: YMQConnection, onSense: @LoopActor () -> Void) async -> Fault {
        connectedSince = .now
        queue = requests.values.sorted { $0.requestID < $1.requestID }
        let writer = spawn { await self.write(to: link) }
        let fault: Fault
        do throws(Fault) {
            while true {
                try await receiveAnswer(from: link)
                onSense()
            }
        } catch let reason {
            fault = reason
        }
        for request in requests.values { request.isArriving = false }
        writer.cancel()
        await link.close(lingering: .zero)
        // The next connection's writer takes over its bell.
        await writer.value
        return fault
    }

    private func write(to link: YMQConnection) async {
        while !isCancelled {
            guard !queue.isEmpty else {
                guard (try? await unsent.wait()) != nil else { return }
                continue
            }
            let batch = queue
            queue = []
            for request in batch where requests[request.requestID] === request {
                // A link that fails here also fails in the reader, and the request goes out on the next one.
                guard (try? await send(request, on: link)) != nil else { return }
            }
        }
    }

    private func send(_ request: Request, on link: YMQConnection) async throws(MessagingError) {
        guard let payload = request.payload else {
            try link.send([
                ObjectStorageRequest.get(request.objectID, requestID: request.requestID).encoded()
            ])
            return
        }
        let header = ObjectStorageRequest.set(
            request.objectID,
            byteCount: payload.byteCount,
            requestID: request.requestID
        ).encoded()
        if let bytes = payload.bytesInMemory {
            try link.send([header, bytes])
        } else {
            try link.send([header])
            try link.beginMessage(byteCount: payload.byteCount)
            try await sendPieces(of: payload, for: request, on: link)
        }
        try await link.flush(until: .never)
    }

    private func sendPieces(
        of payload: Blob,
        for request: Request,
        on link: YMQConnection
    ) async throws(MessagingError) {
        var position = 0
        while position < payload.byteCount {
            do throws(TransportError) {
                let slice = try payload.bytes(at: position, upTo: Blob.sliceBytesMax)
                position += slice.count
                do throws(MessagingError) { try link.sendPart(slice) } catch { throw .closed }
            } catch {
                // A message that cannot be completed leaves only a new connection.
                if error != .closed { settle(request, .failure(error)) }
                await link.close(lingering: .zero)
                throw .closed
            }
            try await link.flush(until: .never)
        }
    }

    private func receiveAnswer(from link: YMQConnection) async throws(Fault) {
        let header = try await receiveHeader(from: link)
        let request = requests[header.requestID]
        if let request {
            let isGet = request.payload == nil
            guard header.kind == (isGet ? .getOK : .setOK), !isGet || header.objectID == request.objectID
            else {
                throw .senseless("an answer to another question than was asked")
            }
            request.isArriving = true
        }
        let outcome = try await receivePayload(of: header, isWanted: request != nil, from: link)
        if let request, requests[request.requestID] === request { settle(request, outcome) }
    }

    private func receiveHeader(from link: YMQConnection) async throws(Fault) -> ObjectStorageResponse {
        let byteCount = try await linked { () async throws(MessagingError) in
            try await link.nextByteCount(until: .never)
        }
        guard byteCount == ObjectStorageRequest.byteCount else {
            throw .senseless("a header of \(byteCount) bytes")
        }
        var bytes: [UInt8] = []
        while let part = try await nextPart(from: link) { bytes += part }
        do throws(SchedulerMessageError) {
            return try ObjectStorageResponse.decode(bytes)
        } catch {
            throw .senseless("\(error)")
        }
    }

    /// The payload that `header` announces; one that nobody wants any more, or has no room, is read all the same.
    private func receivePayload(
        of header: ObjectStorageResponse,
        isWanted: Bool,
        from link: YMQConnection
    ) async throws(Fault) -> Result<Blob, TransportError> {
        if header.payloadByteCount == 0 { return .success(Blob([])) }
        let byteCount = try await linked { () async throws(MessagingError) in
            try await link.nextByteCount(until: .never)
        }
        guard byteCount == header.payloadByteCount else {
            throw .senseless("a payload of \(byteCount) bytes, announced as \(header.payloadByteCount)")
        }
        var writer = BlobWriter()
        var failure: TransportError?
        var sinceTurn = 0
        while let part = try await nextPart(from: link) {
            if isWanted, failure == nil {
                do throws(TransportError) { try writer.append(Array(part)) } catch { failure = error }
            }
            sinceTurn += part.count
            guard sinceTurn > Blob.memoryBytesMax else { continue }
            sinceTurn = 0
            await yieldToOthers()
        }
        return failure.map { .failure($0) } ?? .success(writer.blob)
    }

    private func nextPart(from link: YMQConnection) async throws(Fault) -> ArraySlice<UInt8>? {
        try await linked { () async throws(MessagingError) in try await link.nextPart(until: .never) }
    }

    private func linked<Value>(
        _ body: () async throws(MessagingError) -> Value
    ) async throws(Fault) -> Value {
        do throws(MessagingError) {
            return try await body()
        } catch {
            throw .link(error)
        }
    }
}
