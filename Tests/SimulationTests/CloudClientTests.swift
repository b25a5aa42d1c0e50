// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import OCIProfile
import OCIServices
import OCISigning
import TaskPayload
import TestSupport
import Testing
import Transport

@testable import SimulatedWorld

/// Ends the process unless it is true.
private func check(_ isTrue: Bool, _ text: String = "", line: UInt = #line) {
    precondition(isTrue, "line \(line) \(text)")
}

/// The daemon's own clients and the simulated cloud, over the simulated network and in virtual time.
@Suite(.timeLimit(.minutes(2))) struct CloudClientTests {
    @LoopActor private static func calls(_ bench: CloudBench) throws -> ServiceCalls {
        ServiceCalls(
            exchange: SignedExchange(
                client: HTTPClient(connector: bench.network),
                endpoints: Endpoints.region(Region.resolve(SimulatedCloud.region)),
                userAgent: "test"
            ),
            credentials: APIKeyCredentials(
                SigningIdentity(keyID: try KeyIdentity.token("abc"), key: try RSAKey()),
                tenancyID: nil
            ),
            requestsPerSecondMax: bench.settings.requestsPerSecond
        ) { _ in }
    }

    /// Runs `body` as code of a process of the daemon.
    @LoopActor private static func asProcess(
        _ body: @escaping @LoopActor @Sendable () async throws -> Void
    ) async throws {
        let process = SimulatedProcess(random: SeededRandom(seed: 3))
        let isDone = Latch()
        process.run {
            spawn {
                do { try await body() } catch { preconditionFailure("\(error)") }
                isDone.open()
            }
        }
        try await isDone.wait()
    }

    @Test func `the daemon's clients do all they do`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run { bench in
                try await Self.asProcess {
                    let calls = try Self.calls(bench)
                    try await Self.useObjects(bench, calls)
                    try await Self.useInstances(bench, calls)
                }
                bench.cloud.judgeAtRest()
            }
        }
    }

    @Test func `the daemon's clients get through a storm`() async {
        await #expect(processExitsWith: .success) {
            let rates: [FaultKind: Double] = [
                .throttled: 0.2, .serverError: 0.2, .requestLost: 0.05, .answerLost: 0.05, .answerCut: 0.05,
                .connectRefused: 0.05, .slow: 0.05,
            ]
            CloudBench.run(faults: rates) { bench in
                try await Self.asProcess {
                    let calls = try Self.calls(bench)
                    for _ in 0..<5 { try await Self.useObjects(bench, calls) }
                }
                check(bench.simulation.faults.struck.count > 10)
            }
        }
    }

    @Test func `a clock that is off is set right`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run { bench in
                try await Self.asProcess {
                    let calls = try Self.calls(bench)
                    bench.simulation.time.wallOffset += 3600 * 1_000_000_000
                    try await Self.useObjects(bench, calls)
                    check(abs(calls.clockOffsetSeconds + 3600) <= 2, "\(calls.clockOffsetSeconds)")
                }
            }
        }
    }

    @LoopActor private static func useObjects(_ bench: CloudBench, _ calls: ServiceCalls) async throws {
        let objects = ObjectStorage(
            calls: calls,
            namespace: bench.settings.namespace,
            bucket: bench.settings.bucket
        )
        let prefix = bench.settings.objectPrefix
        let end = Deadline.after(.seconds(3000))
        for name in ["a", "b"] { try await objects.put("\(prefix)/\(name)", Blob([1, 2, 3]), deadline: end) }
        check(try await objects.get("\(prefix)/a", limit: 10, deadline: end) == [1, 2, 3])
        check(try await objects.get("\(prefix)/c", limit: 10, deadline: end) == nil)
        let names = try await objects.all(prefix: "\(prefix)/", fields: [.size, .timeCreated], deadline: end)
        check(names.map(\.name) == ["\(prefix)/a", "\(prefix)/b"])
        check(names[0].byteCount == 3 && names[0].timeCreated != nil)
        var left = names.map(\.name)
        for _ in 0..<50 where !left.isEmpty {
            left = try await objects.deleteBatch(left, deadline: end).map(\.name)
        }
        check(bench.cloud.bucket.ownNames.isEmpty)
    }

    @LoopActor private static func useInstances(_ bench: CloudBench, _ calls: ServiceCalls) async throws {
        let instances = ContainerInstances(calls: calls, compartmentID: bench.settings.compartmentID)
        let end = Deadline.after(.seconds(3000))
        let job = SimulatedJob(number: 1, milliseconds: 5000, fillingByteCount: 5)
        bench.book.submitted(job)
        let created = try await instances.create(bench.launch(of: job), retryToken: "t", deadline: end)
        let again = try await instances.create(bench.launch(of: job), retryToken: "t", deadline: end)
        check(
            created.id == again.id && created.workRequestID != nil && created.containerIDs.count == 1
        )
        let listed = try await instances.all(deadline: end) { $0.id == created.id ? $0 : nil }
        check(listed.count == 1 && listed[0].lifecycleState == .creating)
        check(listed[0].timeCreated != nil && listed[0].freeformTags["scaler-generation"] == "0")
        check(try await instances.shapes(availabilityDomain: nil, deadline: end).count == 2)
        try await bench.wait(for: .active, of: created.id)
        let output = try await instances.retrieveLogs(ofContainer: created.containerIDs[0], deadline: end)
        check(!output.isEmpty)
        try await bench.wait(for: .inactive, of: created.id)
        let container = try await instances.container(created.containerIDs[0], deadline: end)
        check(container?.exitCode == 0 && container?.lifecycleState == .inactive)
        check(
            try await instances.workRequestErrors(created.workRequestID ?? "", deadline: end).isEmpty
        )
        check(try await instances.delete(created.id, deadline: end) == .accepted)
        try await bench.wait(for: .deleted, of: created.id)
        check(try await instances.delete(created.id, deadline: end) == .alreadyGone)
        let objects = ObjectStorage(
            calls: calls,
            namespace: bench.settings.namespace,
            bucket: bench.settings.bucket
        )
        check(try await objects.delete(bench.resultName(job), deadline: end) == .accepted)
    }
}

extension CloudBench {
    /// The launch of a job as the daemon's client writes it.
    func launch(of job: SimulatedJob) -> InstanceLaunch {
        var launch = InstanceLaunch(
            compartmentID: settings.compartmentID,
            availabilityDomain: settings.availabilityDomains[1],
            displayName: "scaler",
            shape: settings.shapes[0],
            ocpus: 1,
            memoryGB: 2,
            subnetID: settings.subnetIDs[0],
            imageURL: "image"
        )
        launch.environment = environment(of: job, CloudBench.payload(of: job)).variables
        launch.freeformTags = tags(of: job)
        return launch
    }
}
