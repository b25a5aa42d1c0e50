// SPDX-License-Identifier: Apache-2.0
//
// Client of Scaler's object storage server.
//
// Rule: a get of an object that does not exist is answered when it comes to exist, maybe never; the server
// forgets nothing of a connection whose identity comes back, so a reused identity receives the answers, and
// even the half-sent requests, of its former life.
// Consequence: every connection has a fresh identity; requests that were not answered are sent again on the
// next one (both kinds may be repeated); a caller gives up by itself, and the late answer is dropped.

internal import EventLoop
internal import Logging
internal import Messaging
internal import SchedulerMessages
internal import TaskEngine

/// Why an object could not be had.
enum ScalerStorageError: Error, Equatable {
    /// The server was connected for the whole of the patience and did not deliver.
    case missing
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
        fileprivate let payload: [UInt8]?
        fileprivate var requestID: UInt64 = 0
        fileprivate let answered = Latch()
        fileprivate var answer: [UInt8] = []

        fileprivate init(_ objectID: ObjectID, payload: [UInt8]?) {
            self.objectID = objectID
            self.payload = payload
        }
    }

    private let connector: SchedulerConnector
    private let log: Logger
    private var endpoint: Endpoint?
    private let endpointKnown = Latch()
    private var link: (any MessageLink)?
    private var connectedSince: Deadline?
    private var requests: [UInt64: Request] = [:]
    private var lastRequestID: UInt64 = 0

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
    func bytes(of request: Request, patience: Duration) async throws(ScalerStorageError) -> [UInt8] {
        while !request.answered.isOpen {
            do throws(WaitError) {
                try await request.answered.wait(until: .after(patience))
            } catch .deadlinePassed {
                guard let connectedSince, (connectedSince + patience).isPast else { continue }
                requests[request.requestID] = nil
                throw .missing
            } catch {
                throw .cancelled
            }
        }
        return request.answer
    }

    /// Stores an object and waits until the server has it, however long the server is away.
    func set(_ objectID: ObjectID, to payload: [UInt8]) async throws(ScalerStorageError) {
        let request = submit(Request(objectID, payload: payload))
        do throws(WaitError) {
            try await request.answered.wait()
        } catch {
            requests[request.requestID] = nil
            throw .cancelled
        }
    }

    /// Keeps the connection up until cancelled.
    func run() async {
        guard (try? await endpointKnown.wait()) != nil, let endpoint else { return }
        var backoff = Backoff(initial: .milliseconds(100), limit: .seconds(5))
        while !isCancelled {
            do throws(MessagingError) {
                let identity = "Worker|oci-hpc-storage|\(RandomIdentity.hexadecimal())"
                let link = try await connector.connectYMQ(to: endpoint, identity: identity)
                log.info("connected to object storage", metadata: ["address": "\(endpoint)"])
                backoff.reset()
                try await serve(link)
            } catch {
                report(error, endpoint)
            }
            link = nil
            connectedSince = nil
            guard (try? await sleep(for: backoff.next { .random(in: 0..<1) })) != nil else { return }
        }
    }

    private func report(_ error: MessagingError, _ endpoint: Endpoint) {
        if isCancelled { return }
        let state = requests.isEmpty ? "idle" : "\(requests.count) requests wait"
        log.warning(
            "object storage is not reachable; trying again",
            metadata: ["address": "\(endpoint)", "error": "\(error)", "state": "\(state)"]
        )
    }

    /// Sends what was not answered yet, then receives answers until the connection ends.
    private func serve(_ link: any MessageLink) async throws(MessagingError) {
        self.link = link
        connectedSince = .now
        defer { spawn { await link.close(lingering: .zero) } }
        for (_, request) in requests.sorted(by: { $0.key < $1.key }) {
            try send(request, on: link)
        }
        while true {
            let header: ObjectStorageResponse
            do {
                header = try ObjectStorageResponse.decode(await link.receive())
            } catch let error as MessagingError {
                throw error
            } catch {
                log.error("object storage sent bytes that make no sense", metadata: ["error": "\(error)"])
                return
            }
            let payload = header.payloadByteCount > 0 ? try await link.receive() : []
            settle(header, payload)
        }
    }

    private func settle(_ header: ObjectStorageResponse, _ payload: [UInt8]) {
        guard let request = requests[header.responseID] else { return }
        let isExpected = header.kind == (request.payload == nil ? .getOK : .setOK)
        guard isExpected else {
            log.error("object storage answered another question than was asked")
            return
        }
        requests[header.responseID] = nil
        request.answer = payload
        request.answered.open()
    }

    private func submit(_ request: Request) -> Request {
        lastRequestID += 1
        request.requestID = lastRequestID
        requests[lastRequestID] = request
        // A link that fails here ends in `serve`, and the request goes out on the next one.
        if let link { try? send(request, on: link) }
        return request
    }

    private func send(_ request: Request, on link: any MessageLink) throws(MessagingError) {
        if let payload = request.payload {
            let header = ObjectStorageRequest.set(
                request.objectID,
                byteCount: payload.count,
                requestID: request.requestID
            )
            try link.send([header.encoded(), payload])
        } else {
            let header = ObjectStorageRequest.get(request.objectID, requestID: request.requestID)
            try link.send([header.encoded()])
        }
    }
}
