// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import Configuration
import Encodings
import EventLoop
import JSON
import OCIServices
import SchedulerMessages
import TaskEngine
import TaskPayload
import TestCloud
import TestSupport
import Testing

@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct LauncherTests {
    /// A launcher for one task that is in hand already, and its cloud.
    @LoopActor
    private struct LaunchStage {
        let cloud = TestCloud()
        let driver: LedgerDriver
        let launcher: Launcher
        let size: InstanceSize
        private let work: Spawned<Void>

        init(listingLag: Duration = .milliseconds(1)) async throws {
            let settings = Stage.settings()
            var periods = CloudLedger.Periods(grace: .seconds(3600))
            periods.abandonedCreate = .milliseconds(20)
            periods.listingLag = listingLag
            let driver = Stage.driver(cloud, slots: 1, periods)
            self.driver = driver
            size = InstanceSize(settings, asked: [])
            launcher = Launcher(
                settings: settings,
                cloud: driver,
                instances: cloud.instances,
                shapeLimits: ShapeLimits(settings: settings, instances: cloud.instances),
                pauses: Placements.Pauses(hardware: .seconds(3600), others: .seconds(3600)),
                log: cloud.log.logger
            )
            try await driver.takeStock()
            work = spawn { await driver.run() }
            try await driver.obtainSlot(for: Stage.key(1), priority: 0)
            _ = driver.claim(Stage.key(1))
        }

        func stop() { work.cancel() }

        func launch() -> Spawned<Result<Launcher.Launched, TaskInterruption>> {
            let environment = RunnerEnvironment(
                taskID: Stage.taskID(1).bytes,
                namespace: "ns",
                bucket: "b",
                prefix: Stage.owner.objectPrefix,
                payload: .inline([1], isCompressed: true)
            )
            let (launcher, size) = (launcher, size)
            return spawn {
                do throws(TaskInterruption) {
                    return .success(try await launcher.launch(Stage.key(1), environment, size))
                } catch {
                    return .failure(error)
                }
            }
        }

        /// What distinguishes each create that was asked for.
        var tokens: [String?] {
            cloud.requests(of: .createContainerInstance).map { $0.fields["opc-retry-token"] }
        }

        func generations() -> [String?] { cloud.records.map { $0.tags["scaler-generation"] } }
    }

    private static func failure(_ result: Result<Launcher.Launched, TaskInterruption>) -> TaskFailure? {
        if case .failure(.failed(let failure)) = result { failure } else { nil }
    }

    private static func isCancelled(_ result: Result<Launcher.Launched, TaskInterruption>) -> Bool {
        if case .failure(.cancelled) = result { true } else { false }
    }

    @Test func `a create makes one instance, which bears the task's tags`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            let launched = try await stage.launch().value.get()
            #expect(stage.cloud.records.count == 1)
            let made = stage.cloud[launched.instance.id]
            for (name, value) in Stage.owner.tags(of: Stage.key(1), generation: 0) {
                #expect(made.tags[name] == value)
            }
            #expect(made.environment["TASK_ID"] == Stage.key(1).digits)
            #expect(launched.workRequestID == made.workRequestID)
            #expect(launched.placement?.availabilityDomain == "AD-1")
            #expect(stage.driver.nextGeneration(of: Stage.key(1)) == 1)
        }
    }

    @Test func `a create whose answer is lost is repeated in the same place, and makes one instance`()
        async throws
    {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .lost, .serverError, .throttled, .lost)
            let launched = try await stage.launch().value.get()
            #expect(stage.cloud.records.map(\.id) == [launched.instance.id])
            #expect(stage.tokens.count >= 5)
            #expect(Set(stage.tokens).count == 1)
            let bodies = stage.cloud.requests(of: .createContainerInstance).map(\.body)
            #expect(Set(bodies).count == 1)
        }
    }

    @Test func `an answer that names a deleted instance raises the generation`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .held)
            stage.cloud.firstState = .deleted
            let launch = stage.launch()
            try await stage.cloud.wait { stage.cloud.records.count == 1 }
            stage.cloud.firstState = .creating
            stage.cloud.release(.createContainerInstance)
            let launched = try await launch.value.get()
            #expect(stage.generations() == ["0", "1"])
            #expect(launched.instance.id == stage.cloud.records[1].id)
            #expect(launched.instance.generation == 1)
            #expect(Set(stage.tokens).count == 2)
        }
    }

    @Test func `an instance that a listing has shown by then is taken instead of making another`()
        async throws
    {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            let id = stage.cloud.add(tags: Stage.owner.tags(of: Stage.key(1), generation: 0))
            try await stage.driver.takeStock()
            let launched = try await stage.launch().value.get()
            #expect(launched.instance.id == id)
            #expect(stage.tokens.isEmpty)
        }
    }

    @Test func `a task whose instances are all deleted at once fails`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.firstState = .deleted
            let result = await stage.launch().value
            #expect(Self.failure(result) == .deletedLaunch(stage.cloud.records.count))
            #expect(Set(stage.generations()).count == stage.cloud.records.count)
        }
    }

    @Test func `where there is no room the next place is tried, under another token`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .outOfHostCapacity)
            let launched = try await stage.launch().value.get()
            #expect(launched.placement?.availabilityDomain == "AD-2")
            #expect(stage.cloud.records.map(\.availabilityDomain) == ["AD-2"])
            #expect(stage.tokens.count == 2)
            #expect(Set(stage.tokens).count == 2)
        }
    }

    @Test func `a create refused for want of room after a lost answer goes on with what that has made`()
        async throws
    {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .lost, .outOfHostCapacity, .outOfHostCapacity)
            let launched = try await stage.launch().value.get()
            #expect(stage.cloud.records.map(\.id) == [launched.instance.id])
            #expect(Set(stage.tokens).count == 1)
        }
    }

    @Test func `a create refused for want of room that has made nothing goes on elsewhere`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(
                .createContainerInstance,
                .serverError,
                .outOfHostCapacity,
                .outOfHostCapacity
            )
            let launched = try await stage.launch().value.get()
            #expect(launched.placement?.availabilityDomain == "AD-2")
            #expect(stage.cloud.records.count == 1)
        }
    }

    @Test func `a task cancelled after a lost answer keeps its slot, whatever the next call was told`()
        async throws
    {
        try await onLoop {
            let stage = try await LaunchStage(listingLag: .seconds(3600))
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .lost, .outOfHostCapacity, .outOfHostCapacity)
            let launch = stage.launch()
            try await stage.cloud.request(.createContainerInstance, count: 3)
            launch.cancel()
            #expect(Self.isCancelled(await launch.value))
            stage.driver.release(Stage.key(1), isAnswered: false)
            #expect(!stage.driver.hasFreeSlot)
        }
    }

    @Test func `a refusal after a lost answer leads to what that has made`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .lost, .forbidden)
            let launched = try await stage.launch().value.get()
            #expect(stage.cloud.records.map(\.id) == [launched.instance.id])
        }
    }

    @Test func `a refusal by the last place after a lost answer leaves the slot to what that may have made`()
        async throws
    {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .forbidden, .lost, .forbidden, .forbidden)
            let failure = Self.failure(await stage.launch().value)
            #expect(failure?.exception == .permissionError)
            stage.driver.release(Stage.key(1), isAnswered: false)
            #expect(!stage.driver.hasFreeSlot)
        }
    }

    @Test func `an answer that tells of an instance as it was long ago raises the generation`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            let past = JSON.strings([
                ("id", "gone"), ("lifecycleState", "CREATING"), ("timeCreated", "2020-01-01T00:00:00Z"),
            ])
            let date = HTTPDate.format(secondsSinceEpoch: Int(LoopClock.epochSeconds))
            stage.cloud.script(
                .createContainerInstance,
                .refusal(CloudAnswer(200, fields: [("date", date)], past))
            )
            let launched = try await stage.launch().value.get()
            #expect(stage.cloud.records.map(\.id) == [launched.instance.id])
            #expect(stage.generations() == ["1"])
        }
    }

    /// Each refusal was once counted as an instance that is deleted at once.
    @Test func `a task waits for room however often there is none`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .limitExceeded, count: 30)
            let launch = stage.launch()
            for count in 2...30 {
                try await stage.cloud.request(.createContainerInstance, count: count)
                try await stage.cloud.wait { stage.launcher.queue.waitingCount == 1 }
                stage.launcher.queue.roomFreed()
            }
            _ = try await launch.value.get()
            #expect(stage.cloud.records.count == 1)
        }
    }

    @Test func `where no place has room the task waits, and a cancel ends that`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .outOfHostCapacity, .limitExceeded)
            let launch = stage.launch()
            try await stage.cloud.wait { stage.launcher.queue.waitingCount == 1 }
            #expect(stage.tokens.count == 2)
            stage.launcher.queue.roomFreed()
            _ = try await launch.value.get()
            #expect(stage.cloud.records.map(\.availabilityDomain) == ["AD-2"])

            let second = stage.launch()
            try await stage.cloud.wait { stage.launcher.queue.waitingCount == 1 }
            second.cancel()
            #expect(Self.isCancelled(await second.value))
            #expect(stage.launcher.queue.waitingCount == 0)
        }
    }

    @Test func `a refusal fails the task with the policy that may be missing`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .forbidden, .forbidden)
            let failure = Self.failure(await stage.launch().value)
            #expect(failure?.exception == .permissionError)
            #expect(failure?.text.contains("OCI refused to create the task's container instance") == true)
            #expect(failure?.text.contains("Allow group <group> to manage compute-container") == true)
            #expect(stage.cloud.records.isEmpty)
        }
    }

    @Test(arguments: [CloudFault.forbidden, .notFound])
    func `a place that refuses is set aside for the next, and a task fails only when all refuse`(
        _ refusal: CloudFault
    ) async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, refusal)
            let launched = try await stage.launch().value.get()
            #expect(launched.placement?.availabilityDomain == "AD-2")
            let told = stage.cloud.log.facts(of: "warning a place refuses instances; it is tried again later")
            #expect(told.map { $0["place"] } == ["CI.Standard.E4.Flex in AD-1 in subnet"])
            #expect(told.first?["error"]?.contains("Allow group") == true)
        }
    }

    @Test func `what was taken before and is refused everywhere is waited for`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            let launched = try await stage.launch().value.get()
            _ = stage.driver.giveUpInstance(of: Stage.key(1))
            stage.cloud.script(.createContainerInstance, .notFound, .notFound)
            let launch = stage.launch()
            try await stage.cloud.wait { stage.launcher.queue.waitingCount == 1 }
            #expect(stage.tokens.count == 3)
            #expect(launched.placement?.availabilityDomain == "AD-1")
            launch.cancel()
            #expect(Self.isCancelled(await launch.value))
        }
    }

    @Test func `a token that belongs to another create leads to what that has made`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            let id = stage.cloud.add(tags: Stage.owner.tags(of: Stage.key(1), generation: 0), .creating)
            stage.cloud.script(.createContainerInstance, .invalidatedRetryToken)
            let launched = try await stage.launch().value.get()
            #expect(launched.instance.id == id)
            #expect(launched.placement == nil)
            #expect(launched.workRequestID == nil)
            #expect(stage.cloud.records.count == 1)
        }
    }

    @Test func `a token that is used up, with no instance to show for it, raises the generation`()
        async throws
    {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .invalidatedRetryToken)
            let launched = try await stage.launch().value.get()
            #expect(stage.generations() == ["1"])
            #expect(launched.instance.generation == 1)
            #expect(!stage.cloud.requests(of: .listContainerInstances).isEmpty)
        }
    }

    @Test func `a create under way when the task is cancelled still tells what it made`() async throws {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .held)
            let launch = stage.launch()
            try await stage.cloud.request(.createContainerInstance)
            launch.cancel()
            await yieldToOthers()
            stage.cloud.release(.createContainerInstance)
            #expect(try await launch.value.get().instance.id == stage.cloud.records[0].id)
        }
    }

    @Test func `a create that is abandoned without an answer holds its slot until what it made is deleted`()
        async throws
    {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            stage.cloud.script(.createContainerInstance, .lost, count: 10_000)
            let launch = stage.launch()
            try await stage.cloud.request(.createContainerInstance, count: 2)
            launch.cancel()
            #expect(Self.isCancelled(await launch.value))
            stage.driver.release(Stage.key(1), isAnswered: false)
            #expect(!stage.driver.hasFreeSlot)
            try await stage.driver.takeStock()
            try await stage.cloud.wait { stage.cloud.records[0].state == .deleted }
            try await sleep(for: .milliseconds(20))
            try await stage.driver.takeStock()
            try await stage.cloud.wait { stage.driver.hasFreeSlot }
            #expect(stage.cloud.records.count == 1)
        }
    }

    @Test func `a size that no instance can have fails the task, and the limits are asked for once`()
        async throws
    {
        try await onLoop {
            let stage = try await LaunchStage()
            defer { stage.stop() }
            let shapes = """
                {"items":[{"name":"CI.Standard.E4.Flex","ocpuOptions":{"min":1,"max":64},
                "memoryOptions":{"minInGBs":1,"maxInGBs":1024}}]}
                """
            stage.cloud.script(
                .listContainerInstanceShapes,
                .refusal(CloudAnswer(200, bytes: Array(shapes.utf8)))
            )
            let usual = try await stage.launcher.size(of: try Stage.task(1))
            #expect(usual == stage.size)
            #expect(stage.cloud.requests(of: .listContainerInstanceShapes).isEmpty)
            let fitting = try Stage.task(1, capabilities: [Capability(name: "ocpus", value: 8)])
            #expect(try await stage.launcher.size(of: fitting).ocpus == 8)
            let large = try Stage.task(1, capabilities: [Capability(name: "ocpus", value: 100)])
            do throws(TaskInterruption) {
                _ = try await stage.launcher.size(of: large)
                Issue.record("it has a size")
            } catch {
                guard case .failed(let failure) = error else { return }
                #expect(failure.text.contains("CI.Standard.E4.Flex has 1 to 64 OCPUs, not 100"))
            }
            #expect(stage.cloud.requests(of: .listContainerInstanceShapes).count == 1)
        }
    }
}
