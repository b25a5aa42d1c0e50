// SPDX-License-Identifier: Apache-2.0
//
// Rule: the server forgets nothing of a connection whose identity comes back, so a reused identity receives the answers,
// and even the half-sent requests, of its former life.
// Consequence: every connection has a fresh identity, and requests that were not answered are sent again on the next one
// (both kinds may be repeated). The late answer to a request that was taken back is read and dropped.

internal import EventLoop
internal import Logging
internal import Messaging
internal import Reporting
internal import SchedulerMessages

/// One connection to Scaler's object storage at a time, reopened for ever, and the requests that go over it.
@LoopActor
final class ObjectStoreLane {
    typealias Request = ObjectStoreClient.Request

    private enum Outgoing {
        case request(UInt64)
        case check(UInt64)
    }

    private let connector: SchedulerConnector
    private let log: Logger
    private let pace: ObjectStoreConversation.Pace
    private let warning: ThrottledWarning
    /// Draws the part of each pause between two attempts to connect, from 0 to 1.
    private let random: @LoopActor () -> Double
    /// Takes what became of a request, which is not this lane's any more.
    private let completed: @LoopActor (Request, Request.Outcome) -> Void
    /// Opens when there is a use for a connection.
    private let isNeeded = Latch()
    private var endpoint: Endpoint?
    private var requests: [UInt64: Request] = [:]
    private var lastID: UInt64 = 0
    /// What the writer of the present connection has not sent yet, in order.
    private var queue: [Outgoing] = []
    private let unsent = Wakeup()
    /// Rings when the present conversation may be due earlier than it was.
    private let attention = Wakeup()
    /// Rings when there is no reason to wait before the next attempt to connect.
    private let retry = Wakeup()
    private var connection: ObjectStoreConnection?
    private var conversation: ObjectStoreConversation
    /// How many connections in a row were given up for their silence.
    private var silenceCount = 0
    /// Why the present connection is ended from here, if it is.
    private var verdict: ObjectStoreConnection.Failure?

    /// The wire generation of the server, whose release is the scheduler's as a rule.
    private(set) var generation: WireGeneration?

    init(
        connector: SchedulerConnector,
        pace: ObjectStoreConversation.Pace,
        log: Logger,
        random: @escaping @LoopActor () -> Double,
        completed: @escaping @LoopActor (Request, Request.Outcome) -> Void
    ) {
        self.connector = connector
        self.pace = pace
        self.log = log
        self.random = random
        self.completed = completed
        conversation = ObjectStoreConversation(pace, at: .now)
        warning = ThrottledWarning(
            "object storage is not reachable; trying again",
            recovery: "object storage answers again",
            log: log
        )
    }

    var isConnected: Bool { connection != nil }
    var requestCount: Int { requests.count }
    var isOpen: Bool { isNeeded.isOpen }

    /// Connects as soon as the server's address is known, whether or not there are requests.
    func open() { isNeeded.open() }

    /// The server is at this address from now on.
    func move(to endpoint: Endpoint) {
        self.endpoint = endpoint
        retry.ring()
        end(because: .moved)
    }

    /// Sends a request, now or on the next connection.
    func submit(_ request: Request) {
        lastID += 1
        request.place = (self, lastID)
        requests[lastID] = request
        isNeeded.open()
        if connection != nil { enqueue(.request(lastID)) }
    }

    /// Takes back a request.
    func drop(_ id: UInt64) {
        requests[id] = nil
        conversation.dropped(id)
    }

    private func enqueue(_ outgoing: Outgoing) {
        queue.append(outgoing)
        unsent.ring()
    }

    private func complete(_ id: UInt64, _ outcome: Request.Outcome) {
        guard let request = requests.removeValue(forKey: id) else { return }
        request.place = nil
        completed(request, outcome)
    }

    private func end(because reason: ObjectStoreConnection.Failure) {
        guard let connection else { return }
        verdict = verdict ?? reason
        spawn { await connection.close() }
    }
}

// MARK: - The connection

extension ObjectStoreLane {
    /// Keeps the connection open until cancelled.
    func run() async {
        guard (try? await isNeeded.wait()) != nil else { return }
        var backoff = Backoff(initial: .milliseconds(100), limit: .seconds(5))
        while !isCancelled {
            guard let endpoint else {
                try? await retry.wait()
                continue
            }
            let failure = await connectAndServe(endpoint, &backoff)
            if isCancelled { return }
            if endpoint != self.endpoint { continue }
            let state = requests.isEmpty ? "idle" : "\(requests.count) requests wait"
            warning.occurred(["address": "\(endpoint)", "error": "\(failure)", "state": "\(state)"])
            // A deadline that passes is what it waits for.
            try? await retry.wait(until: .after(backoff.next { random() }))
        }
    }

    /// Returns why the connection ended, or why there was none; every answer that was expected resets `backoff`.
    private func connectAndServe(
        _ endpoint: Endpoint,
        _ backoff: inout Backoff
    ) async -> ObjectStoreConnection.Failure {
        let link: YMQConnection
        do throws(MessagingError) {
            let identity = "Worker|oci-hpc-storage|\(RandomIdentity.hexadecimal())"
            link = try await connector.connectObjectStore(to: endpoint, identity: identity)
        } catch {
            return .link(error)
        }
        let connection = ObjectStoreConnection(link: link)
        if endpoint != self.endpoint {
            await connection.close()
            return .moved
        }
        log.info("connected to object storage", metadata: ["address": "\(endpoint)"])
        generation = connection.generation
        let failure = await serve(connection, &backoff)
        return verdict ?? failure
    }

    /// Sends what was not answered yet and what comes after it, and receives answers until the connection ends.
    private func serve(
        _ connection: ObjectStoreConnection,
        _ backoff: inout Backoff
    ) async -> ObjectStoreConnection.Failure {
        self.connection = connection
        verdict = nil
        conversation = ObjectStoreConversation(pace.afterSilences(silenceCount), at: .now)
        queue = requests.keys.sorted().map { .request($0) }
        let pieces = [
            spawn { await self.write(to: connection) }, spawn { await self.watch(over: connection) },
        ]
        let failure: ObjectStoreConnection.Failure
        do throws(ObjectStoreConnection.Failure) {
            while true {
                guard try await receiveAnswer(from: connection) else { continue }
                backoff.reset()
                silenceCount = 0
                warning.ended()
            }
        } catch let reason {
            failure = reason
        }
        self.connection = nil
        for request in requests.values { request.isAbsent = false }
        for piece in pieces { piece.cancel() }
        await connection.close()
        // Wake-ups have one listener: the next connection's must not wait beside these.
        for piece in pieces { await piece.value }
        return failure
    }

    /// Asks for a sign of life where answers are due, and ends a connection on which nobody gives one.
    private func watch(over connection: ObjectStoreConnection) async {
        while !isCancelled {
            switch conversation.next(at: .now) {
            case .wait(let deadline): try? await attention.wait(until: deadline)
            case .check:
                lastID += 1
                conversation.checking(lastID, at: .now)
                enqueue(.check(lastID))
            case .reconnect:
                silenceCount += 1
                return end(because: .silent)
            }
        }
    }

    private func write(to connection: ObjectStoreConnection) async {
        while !isCancelled {
            guard !queue.isEmpty else {
                guard (try? await unsent.wait()) != nil else { return }
                continue
            }
            let batch = queue
            queue = []
            for outgoing in batch { guard await send(outgoing, on: connection) else { return } }
        }
    }

    /// Sends a request that is still wanted; false if that ended the connection.
    private func send(_ outgoing: Outgoing, on connection: ObjectStoreConnection) async -> Bool {
        do throws(ObjectStoreConnection.Failure) {
            switch outgoing {
            case .check(let id):
                note(id, isGet: false)
                try connection.sendCheck(requestID: id)
            case .request(let id):
                guard let request = requests[id] else { return true }
                note(id, isGet: request.payload == nil)
                guard let payload = request.payload else {
                    try connection.sendGet(request.objectID, upTo: request.byteCountMax, requestID: id)
                    return true
                }
                try await connection.sendSet(request.objectID, to: payload, requestID: id) {
                    self.conversation.carried($0, at: .now)
                }
            }
            return true
        } catch {
            // After a message that cannot be completed only a new connection helps. A link that fails here also fails
            // in the reader, and the request goes out on the next one.
            if case .file(let error) = error, case .request(let id) = outgoing {
                complete(id, .failure(.file(error)))
            }
            await connection.close()
            return false
        }
    }

    private func note(_ id: UInt64, isGet: Bool) {
        conversation.asked(id, isGet: isGet, at: .now)
        attention.ring()
    }

    /// Takes an answer; whether somebody waited for it.
    private func receiveAnswer(
        from connection: ObjectStoreConnection
    ) async throws(ObjectStoreConnection.Failure) -> Bool {
        let header = try await connection.receiveHeader()
        let id = header.requestID
        try requireAnswer(header)
        let isAwaited = conversation.isAwaited(id)
        let conclusion = conversation.answerBegan(id, at: .now)
        for id in conclusion.absent { requests[id]?.isAbsent = true }
        for id in conclusion.missing { complete(id, .failure(.missing)) }
        attention.ring()
        let outcome = try await connection.receivePayload(
            of: header,
            isWanted: { self.requests[id] != nil },
            for: requests[id]?.holding,
            carried: { self.conversation.carried($0, at: .now) }
        )
        conversation.answerEnded(at: .now)
        switch outcome {
        case .success(let blob): complete(id, .success(blob))
        case .failure(let error): complete(id, .failure(.file(error)))
        }
        return isAwaited
    }

    /// Throws if the answer is not one to the request of its number.
    private func requireAnswer(_ header: ObjectStorageResponse) throws(ObjectStoreConnection.Failure) {
        guard let request = requests[header.requestID] else { return }
        let isGet = request.payload == nil
        guard header.kind == (isGet ? .getOK : .setOK), !isGet || header.objectID == request.objectID else {
            throw .unexpectedAnswer("it answers another question than was asked")
        }
    }
}
