// SPDX-License-Identifier: Apache-2.0
//
// Client of Scaler's object storage server.
//
// Rule: the server answers the requests of one connection in order, so a small one waits behind all that were asked
// before; and how large an object is, only its answer tells. A get names the most bytes that are wanted.
// Consequence: there are two lanes. Every get asks the first one for a small number of bytes; an object that has as many
// is asked for as a whole on the second one, where large sets go, too. So small requests wait for small ones only, and a
// large object costs one small answer more.
// Rejected: a connection for each large object, for a server has a thread or less for all of them.

package import EventLoop
package import Logging
package import Messaging
internal import Reporting
package import SchedulerMessages
internal import TaskEngine
package import Transport

/// Why an object could not be had or stored.
package enum ObjectStoreError: Error, Equatable {
    /// The server has said that it does not have it; it may still come.
    case absent
    /// The server has not had it for the whole of its patience.
    case missing
    /// Its bytes could not be written to, or read from, a temporary file.
    case file(TransportError)
    case cancelled
}

/// The connections to Scaler's object storage, reopened for ever, that carry the gets and sets of all workers.
@LoopActor
package final class ObjectStoreClient {
    /// A request on its way; anyone may wait for it.
    @LoopActor
    package final class Request {
        typealias Outcome = Result<Blob, ObjectStoreError>

        let objectID: ObjectID
        let payload: Blob?
        /// What the answer is charged to.
        let holding: Holding?
        /// Of a get, most bytes that whoever asked wants.
        private let wantedByteCountMax: UInt64
        /// The same, as it is asked for now.
        fileprivate(set) var byteCountMax: UInt64
        /// Where it is on its way, and its number there.
        var place: (lane: ObjectStoreLane, id: UInt64)?
        /// Whether the server has said on its present connection that there is no such object.
        var isAbsent = false { didSet { if isAbsent { changed.send() } } }
        fileprivate var outcome: Outcome? { didSet { changed.send() } }
        fileprivate let changed = Broadcast()
        fileprivate var waiterCount = 0
        /// Whether it was taken back before it was answered.
        fileprivate var isAbandoned = false

        fileprivate init(
            _ objectID: ObjectID,
            payload: Blob?,
            upTo byteCountMax: UInt64 = .max,
            for holding: Holding? = nil
        ) {
            self.objectID = objectID
            self.payload = payload
            self.holding = holding
            wantedByteCountMax = byteCountMax
            self.byteCountMax = 0
            askForLittle()
        }

        /// Asks for few bytes at first.
        fileprivate func askForLittle() {
            byteCountMax = min(wantedByteCountMax, UInt64(ObjectStoreClient.smallBytesMax))
        }

        /// Asks for all that is wanted, if the answer was so large that there may be more; false if not.
        fileprivate func asksForMore(than byteCount: Int) -> Bool {
            guard UInt64(byteCount) == byteCountMax, byteCountMax < wantedByteCountMax else { return false }
            byteCountMax = wantedByteCountMax
            return true
        }

        /// How many bytes of the answer are in memory.
        package var memoryByteCount: Int { blob?.memoryByteCount ?? 0 }
        /// Whether the answer is in a file.
        package var isInFile: Bool { blob.map { $0.byteCount > 0 && $0.memoryByteCount == 0 } ?? false }

        private var blob: Blob? { try? outcome?.get() }
    }

    /// Objects below this size travel on the first lane.
    nonisolated static let smallBytesMax = 64 * 1024

    /// So often in a row a new address is followed at once, and once in 10 s afterwards: an echo that names it comes again.
    static let moveBurst = 8
    /// No host has a longer name (RFC 1035 section 2.3.4).
    private static let hostBytesMax = 253

    private let log: Logger
    private let implausible: ThrottledWarning
    private let isConfigured: Bool
    private var endpoint: Endpoint?
    private let started = Deadline.now
    private var moves = BurstPace(burst: moveBurst - 1, interval: .seconds(10))
    /// When a new address is followed next, since `started`.
    private var nextMove = Duration.zero
    private let connector: SchedulerConnector
    private let pace: ObjectStoreConversation.Pace
    private let random: @LoopActor () -> Double
    private lazy var small = makeLane()
    private lazy var bulk = makeLane()

    /// Makes a client; `endpoint` is nil while it has to be learned from the scheduler, `patience` is how long an object may
    /// be absent before it is missing.
    package convenience init(
        connector: SchedulerConnector,
        endpoint: Endpoint?,
        patience: Duration,
        log: Logger
    ) {
        self.init(
            connector: connector,
            endpoint: endpoint,
            pace: ObjectStoreConversation.Pace(patience: patience),
            log: log
        )
    }

    /// The same at a pace, and with pauses between attempts to connect of which `random` draws the part, from 0 to 1.
    init(
        connector: SchedulerConnector,
        endpoint: Endpoint?,
        pace: ObjectStoreConversation.Pace,
        log: Logger,
        random: @escaping @LoopActor () -> Double = { LoopRandom.number(in: 0..<1) }
    ) {
        self.random = random
        self.connector = connector
        self.pace = pace
        self.log = log
        implausible = ThrottledWarning(
            "the scheduler names a storage that no name server could know; the address is ignored",
            recovery: "the scheduler names a storage that there may be",
            log: log
        )
        isConfigured = endpoint != nil
        if let endpoint { move(to: endpoint) }
    }

    private func makeLane() -> ObjectStoreLane {
        ObjectStoreLane(connector: connector, pace: pace, log: log, random: random) { [unowned self] in
            completed($0, $1)
        }
    }

    /// Keeps the connections open until cancelled.
    package func run() async {
        let other = spawn { await self.bulk.run() }
        await small.run()
        other.cancel()
        await other.value
    }

    /// The wire generation of the server, whose release is the scheduler's as a rule.
    package var generation: WireGeneration? { small.generation }

    /// How it stands with the connections.
    package var report: StorageReport {
        let lanes = [small, bulk]
        var report = StorageReport()
        report.address = address
        report.connectionCount = lanes.count { $0.isConnected }
        report.requestCount = lanes.reduce(0) { $0 + $1.requestCount }
        report.isNeeded = lanes.contains { $0.isOpen }
        return report
    }

    /// Where the server is, as Scaler writes addresses; nil while that is not known.
    package var address: String? { endpoint?.description }

    /// Tells the address that the scheduler advertises now; a configured one stays.
    package func learn(_ endpoint: Endpoint) {
        if isConfigured || endpoint == self.endpoint { return }
        if case .tcp(let host, _) = endpoint, host.utf8.count > Self.hostBytesMax {
            return implausible.occurred(["hostBytes": "\(host.utf8.count)"])
        }
        implausible.ended()
        let now = Deadline.now.duration(since: started)
        guard nextMove <= now else { return }
        nextMove = moves.next(at: now)
        log.info("object storage address learned from the scheduler", metadata: ["address": "\(endpoint)"])
        move(to: endpoint)
    }

    private func move(to endpoint: Endpoint) {
        self.endpoint = endpoint
        for lane in [small, bulk] { lane.move(to: endpoint) }
        small.open()
    }

    /// Begins to read an object, or its first bytes, charged to `holding`; the request is shared by everyone who waits for it.
    package func get(
        _ objectID: ObjectID,
        upTo byteCountMax: UInt64 = .max,
        for holding: Holding? = nil
    ) -> Request {
        let request = Request(objectID, payload: nil, upTo: byteCountMax, for: holding)
        small.submit(request)
        return request
    }

    /// Waits for a get; throws `absent` as soon as the server says that there is no such object, although it may come.
    package func blob(of request: Request) async throws(ObjectStoreError) -> Blob {
        try await wait(for: request) { $0.isAbsent }
        if let outcome = request.outcome { return try outcome.get() }
        throw .absent
    }

    /// Waits for a get as long as it may still bring the object; throws what it ends with.
    package func waitUntilSettled(_ request: Request) async throws(ObjectStoreError) {
        try await wait(for: request) { _ in false }
        _ = try request.outcome?.get()
    }

    private func wait(
        for request: Request,
        orUntil isEnough: (Request) -> Bool
    ) async throws(ObjectStoreError) {
        if request.isAbandoned {
            request.isAbandoned = false
            small.submit(request)
        }
        request.waiterCount += 1
        defer { request.waiterCount -= 1 }
        while request.outcome == nil, !isEnough(request) {
            do throws(WaitError) { try await request.changed.wait() } catch { throw .cancelled }
        }
    }

    /// Takes a get back unless it was answered or somebody waits for it.
    package func abandon(_ request: Request) {
        guard request.waiterCount == 0, request.outcome == nil else { return }
        request.isAbandoned = true
        takeBack(request)
    }

    /// Stores an object and waits until the server has it, however long the server is away.
    package func set(_ objectID: ObjectID, to payload: Blob) async throws(ObjectStoreError) {
        let request = Request(objectID, payload: payload)
        (payload.byteCount < Self.smallBytesMax ? small : bulk).submit(request)
        do throws(ObjectStoreError) {
            try await waitUntilSettled(request)
        } catch {
            if error == .cancelled { takeBack(request) }
            throw error
        }
    }

    private func takeBack(_ request: Request) {
        request.place?.lane.drop(request.place?.id ?? 0)
        request.place = nil
        request.isAbsent = false
        request.askForLittle()
    }

    /// Takes what became of a request; an object that fills its small answer may be larger.
    private func completed(_ request: Request, _ outcome: Request.Outcome) {
        if case .success(let blob) = outcome, request.payload == nil,
            request.asksForMore(than: blob.byteCount)
        {
            return bulk.submit(request)
        }
        request.isAbsent = false
        request.outcome = outcome
    }
}
