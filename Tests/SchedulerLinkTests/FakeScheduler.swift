// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import Messaging
import SchedulerPeer
import TaskEngine
import TestSupport

@testable import SchedulerLink
@testable import SchedulerMessages

/// The other end of every link, in memory.
@LoopActor
final class FakeScheduler: LinkOpener {
    private let version: YMQVersion?
    private let opened = Mailbox<FakeLink>()
    /// Whether heartbeats on links to come are echoed at once.
    var echoesHeartbeats = true
    /// Whether no link can be opened.
    var isUnreachable = false
    /// All identities that were ever connected, in order.
    private(set) var identities: [String] = []

    /// A scheduler whose links tell `version`; nil tells nothing, as under ZMQ.
    init(version: YMQVersion? = nil) {
        self.version = version
    }

    func connect(to endpoint: Endpoint, identity: String) async throws(MessagingError) -> any MessageLink {
        if isUnreachable { throw .unreachable(endpoint, reason: "refused") }
        let link = FakeLink(identity, version, echoesHeartbeats: echoesHeartbeats)
        identities.append(identity)
        opened.send(link)
        return link
    }

    /// The next link that is opened.
    func accept() async throws -> FakeLink {
        try await opened.receive(until: soon)
    }
}

/// One link in memory: a test reads what was sent on it and says what comes.
@LoopActor
final class FakeLink: MessageLink {
    let identity: String
    let version: YMQVersion?
    private let echoesHeartbeats: Bool
    private let incoming = Mailbox<Result<[UInt8], MessagingError>>()
    private let sent = Mailbox<[UInt8]>()
    private let heartbeats = Mailbox<[UInt8]>()
    private(set) var isClosed = false
    /// How many heartbeats it was given.
    private(set) var heartbeatCount = 0
    /// How many messages were delivered.
    private(set) var deliveredCount = 0
    private var askedCount = 0
    private let asked = Broadcast()

    init(_ identity: String, _ version: YMQVersion?, echoesHeartbeats: Bool) {
        self.identity = identity
        self.version = version
        self.echoesHeartbeats = echoesHeartbeats
    }

    // MARK: - The daemon's end

    func send(_ messages: [[UInt8]]) throws(MessagingError) {
        if isClosed { throw .closed }
        for message in messages { take(message) }
    }

    private func take(_ message: [UInt8]) {
        switch try? SchedulerBoundMessage.decode(message) {
        case .workerHeartbeat:
            heartbeatCount += 1
            heartbeats.send(message)
            if echoesHeartbeats { deliver(Self.workerEcho()) }
        case .workerManagerHeartbeat(let heartbeat):
            heartbeats.send(message)
            let generation: WireGeneration = message == heartbeat.encoded(for: .first) ? .first : .second
            if echoesHeartbeats { deliver(WorkerManagerHeartbeatEcho().encoded(for: generation)) }
        default: sent.send(message)
        }
    }

    func receive(until deadline: Deadline) async throws(MessagingError) -> [UInt8] {
        let outcome: Result<[UInt8], MessagingError>
        askedCount += 1
        asked.send()
        do throws(WaitError) {
            outcome = try await incoming.receive(until: deadline)
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .deadlinePassed: throw .deadlinePassed
            case .closed: throw .closed
            }
        }
        return try outcome.get()
    }

    func flush(until deadline: Deadline) async throws(MessagingError) {}

    func close(lingering: Duration) async {
        isClosed = true
        incoming.close()
        sent.close()
    }

    // MARK: - The scheduler's end

    /// The next message that is no heartbeat; throws when the link was closed after the last one.
    func next() async throws -> SchedulerBoundMessage {
        try SchedulerBoundMessage.decode(try await nextBytes())
    }

    /// The same, as it stands on the wire.
    func nextBytes() async throws -> [UInt8] {
        try await sent.receive(until: soon)
    }

    /// The next heartbeat, as it stands on the wire.
    func nextHeartbeat() async throws -> [UInt8] {
        try await heartbeats.receive(until: soon)
    }

    /// Whether the daemon closed the link without another message.
    func isClosedWithoutMessage() async -> Bool {
        do throws(WaitError) { _ = try await sent.receive(until: soon) } catch { return error == .closed }
        return false
    }

    func deliver(_ message: [UInt8]) {
        deliveredCount += 1
        incoming.send(.success(message))
    }

    /// Waits until more than so many messages were delivered, and the daemon has dealt with all of them and asks for more.
    func waitUntilHeard(moreThan count: Int) async throws {
        while deliveredCount <= count || askedCount <= deliveredCount { try await asked.wait(until: soon) }
    }

    /// Ends the link, as its peer or the network does.
    func fail(_ error: MessagingError) {
        incoming.send(.failure(error))
    }

    /// Breaks the connection.
    func breakOff() { fail(.aborted(reason: "reset")) }

    /// An echo that names an object storage.
    static func workerEcho(storagePort: UInt16 = 9) -> [UInt8] {
        let address = ObjectStorageAddress(host: "127.0.0.1", port: storagePort, scheme: "tcp")
        return WorkerHeartbeatEcho(objectStorageAddress: address).encoded()
    }
}

/// Tasks that are only written down.
@LoopActor
final class RecordedTasks: TaskHandler {
    /// What was commanded and told, in order.
    private(set) var notes: [String] = []
    private let noted = Broadcast()
    var cancelAnswer = CancelAnswer.unknown
    /// How busy each worker is, by its identity.
    var loads: [String: WorkerLoad] = [:]
    /// What runs, whoever asks.
    var running: [(task: TaskID, time: Duration)] = []
    /// How often they were asked for, as for each heartbeat.
    private var loadCount = 0

    func handle(_ command: TaskCommand, from worker: any TaskOrigin) -> CancelAnswer? {
        switch command {
        case .run(let task): note("run \(task.taskID.bytes)")
        case .cancel(let id, let isForced):
            note("cancel \(id.bytes)\(isForced ? " forced" : "")")
            return cancelAnswer
        case .forgetObjects(let ids): note("forget \(ids.count)")
        }
        return nil
    }

    func handle(_ event: WorkerEvent, of worker: any TaskOrigin) {
        note("\(event)")
    }

    func load(of worker: any TaskOrigin) -> WorkerLoad {
        loadCount += 1
        noted.send()
        let none: WorkerLoad = (unansweredCount: 0, queuedCount: 0, isFull: false)
        return (worker as? WorkerSession).flatMap { loads[$0.identity] } ?? none
    }

    func runningTasks(of worker: any TaskOrigin, upTo countMax: Int) -> [(task: TaskID, time: Duration)] {
        Array(running.prefix(countMax))
    }

    private func note(_ text: String) {
        notes.append(text)
        noted.send()
    }

    /// Waits until heartbeats were made so many times more.
    func waitForLoads(_ count: Int) async throws {
        let wanted = loadCount + count
        while loadCount < wanted { try await noted.wait(until: soon) }
    }

    /// Waits until there are `count` notes.
    func waitForNotes(_ count: Int) async throws {
        while notes.count < count { try await noted.wait(until: soon) }
    }
}

extension WorkerProfile {
    /// A profile with what a test does not care about.
    static func test(
        capabilities: [SchedulerMessages.Capability] = [],
        heartbeatInterval: Duration = .milliseconds(2),
        deathTimeout: Duration = .seconds(30),
        assumedGeneration: WireGeneration? = nil
    ) -> WorkerProfile {
        WorkerProfile(
            managerID: "wm",
            hostname: "h",
            capabilities: capabilities,
            sizeNames: ["ocpus"],
            taskQueueSize: 7,
            heartbeatInterval: heartbeatInterval,
            deathTimeout: deathTimeout,
            assumedGeneration: assumedGeneration
        )
    }
}

/// An object storage client that is not connected.
@LoopActor
func unusedObjectStore(log: RecordedLog = RecordedLog()) -> ObjectStoreClient {
    let log = log.logger
    return ObjectStoreClient(
        connector: SchedulerConnector(backend: .ymq, network: SocketNetwork(), log: log),
        endpoint: nil,
        patience: .seconds(300),
        log: log
    )
}
