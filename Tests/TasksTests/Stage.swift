// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import Configuration
import Encodings
import EventLoop
import Logging
import OCIServices
import SchedulerPeer
import TaskEngine
import TaskPayload
import TestCloud
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages
@testable import Tasks

/// A worker that only writes down what it is to send to the scheduler.
@LoopActor
final class RecordedWorker: TaskOrigin {
    /// The answers, in the order in which they were given.
    private(set) var answers: [(result: TaskResult, object: ObjectInstruction)] = []
    /// Pieces of output, one for each message.
    private(set) var output: [[UInt8]] = []
    private var confirmations: [Latch] = []
    private let answered = Broadcast()

    func reply(_ result: TaskResult, announcing object: ObjectInstruction) -> Latch {
        let isRead = Latch()
        answers.append((result, object))
        confirmations.append(isRead)
        answered.send()
        return isRead
    }

    func sendOutput(_ messages: [[UInt8]]) {
        output += messages
    }

    /// The scheduler has read all answers.
    func confirm() {
        for latch in confirmations { latch.open() }
    }

    /// The answer of this number, from 0.
    func answer(_ number: Int = 0) async throws -> TaskResult {
        while answers.count <= number { try await answered.wait(until: soon) }
        return answers[number].result
    }
}

/// A dispatcher, and everything that it deals with: a cloud and Scaler's object storage in memory, and two workers.
@LoopActor
final class Stage {
    static let owner = Owner(
        machineID: "m",
        managerID: "wm",
        schedulerAddress: "tcp://h:1",
        prefix: "p",
        override: nil,
        key: NameKey(machineID: "m")
    )
    static let source = ClientID(Array("Client|1".utf8))

    let cloud: TestCloud
    let store: FakeObjectStore
    let driver: LedgerDriver
    let dispatcher: Dispatcher
    let settings: Settings
    let budgets: HostBudgets
    let worker = RecordedWorker()
    let secondWorker = RecordedWorker()
    private var work: [Spawned<Void>] = []

    /// Takes stock of what `cloud` holds, and is ready for tasks.
    init(
        _ cloud: TestCloud = TestCloud(),
        slots: Int = 2,
        budgets: HostBudgets = HostBudgets(memoryBytesMax: 48 << 20, diskBytesMax: 1 << 40),
        lostRunGrace: Duration = .seconds(3600),
        pace: ObjectStoreConversation.Pace? = nil,
        listingLag: Duration = .seconds(30),
        _ change: (inout Settings) -> Void = { _ in }
    ) async throws {
        self.cloud = cloud
        let settings = Self.settings(change)
        self.settings = settings
        self.budgets = budgets
        store = try FakeObjectStore(pace)
        var periods = CloudLedger.Periods(grace: .seconds(3600))
        periods.abandonedCreate = .milliseconds(20)
        periods.listingLag = listingLag
        driver = Self.driver(cloud, slots: slots, periods)
        dispatcher = Dispatcher(
            settings: settings,
            calls: cloud.calls,
            cloud: driver,
            instances: cloud.instances,
            objects: cloud.objects,
            storage: store.client,
            connector: store.connector,
            budgets: budgets,
            log: cloud.log.logger
        )
        for number in 0..<16 { store.put(try Self.objectID(number), [UInt8(number)]) }
        let serializer = ObjectID(owner: Self.source, tag: .serializer, md5: DigestAlgorithm.md5.digest)
        store.put(serializer, [9])
        try await driver.takeStock()
        let (driver, dispatcher) = (driver, dispatcher)
        driver.schedulerAnswers(true)
        work = [
            spawn { await driver.run() }, spawn { await dispatcher.run(lostRunGrace: lostRunGrace) },
        ]
    }

    static func settings(_ change: (inout Settings) -> Void = { _ in }) -> Settings {
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.workerManagerID = "wm"
        settings.compartmentID = "ocid1.compartment.oc1..a"
        settings.objectStorageNamespace = "ns"
        settings.objectStorageBucket = "b"
        settings.objectStoragePrefix = "p"
        settings.availabilityDomains = ["AD-1", "AD-2"]
        settings.subnetIDs = ["subnet"]
        settings.containerImage = "image"
        change(&settings)
        return settings
    }

    static func driver(_ cloud: TestCloud, slots: Int, _ periods: CloudLedger.Periods) -> LedgerDriver {
        LedgerDriver(
            owner: owner,
            instances: cloud.instances,
            objects: cloud.objects,
            slotLimit: slots,
            periods: periods,
            clock: LedgerClock { Int(LoopClock.epochSeconds) },
            log: cloud.log.logger
        )
    }

    /// Ends everything, whatever state it is in.
    func stop() {
        for piece in work { piece.cancel() }
        store.stop()
    }

    // MARK: - Tasks

    static func objectID(_ number: Int) throws -> ObjectID {
        try ObjectID([UInt8](repeating: UInt8(number), count: ObjectID.byteCount))
    }

    static func taskID(_ number: UInt8) -> TaskID { TaskID([0xA0, number]) }

    static func key(_ number: UInt8) -> TaskKey { TaskKey(taskID(number).hexadecimal) }

    /// The name of a task's result in the bucket.
    static func resultName(_ number: UInt8) -> String { owner.name(of: .result(key(number))) }

    static func task(
        _ number: UInt8,
        function: Int = 1,
        _ flags: TaskFlags = TaskFlags(),
        capabilities: [SchedulerMessages.Capability] = []
    ) throws -> TaskMessage {
        TaskMessage(
            taskID: taskID(number),
            source: source,
            metadata: flags.encoded(),
            functionObjectID: try objectID(function),
            arguments: [.object(try objectID(2))],
            capabilities: capabilities
        )
    }

    /// The scheduler sends a task to a worker.
    func send(_ task: TaskMessage, to worker: RecordedWorker? = nil) {
        _ = dispatcher.handle(.run(task), from: worker ?? self.worker)
    }

    /// The scheduler cancels a task; what it is answered.
    func cancel(_ number: UInt8, isForced: Bool, from worker: RecordedWorker? = nil) -> CancelAnswer? {
        dispatcher.handle(.cancel(Self.taskID(number), isForced: isForced), from: worker ?? self.worker)
    }

    /// Suspends until so many tasks are in a state.
    func wait(for state: TaskState, count: Int = 1) async throws {
        try await cloud.wait { self.dispatcher.countsByState[state, default: 0] == count }
    }

    /// Suspends until no task is in hand.
    func waitUntilIdle() async throws {
        try await cloud.wait { self.dispatcher.isIdle }
    }

    // MARK: - The cloud

    /// The instances of a task, oldest first.
    func instances(of number: UInt8) -> [CloudInstance] {
        cloud.records.filter { Self.owner.task(ofTags: $0.tags) == Self.key(number) }
    }

    /// How many instances exist.
    var livingCount: Int { cloud.records.count { $0.state != .deleted } }

    /// Ends a task's newest instance in the middle of its run.
    func end(
        _ number: UInt8,
        _ state: LifecycleState = .inactive,
        _ change: (inout CloudInstance) -> Void = { _ in }
    )
        throws
    {
        var instance = try #require(instances(of: number).last)
        instance.state = state
        change(&instance)
        cloud[instance.id] = instance
    }

    /// Lets a task's container store its result and end.
    func complete(_ number: UInt8, _ outcome: [UInt8] = StoredOutcome.pickle("R", [42])) throws {
        cloud.bucket[Self.resultName(number)] = outcome
        if instances(of: number).last?.state.isStopped == false { try end(number) { $0.exitCode = 0 } }
    }

    /// Lists everything at once instead of in a while, so often.
    func look(_ count: Int = 1) async throws {
        for _ in 0..<count { try await driver.takeStock() }
    }

    /// What the client reads in the exception that a task was answered with.
    func failureText(_ number: UInt8, through worker: RecordedWorker? = nil) async throws -> String {
        let worker = worker ?? self.worker
        let result = try await worker.answer()
        #expect(result.taskID == Self.taskID(number))
        #expect(result.outcome == .failed)
        let bytes = try await store.object(try #require(result.results.first))
        return String(decoding: bytes, as: UTF8.self)
    }
}
