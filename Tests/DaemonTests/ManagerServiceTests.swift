// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import Configuration
import EventLoop
import Messaging
import OCIServices
import TaskEngine
import Tasks
import TestCloud
import TestSupport
import Testing
import Transport

@testable import Daemon

@Suite(.timeLimit(.minutes(1))) struct ManagerServiceTests {
    /// Settings of an owner of its own, with a scheduler that is not there.
    private static func settings() -> Settings {
        var settings = Settings(schedulerAddress: .ipc(path: "/nonexistent/scheduler"))
        settings.ownerID = "test-\(UInt64.random(in: 0 ... .max))"
        settings.networkBackend = .ymq
        settings.compartmentID = "c"
        settings.availabilityDomains = ["ad"]
        settings.subnetIDs = ["s"]
        settings.containerImage = "i"
        settings.objectStorageNamespace = "ns"
        settings.objectStorageBucket = "b"
        return settings
    }

    private static let nameKey = NameKey(machineID: "m")

    private static func owner(_ settings: Settings) -> Owner { Owner(settings, key: nameKey) }

    @LoopActor private static func service(
        _ settings: Settings,
        _ cloud: TestCloud,
        _ host: any Host = SystemHost()
    ) -> ManagerService {
        ManagerService(
            settings: settings,
            calls: cloud.calls,
            nameKey: nameKey,
            host: host,
            network: SocketNetwork(),
            budgets: HostBudgets(memoryBytesMax: 48 << 20, diskBytesMax: 1 << 40),
            log: cloud.log.logger
        )
    }

    @Test func `of two managers of one owner the second waits until the first is gone`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let settings = Self.settings()
            var first: ManagerService? = Self.service(settings, cloud)
            #expect(await first?.becomeSole() == true)
            let second = Self.service(settings, cloud)
            let waiting = spawn { await second.becomeSole() }
            try await cloud.wait {
                cloud.log.messages.contains("info waiting for another process of this owner to end")
            }
            first = nil
            #expect(await waiting.value)
        }
    }

    @Test func `a name that a stranger holds keeps no manager down`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let stranger = NameHolder(processID: 7, userID: 65_534, ownUserID: 1000)
            #expect(await Self.service(Self.settings(), cloud, BusyHost(stranger)).becomeSole())
            let warnings = cloud.log.facts(
                of:
                    "warning a process of another user holds this manager's name, so that two of this user would "
                    + "not be noticed"
            )
            #expect(warnings.map { $0["holder"] } == ["process 7 of user 65534"])
        }
    }

    @Test func `a name that is held by one's own user keeps a second manager down`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let holder = NameHolder(processID: 7, userID: 1000, ownUserID: 1000)
            let service = Self.service(Self.settings(), cloud, BusyHost(holder))
            let waiting = spawn { await service.becomeSole() }
            try await cloud.wait {
                !cloud.log.facts(of: "info waiting for another process of this owner to end").isEmpty
            }
            waiting.cancel()
            _ = await waiting.value
            let told = cloud.log.facts(of: "info waiting for another process of this owner to end")
            #expect(told.map { $0["holder"] } == ["process 7 of user 1000"])
        }
    }

    @Test func `where the scheduler never answered a stop leaves alone what another process may run`()
        async throws
    {
        try await onLoop {
            let cloud = TestCloud()
            let settings = Self.settings()
            let service = Self.service(settings, cloud)
            let id = cloud.add(tags: Self.owner(settings).tags(of: TaskKey("aa"), generation: 0))
            try await service.cloud.takeStock()
            service.start()
            #expect(service.metrics.orphanCount == 1)
            #expect(!service.metrics.isRegistered)
            #expect(await service.stop())
            #expect(cloud[id].state == .active)
            #expect(cloud.requests(of: .deleteContainerInstance).isEmpty)
        }
    }

    @Test func `what a stop leaves is named with its number`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            var settings = Self.settings()
            settings.stopTimeout = .milliseconds(300)
            let service = Self.service(settings, cloud)
            for task in ["aa", "bb"] {
                cloud.add(task, tags: Self.owner(settings).tags(of: TaskKey(task), generation: 0))
            }
            cloud.script(.deleteContainerInstance, .serverError, count: 1000)
            try await service.cloud.takeStock()
            service.start()
            for task in ["aa", "bb"] { service.cloud.discard(TaskKey(task)) }
            #expect(await !service.stop())
            let named = cloud.log.facts(of: "error an instance stays in the cloud")
            #expect(named.compactMap { $0["instance"] }.sorted() == ["aa", "bb"])
            let sums = cloud.log.facts(
                of:
                    "error the cloud did not accept every deletion in time; the next start goes on with it, or "
                    + "reap does"
            )
            #expect(sums.map { $0["instances"] } == ["2"])
        }
    }

    @Test func `an idle manager gives memory back once after each end of work`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            let host = IdleHost()
            let service = Self.service(Self.settings(), cloud, host)
            try await service.cloud.takeStock()
            service.start()
            try await cloud.wait { host.releaseCount > 0 }
            let before = host.releaseCount
            let instances = ContainerInstances(calls: cloud.calls, compartmentID: "c")
            _ = try await instances.firstPageCount(deadline: .after(.seconds(10)))
            // The last task ends together with its last call.
            service.dispatcher.becameIdle.send()
            try await cloud.wait { host.releaseCount > before }
            // A second time would follow at once.
            for _ in 0..<1000 { await yieldToOthers() }
            #expect(host.releaseCount == before + 1)
            #expect(await service.stop())
        }
    }

    @Test func `where only the look failed no deletion is blamed`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            Self.service(Self.settings(), cloud).tellRemains()
            #expect(
                cloud.log.messages == [
                    "error it could not be seen whether anything stays in the cloud; the next start looks again, "
                        + "or reap does"
                ]
            )
        }
    }

    @Test func `without descriptors nobody is taken for a stranger`() async throws {
        try await onLoop {
            let cloud = TestCloud()
            var settings = Self.settings()
            // The time for a predecessor to end is over at once.
            settings.stopTimeout = .seconds(-10)
            let shortage = TransportError.systemCall(SystemCallError(call: "socket", number: 24), .file)
            #expect(await Self.service(settings, cloud, BusyHost(nil, shortage)).becomeSole())
            let text = "warning cannot find out whether another process does the same"
            #expect(cloud.log.messages == [text])
            #expect(cloud.log.facts(of: text).first?["error"]?.contains("Too many open files") == true)
        }
    }
}

/// A machine that counts how often memory was given back.
private final class IdleHost: Host {
    let name = "host"
    let processID: Int32 = 1
    private(set) var releaseCount = 0

    func hold(name: String) throws(TransportError) -> Bool { true }

    func holder(ofName name: String) -> NameHolder? { nil }

    func usageSampler() -> @LoopActor () -> ProcessUsage { SystemHost().usageSampler() }

    func releaseMemory() { releaseCount += 1 }
}

/// A machine on which another process holds every name.
private final class BusyHost: Host {
    let name = "host"
    let processID: Int32 = 1
    private let holder: NameHolder?
    private let problem: TransportError?

    init(_ holder: NameHolder?, _ problem: TransportError? = nil) {
        (self.holder, self.problem) = (holder, problem)
    }

    func hold(name: String) throws(TransportError) -> Bool {
        if let problem { throw problem }
        return false
    }

    func holder(ofName name: String) -> NameHolder? { holder }

    func usageSampler() -> @LoopActor () -> ProcessUsage { SystemHost().usageSampler() }

    func releaseMemory() {}
}
