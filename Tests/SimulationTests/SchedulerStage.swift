// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Messaging
import SchedulerMessages
import SchedulerPeer
import SimulatedWorld
import TestSupport

/// A simulated scheduler and its clients, with a daemon made by hand.
@LoopActor
final class SchedulerStage {
    let simulation: Simulation
    let network: SimulatedNetwork
    let book: TaskBook
    let scheduler: SimulatedScheduler
    let clients: SimulatedClients
    let settings: SchedulerSettings
    /// Whether workers send no heartbeats.
    var isSilent = false

    init(_ simulation: Simulation, _ settings: SchedulerSettings, _ workload: Workload) {
        self.simulation = simulation
        self.settings = settings
        network = SimulatedNetwork(simulation, delay: 0.001..<0.01)
        book = TaskBook(simulation)
        scheduler = SimulatedScheduler(simulation, network: network, book: book, settings: settings)
        clients = SimulatedClients(simulation, scheduler: scheduler, book: book, workload: workload)
        scheduler.start()
        clients.start()
    }

    /// A link to the scheduler, over what the settings have it speak.
    func open(_ identity: String) async throws -> any MessageLink {
        let endpoint = Endpoint.tcp(host: "10.0.0.1", port: 6378)
        return try await connectLink(
            to: endpoint,
            over: network,
            identity: Array(identity.utf8),
            limits: LinkLimits(),
            deadline: .after(.seconds(5))
        )
    }

    /// A connection to the object storage.
    func openStorage(_ identity: String) async throws -> YMQConnection {
        try await YMQConnection.connect(
            to: .tcp(host: "10.0.0.1", port: 6379),
            over: network,
            identity: Array(identity.utf8),
            deadline: .after(.seconds(5))
        )
    }

    /// A manager's heartbeat, so that workers may name its id.
    func managerHeartbeat(_ link: any MessageLink) throws {
        let heartbeat = WorkerManagerHeartbeat(
            maxTaskConcurrency: 100,
            capabilities: [],
            workerManagerID: Array("wm".utf8)
        )
        try link.send(heartbeat.encoded(for: settings.generation))
    }

    /// A worker's heartbeat.
    func workerHeartbeat(_ link: any MessageLink, queueSize: UInt32 = 100) throws {
        var heartbeat = WorkerHeartbeat()
        heartbeat.queueSize = queueSize
        heartbeat.workerManagerID = Array("wm".utf8)
        try link.send(heartbeat.encoded())
    }

    /// Sends a worker's heartbeats until the link ends or `isSilent`.
    func keepAlive(_ link: any MessageLink) {
        guard !isSilent, (try? workerHeartbeat(link)) != nil else { return }
        simulation.after(.seconds(2)) { self.keepAlive(link) }
    }

    /// Stores the result of a task as its client's object, announces it, and answers; all in memory but the messages.
    func answer(
        _ task: TaskMessage,
        _ link: any MessageLink,
        isStored: Bool = true,
        isAnnounced: Bool = true
    ) throws {
        guard case .object(let argument)? = task.arguments.first,
            let job = scheduler.storage.value(of: argument).flatMap({ SimulatedJob(argument: $0) })
        else { throw Unexpected(text: "no argument") }
        book.runStarted(job.number, in: "hand")
        book.runEnded(job.number, .result)
        let owner = argument.bytes.prefix(16)
        let object = try ObjectID(owner + task.taskID.bytes)
        if isStored { scheduler.storage.put(object, job.result) }
        let size = UInt64(job.result.count)
        let create = ObjectInstruction(created: object, user: task.source, name: "<res>", sizeInBytes: size)
        if isAnnounced { try link.send(create.encoded()) }
        let result = TaskResult(taskID: task.taskID, outcome: .success, result: object, profile: nil)
        try link.send(result.encoded())
    }
}

/// What a test did not expect.
struct Unexpected: Error {
    let text: String
}

/// How the scheduler of a test is set up.
struct StageSettings: Sendable {
    var generation = WireGeneration.second
    var transport = SchedulerSettings.Transport.ymq
    var rates: [FaultKind: Double] = [:]
    var taskCount = 0
    var scaling = SchedulerSettings.Scaling.vanilla
    var perMinute = 6000.0
    var seed: UInt64 = 1
}

/// Runs `body` in virtual time, in a process of its own, and ends it: with success if `body` returns, or if the judge named by
/// `violation` finds something wrong.
func simulate(
    _ stage: StageSettings = StageSettings(),
    violation: String? = nil,
    _ body: @escaping @LoopActor @Sendable (SchedulerStage) async throws -> Void
) -> Never {
    let time = VirtualTime(epochSeconds: 1_800_000_000) { text in
        print(text)
        exit(4)
    }
    time.install()
    spawn { @LoopActor in
        let faults = Faults(seed: stage.seed, rates: stage.rates)
        let simulation = Simulation(seed: stage.seed, time: time, faults: faults) { found in
            print("\(found)")
            fflush(nil)
            exit(found.judge == violation ? 0 : 3)
        }
        // For whoever looks into a failure: a file for the trace.
        if let path = getenv("SIMULATION_TRACE") {
            let file = creat(path, 0o644)
            dup2(file, 1)
            simulation.record.show = { print($0) }
        }
        var settings = SchedulerSettings(
            address: "10.0.0.1:6378",
            storageAddress: "10.0.0.1:6379",
            generation: stage.generation,
            transport: stage.transport
        )
        settings.scaling = stage.scaling
        let workload = Workload(
            taskCount: stage.taskCount,
            arrivals: .steady(perMinute: stage.perMinute),
            milliseconds: 10...1000,
            fillingByteCount: 0...100
        )
        do {
            try await body(SchedulerStage(simulation, settings, workload))
        } catch {
            print("\(error)")
            exit(5)
        }
        print("no violation, \(simulation.record.eventCount) events, hash \(simulation.record.hash)")
        fflush(nil)
        exit(violation == nil ? 0 : 6)
    }
    LoopExecutor.shared.run()
    exit(7)
}

/// The next message to a worker or manager; throws after ninety seconds.
@LoopActor
func next(
    _ link: any MessageLink,
    _ receiver: SchedulerMessage.Receiver = .worker
) async throws -> SchedulerMessage {
    try SchedulerMessage.decode(try await link.receive(until: .after(.seconds(90))), receiver: receiver)
}

/// The next message to a worker that is no echo.
@LoopActor
func nextOrder(_ link: any MessageLink) async throws -> SchedulerMessage {
    while true {
        let message = try await next(link)
        if case .workerHeartbeatEcho = message { continue }
        return message
    }
}

/// The next task for a worker; throws at any other order.
@LoopActor
func nextTask(_ link: any MessageLink) async throws -> TaskMessage {
    let message = try await nextOrder(link)
    guard case .task(let task) = message else { throw Unexpected(text: "\(message)") }
    return task
}

/// Throws unless `condition` holds.
func require(_ condition: Bool, _ text: String) throws {
    if !condition { throw Unexpected(text: text) }
}
