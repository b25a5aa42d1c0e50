// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCIProfile
import TestSupport
import Testing
import Transport

@testable import OCIServices

@Suite(needsLocalOCI) struct FaultTests {
    @Test func `creates whose answers are lost make one instance each`() async throws {
        try await onLoop {
            let services = try await Services.start([
                "--fast", "--fault", "CreateContainerInstance reset-after share=0.5",
            ])
            let creates = (0..<20).map { index in
                let launch = services.launch("scaler-test-\(index)")
                return spawn { () async -> String? in
                    try? await services.instances.create(launch, retryToken: "token-\(index)", deadline: soon)
                        .id
                }
            }
            var ids: Set<String> = []
            for create in creates { ids.insert(try #require(await create.value)) }
            #expect(ids.count == 20)
            let listed = try await services.instances.list(deadline: soon)
            #expect(Set(listed.map(\.id)) == ids)
            #expect(services.calls.counts.retryCount > 0)
            try await services.stop()
        }
    }

    @Test func `answers that fail in every way a retry can mend all end well`() async throws {
        try await onLoop {
            let kinds = ["429", "500", "503", "proxy", "reset-before", "reset-after", "truncate"]
            let rules = kinds.flatMap { ["--fault", "* \($0) share=0.06"] }
            let services = try await Services.start(["--fast", "--fault-seed", "7"] + rules)
            let work = (0..<40).map { index in
                spawn { () async -> Bool in
                    guard let body = try? await exchange(index, services) else { return false }
                    return body == [UInt8](repeating: UInt8(index), count: 1000 * index)
                }
            }
            for one in work { #expect(await one.value) }
            #expect(services.calls.counts.retryCount > 20)
            try await services.stop()
        }
    }

    @Test func `throttling lowers the rate of the lane and the service it came from`() async throws {
        try await onLoop {
            let services = try await Services.start(["--fast", "--fault", "PutObject 429 first=16"])
            let puts = (0..<16).map { number in
                spawn { _ = try? await services.objects.put("\(number)", Blob([1]), deadline: soon) }
            }
            for put in puts { await put.value }
            #expect(services.calls.rate(of: .objectStorage, .write) < 20)
            #expect(services.calls.rate(of: .objectStorage, .read) == 20)
            #expect(services.calls.rate(of: .containerInstances, .write) == 20)
            let falls = services.takeNotices().filter { if case .rateLowered = $0 { true } else { false } }
            #expect(!falls.isEmpty)
            try await services.stop()
        }
    }

    @Test func `a full place is told at once and not hammered`() async throws {
        try await onLoop {
            let services = try await Services.start(["--fast", "--fault", "CreateContainerInstance capacity"])
            let launch = services.launch("scaler-test-1")
            let error = try #require(
                await failure(of: {
                    try await services.instances.create(launch, retryToken: "a", deadline: soon)
                })
            )
            #expect(error.kind == .outOfHostCapacity)
            #expect(error.kind?.isCapacity == true)
            #expect(services.calls.counts[.createContainerInstance] == 1)
            try await services.stop()
        }
    }

    @Test func `a stalled answer is given up and the call made again`() async throws {
        try await onLoop {
            let services = try await Services.start(
                ["--fast", "--fault", "CreateContainerInstance stall-after first=1"],
                answerTimeout: .milliseconds(300)
            )
            let launch = services.launch("scaler-test-1")
            let created = try await services.instances.create(launch, retryToken: "a", deadline: soon)
            let listed = try await services.instances.list(deadline: soon)
            #expect(listed.map(\.id) == [created.id])
            try await services.stop()
        }
    }

    @Test func `a deadline ends the retries with the last failure`() async throws {
        try await onLoop {
            let services = try await Services.start(["--fast", "--fault", "* 503"])
            let start = Deadline.now
            let error = try #require(
                await failure(of: {
                    try await services.instances.list(deadline: .after(.milliseconds(1500)))
                })
            )
            #expect(error.kind == .serverBusy)
            #expect(Deadline.now.duration(since: start) < .seconds(10))
            try await services.stop()
        }
    }

    @Test func `cancelling the caller ends a call in any of its phases`() async throws {
        try await onLoop {
            let services = try await Services.start(
                ["--fast", "--fault", "GetContainerInstance stall", "--fault", "ListContainerInstances 503"]
            )
            let stalled = spawn { () async -> OCIError? in
                await failure(of: { try await services.instances.get("x", deadline: soon) })
            }
            let retrying = spawn { () async -> OCIError? in
                await failure(of: { try await services.instances.list(deadline: soon) })
            }
            while services.calls.counts.total < 2 { try await sleep(for: .milliseconds(5)) }
            try await sleep(for: .milliseconds(50))
            stalled.cancel()
            retrying.cancel()
            for error in [await stalled.value, await retrying.value] {
                guard case .cancelled? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
            }
            try await services.stop()
        }
    }

    @Test func `an instance that cannot be deleted yet says so at once`() async throws {
        try await onLoop {
            let services = try await Services.start(
                ["--pull-seconds", "60", "--switch", "delete-while-creating=conflict"]
            )
            let created = try await services.instances.create(
                services.launch("scaler-test-1"),
                retryToken: "a",
                deadline: soon
            )
            let error = try #require(
                await failure(of: { try await services.instances.delete(created.id, deadline: soon) })
            )
            #expect(error.kind == .incorrectState)
            #expect(services.calls.counts[.deleteContainerInstance] == 1)
            try await services.stop()
        }
    }
}

/// Puts an object, lists it, reads it and deletes it; returns what was read.
@LoopActor
private func exchange(_ index: Int, _ services: Services) async throws -> [UInt8]? {
    let deadline = Deadline.after(.seconds(60))
    let name = "exchange/\(index)/"
    let body = [UInt8](repeating: UInt8(index), count: 1000 * index)
    try await services.objects.put(name, Blob(body), deadline: deadline)
    let page = try await services.objects.list(prefix: name, deadline: deadline)
    guard page.objects.map(\.name) == [name] else { return nil }
    let read = try await services.objects.get(name, limit: 1 << 20, deadline: deadline)
    _ = try await services.objects.delete(name, deadline: deadline)
    return read
}

extension ServiceCalls {
    /// How many calls a second a service gets at present.
    fileprivate func rate(of service: CloudService, _ lane: RateBuckets.Lane) -> Double {
        limiters[service]?.buckets.rate(of: lane) ?? 0
    }
}
