// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop
internal import SchedulerMessages
internal import TestSupport
internal import Transport

/// The clients of a scheduler, one after the other: each stores a function and its tasks' arguments, submits, cancels some,
/// fetches the results, and leaves when all its tasks have ended.
///
/// When the scheduler goes down, each task that it had not answered is unwanted, and comes again under a new number from a
/// new client: that is what users do.
@LoopActor
package final class SimulatedClients {
    /// One client and what it owns.
    private final class Client {
        let id: ClientID
        let digest: [UInt8]
        let function: ObjectID
        var objects: [ObjectID]
        var submittedCount = 0
        /// Its tasks that have not ended.
        var openTasks: Set<UInt64> = []
        /// Whether it submits no more.
        var isClosing = false

        @LoopActor
        init(number: Int, seed: UInt64) {
            let name = stableHash("client \(number)".utf8, from: seed)
            let (high, low) = (
                Hexadecimal.encode(bigEndianBytes(name)), Hexadecimal.encode(bigEndianBytes(mix(name)))
            )
            id = ClientID("Client|\(high)\(low)".utf8)
            digest = DigestAlgorithm.md5.digest(id.bytes)
            function = Self.object(of: digest, high: 0, low: 0)
            objects = [function, Self.serializer(of: digest)]
        }

        /// The object of a client with a tag that no other object of the run has.
        static func object(of digest: [UInt8], high: UInt64, low: UInt64) -> ObjectID {
            ObjectID(owner: ClientID([]), tag: ObjectTag(high: mix(high ^ 0xF00D), low: mix(low))) { _ in
                digest
            }
        }

        static func serializer(of digest: [UInt8]) -> ObjectID {
            ObjectID(owner: ClientID([]), tag: .serializer) { _ in digest }
        }
    }

    private let simulation: Simulation
    private let scheduler: SimulatedScheduler
    private let book: TaskBook
    private let workload: Workload
    private var arrivals: SeededRandom
    private var client: Client?
    private var owners: [UInt64: Client] = [:]
    private var clientCount = 0
    /// Tasks that come as soon as the scheduler is there.
    private var dueCount = 0
    /// Tasks of the workload whose time has come.
    private var arrivedCount = 0
    /// The number of the next task.
    private var nextNumber: UInt64 = 0

    /// Whether all tasks were submitted and have ended, one way or the other.
    package var isDone: Bool { arrivedCount == workload.taskCount && dueCount == 0 && owners.isEmpty }
    /// How many tasks were submitted so far, those that came again among them.
    package var submittedCount: UInt64 { nextNumber }

    /// Whether all tasks of the workload have come.
    package var hasSubmittedAll: Bool { arrivedCount == workload.taskCount && dueCount == 0 }

    /// Clients that submit nothing yet; only one such object may belong to a scheduler.
    package init(
        _ simulation: Simulation,
        scheduler: SimulatedScheduler,
        book: TaskBook,
        workload: Workload
    ) {
        self.simulation = simulation
        self.scheduler = scheduler
        self.book = book
        self.workload = workload
        arrivals = simulation.generator("arrivals")
        scheduler.onReply = { [unowned self] number in ended(number) }
        scheduler.onDown = { [unowned self] in schedulerWentDown() }
        scheduler.onUp = { [unowned self] in submitDue() }
        scheduler.onSwallowed = { [unowned self] number in cancel(number) }
    }

    /// Begins to submit.
    package func start() { scheduleArrival() }

    /// Submits a number of tasks beyond the workload.
    package func submitMore(_ count: Int) {
        dueCount += count
        submitDue()
    }

    /// Cancels every task that has not ended.
    package func cancelAll() { for number in owners.keys.sorted() { cancel(number) } }

    // MARK: - Arrivals

    private func scheduleArrival() {
        guard arrivedCount < workload.taskCount else { return }
        let (count, seconds): (Int, Double) =
            switch workload.arrivals {
            case .steady(let perMinute): (1, 60 / perMinute * exponential())
            case .bursts(let size, let pause):
                (.random(in: size, using: &arrivals), .random(in: pause, using: &arrivals))
            }
        simulation.after(.seconds(seconds)) { [unowned self] in
            let count = min(count, workload.taskCount - arrivedCount)
            arrivedCount += count
            dueCount += count
            submitDue()
            scheduleArrival()
        }
    }

    /// A waiting time whose mean is 1; at most 10.
    private func exponential() -> Double {
        let share = Double.random(in: 0x1p-20..<1, using: &arrivals)
        // -ln(share) without a mathematical library: share = m * 2^e, and ln(m) by its series around 1.
        let mantissa = share.significand / 1.5 - 1
        let series = mantissa * (1 - mantissa * (0.5 - mantissa * (1.0 / 3 - mantissa * 0.25)))
        return min(10, -(series + 0.405_465_1 + 0.693_147_2 * Double(share.exponent)))
    }

    private func submitDue() {
        while dueCount > 0, scheduler.isUp {
            dueCount -= 1
            submit()
        }
        if dueCount == 0, arrivedCount == workload.taskCount, let client { close(client) }
    }

    // MARK: - Tasks

    private func submit() {
        let client = presentClient()
        let number = nextNumber
        nextNumber += 1
        var chance = SeededRandom(seed: mix(simulation.seed ^ mix(number ^ 0x7A51)))
        let job = SimulatedJob(
            number: number,
            milliseconds: skewed(workload.milliseconds, &chance),
            fillingByteCount: isLarge(number)
                ? 1_100_000 + Int(number % 7) * 100_000 : Int(skewed(workload.fillingByteCount, &chance))
        )
        let submission = Submission(
            job: job,
            id: scheduler.names.name(of: number),
            source: client.id,
            function: client.function,
            argument: Client.object(of: client.digest, high: 1, low: number),
            flags: flags(&chance)
        )
        scheduler.storage.put(submission.argument, job.argument)
        client.objects.append(submission.argument)
        client.openTasks.insert(number)
        client.submittedCount += 1
        owners[number] = client
        book.submitted(job)
        simulation.note(
            "clients",
            "submit",
            "task \(number), \(job.milliseconds) ms, \(job.fillingByteCount) bytes"
        )
        scheduler.submit(submission, clientDigest: client.digest)
        scheduleCancel(of: job)
        if client.submittedCount >= workload.tasksPerClient { close(client) }
    }

    private func isLarge(_ number: UInt64) -> Bool {
        var chance = SeededRandom(seed: mix(simulation.seed ^ mix(number ^ 0xB16)))
        return Double.random(in: 0..<1, using: &chance) < workload.largeShare
    }

    private func flags(_ chance: inout SeededRandom) -> TaskFlags {
        let isStreamed = Double.random(in: 0..<1, using: &chance) < workload.streamedShare
        let priority = Int32.random(in: 0...workload.priorityMax, using: &chance)
        return TaskFlags(profiling: false, priority: priority, streamOutput: isStreamed)
    }

    /// A number of a range; the square of an even draw, so that most are small.
    private func skewed<Number: BinaryInteger>(
        _ range: ClosedRange<Number>,
        _ chance: inout SeededRandom
    ) -> Number {
        let share = Double.random(in: 0..<1, using: &chance)
        return range.lowerBound + Number(Double(range.upperBound - range.lowerBound) * share * share)
    }

    private func scheduleCancel(of job: SimulatedJob) {
        guard let share = simulation.faults.draw(.clientCancels, job.number) else { return }
        let milliseconds = Double(job.milliseconds + workload.cancelSpreadMilliseconds) * share
        simulation.after(.milliseconds(Int64(milliseconds))) { [unowned self] in cancel(job.number) }
    }

    private func cancel(_ number: UInt64) {
        guard owners[number] != nil else { return }
        simulation.note("clients", "cancel", "task \(number)")
        book.unwanted(number)
        scheduler.cancel(number)
    }

    private func ended(_ number: UInt64) {
        guard let client = owners.removeValue(forKey: number) else { return }
        client.openTasks.remove(number)
        leaveIfDone(client)
    }

    // MARK: - Clients

    private func presentClient() -> Client {
        if let client { return client }
        clientCount += 1
        let client = Client(number: clientCount, seed: simulation.seed)
        scheduler.storage.put(client.function, SimulatedJob.function)
        scheduler.storage.put(client.objects[1], Self.serializer)
        self.client = client
        return client
    }

    private func close(_ closing: Client) {
        closing.isClosing = true
        if client === closing { client = nil }
        leaveIfDone(closing)
    }

    private func leaveIfDone(_ client: Client) {
        guard client.isClosing, client.openTasks.isEmpty else { return }
        simulation.note("clients", "leave", "\(client.id)")
        scheduler.clear(client.id, client.objects)
        client.objects = []
    }

    /// Futures of a scheduler that is gone never end: their users give up, and begin anew with another client.
    private func schedulerWentDown() {
        var given: [Client] = client.map { [$0] } ?? []
        client = nil
        for number in owners.keys.sorted() {
            guard let owner = owners.removeValue(forKey: number) else { continue }
            book.unwanted(number)
            dueCount += 1
            if !given.contains(where: { $0 === owner }) { given.append(owner) }
        }
        for client in given {
            client.openTasks = []
            scheduler.forget(client.id, client.objects)
        }
    }

    /// The serializer that the usual client stores: its default one, by reference (scaler-wire, 6).
    private static let serializer =
        Hexadecimal.decode(
            "8005953d000000000000008c207363616c65722e636c69656e742e73657269616c697a65722e64656661756c7494"
                + "8c1144656661756c7453657269616c697a65729493942981942e"
        ) ?? []
}
