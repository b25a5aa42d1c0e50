// SPDX-License-Identifier: Apache-2.0
//
// Client of Scaler's object storage server.
//
// Rule: a get of an object that does not exist is answered when it comes to exist, maybe never; the server
// forgets nothing of a connection whose identity comes back, so a reused identity receives the answers, and
// even the half-sent requests, of its former life.
// Consequence: every connection has a fresh identity; requests that were not answered are sent again on the
// next one (both kinds may be repeated); a caller gives up by itself, and the late answer is dropped.

package import EventLoop
package import Logging
package import Messaging
package import SchedulerMessages
package import Transport

/// Why an object could not be had or stored.
package enum ObjectStoreError: Error, Equatable {
    /// The server was connected for the whole of the timeout and did not deliver.
    case missing
    /// Its bytes could not be written to, or read from, a temporary file.
    case file(TransportError)
    case cancelled
}

/// One connection to Scaler's object storage, reopened for ever, that carries the gets and sets of all workers.
@LoopActor
package final class ObjectStoreClient {
    /// A request on its way; anyone may wait for it.
    @LoopActor
    package final class Request {
        fileprivate let objectID: ObjectID
        fileprivate let payload: Blob?
        /// What the answer is charged to.
        fileprivate let holding: Holding?
        fileprivate var requestID: UInt64 = 0
        fileprivate let answered = Latch()
        fileprivate var answer = Blob([])
        fileprivate var failure: TransportError?
        /// Whether its answer is being received, however long that takes.
        fileprivate var isArriving = false
        fileprivate var waiterCount = 0
        /// Whether it was taken back before it was answered.
        fileprivate var isAbandoned = false

        fileprivate init(_ objectID: ObjectID, payload: Blob?, for holding: Holding? = nil) {
            self.objectID = objectID
            self.payload = payload
            self.holding = holding
        }

        /// How many bytes of the answer are in memory.
        package var memoryByteCount: Int { answer.memoryByteCount }
        /// Whether the answer is in a file.
        package var isInFile: Bool { answer.byteCount > 0 && answer.memoryByteCount == 0 }
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
    package private(set) var generation: WireGeneration?

    /// Makes a client; `endpoint` is nil while it has to be learned from the scheduler.
    package init(connector: SchedulerConnector, endpoint: Endpoint?, log: Logger) {
        self.connector = connector
        self.endpoint = endpoint
        self.log = log
        if endpoint != nil { endpointKnown.open() }
    }

    /// Where the server is, as Scaler writes addresses; nil while that is not known.
    package var address: String? { endpoint?.description }

    /// Tells the address that the scheduler advertises; a configured or earlier one stays.
    package func learn(_ endpoint: Endpoint) {
        guard self.endpoint == nil else { return }
        self.endpoint = endpoint
        endpointKnown.open()
        log.info("object storage address learned from the scheduler", metadata: ["address": "\(endpoint)"])
    }

    /// Begins to read an object, charged to `holding`; the request is shared by everyone who waits for it.
    package func get(_ objectID: ObjectID, for holding: Holding? = nil) -> Request {
        submit(Request(objectID, payload: nil, for: holding))
    }

    /// Waits for a get; `timeout` counts only while the server is connected.
    package func blob(of request: Request, timeout: Duration) async throws(ObjectStoreError) -> Blob {
        if request.isAbandoned { submit(request) }
        request.waiterCount += 1
        defer { request.waiterCount -= 1 }
        while !request.answered.isOpen {
            do throws(WaitError) {
                try await request.answered.wait(until: .after(timeout))
            } catch .deadlinePassed {
                guard let connectedSince, (connectedSince + timeout).isPast, !request.isArriving else {
                    continue
                }
                requests[request.requestID] = nil
                throw .missing
            } catch {
                throw .cancelled
            }
        }
        if let failure = request.failure { throw .file(failure) }
        return request.answer
    }

    /// Takes a get back unless it was answered or somebody waits for it.
    package func abandon(_ request: Request) {
        guard request.waiterCount == 0, !request.answered.isOpen else { return }
        request.isAbandoned = true
        requests[request.requestID] = nil
    }

    /// Stores an object and waits until the server has it, however long the server is away.
    package func set(_ objectID: ObjectID, to payload: Blob) async throws(ObjectStoreError) {
        let request = submit(Request(objectID, payload: payload))
        do throws(WaitError) {
            try await request.answered.wait()
        } catch {
            requests[request.requestID] = nil
            throw .cancelled
        }
        if let failure = request.failure { throw .file(failure) }
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

    private func complete(_ request: Request, _ outcome: Result<Blob, TransportError>) {
        requests[request.requestID] = nil
        switch outcome {
        case .success(let blob): request.answer = blob
        case .failure(let error): request.failure = error
        }
        request.answered.open()
    }
}

// MARK: - The connection

extension ObjectStoreClient {
    /// Keeps the connection open until cancelled.
    package func run() async {
        guard (try? await endpointKnown.wait()) != nil, let endpoint else { return }
        var backoff = Backoff(initial: .milliseconds(100), limit: .seconds(5))
        while !isCancelled {
            let failure: ObjectStoreConnection.Failure
            do throws(MessagingError) {
                let identity = "Worker|oci-hpc-storage|\(RandomIdentity.hexadecimal())"
                let link = try await connector.connectObjectStore(to: endpoint, identity: identity)
                log.info("connected to object storage", metadata: ["address": "\(endpoint)"])
                let connection = ObjectStoreConnection(link: link)
                generation = connection.generation
                failure = await serve(connection, &backoff)
            } catch {
                failure = .link(error)
            }
            connectedSince = nil
            report(failure, endpoint)
            guard (try? await sleep(for: backoff.next { LoopRandom.number(in: 0..<1) })) != nil else {
                return
            }
        }
    }

    private func report(_ failure: ObjectStoreConnection.Failure, _ endpoint: Endpoint) {
        if isCancelled { return }
        let state = requests.isEmpty ? "idle" : "\(requests.count) requests wait"
        log.warning(
            "object storage is not reachable; trying again",
            metadata: ["address": "\(endpoint)", "error": "\(failure)", "state": "\(state)"]
        )
    }

    /// Sends what was not answered yet and what comes after it, and receives answers until the connection ends.
    ///
    /// Every answer that was expected resets `backoff`.
    private func serve(
        _ connection: ObjectStoreConnection,
        _ backoff: inout Backoff
    ) async -> ObjectStoreConnection.Failure {
        connectedSince = .now
        queue = requests.values.sorted { $0.requestID < $1.requestID }
        let writer = spawn { await self.write(to: connection) }
        let failure: ObjectStoreConnection.Failure
        do throws(ObjectStoreConnection.Failure) {
            while true {
                try await receiveAnswer(from: connection)
                backoff.reset()
            }
        } catch let reason {
            failure = reason
        }
        for request in requests.values { request.isArriving = false }
        writer.cancel()
        await connection.close()
        // `unsent` has one listener: the next connection's writer must not wait beside this one.
        await writer.value
        return failure
    }

    private func write(to connection: ObjectStoreConnection) async {
        while !isCancelled {
            guard !queue.isEmpty else {
                guard (try? await unsent.wait()) != nil else { return }
                continue
            }
            let batch = queue
            queue = []
            for request in batch where requests[request.requestID] === request {
                guard await send(request, on: connection) else { return }
            }
        }
    }

    /// Sends a request; false if that ended the connection.
    private func send(_ request: Request, on connection: ObjectStoreConnection) async -> Bool {
        do throws(ObjectStoreConnection.Failure) {
            if let payload = request.payload {
                try await connection.sendSet(request.objectID, to: payload, requestID: request.requestID)
            } else {
                try await connection.sendGet(request.objectID, requestID: request.requestID)
            }
            return true
        } catch {
            // After a message that cannot be completed only a new connection helps. A link that fails here also fails
            // in the reader, and the request goes out on the next one.
            if case .file(let error) = error { complete(request, .failure(error)) }
            await connection.close()
            return false
        }
    }

    private func receiveAnswer(
        from connection: ObjectStoreConnection
    ) async throws(ObjectStoreConnection.Failure) {
        let header = try await connection.receiveHeader()
        let request = requests[header.requestID]
        if let request {
            let isGet = request.payload == nil
            guard header.kind == (isGet ? .getOK : .setOK), !isGet || header.objectID == request.objectID
            else { throw .unexpectedAnswer("it answers another question than was asked") }
            request.isArriving = true
        }
        let outcome = try await connection.receivePayload(
            of: header,
            isWanted: request != nil,
            for: request?.holding
        )
        if let request, requests[request.requestID] === request { complete(request, outcome) }
    }
}
