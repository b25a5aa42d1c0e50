// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import OCIServices

@Suite(needsLocalOCI) struct ContainerInstancesTests {
    @Test func `an instance is made once for a token, seen in lists, and deleted`() async throws {
        try await onLoop {
            let services = try await Services.start()
            let instances = services.instances
            let launch = services.launch("scaler-test-1")
            let created = try await instances.create(launch, retryToken: "token-1", deadline: soon)
            #expect(created.displayName == "scaler-test-1")
            #expect(created.freeformTags == ["scaler-owner": "test", "scaler-task": "scaler-test-1"])
            #expect(created.workRequestID != nil)
            let again = try await instances.create(launch, retryToken: "token-1", deadline: soon)
            #expect(again.id == created.id)
            let listed = try await instances.list(deadline: soon).filter {
                $0.displayName == launch.displayName
            }
            #expect(listed.map(\.id) == [created.id])
            let stopped = try await waitUntilStopped(created.id, instances)
            let container = try #require(
                try await instances.container(stopped.containerIDs[0], deadline: soon)
            )
            #expect(container.exitCode != nil)
            #expect(container.id == stopped.containerIDs[0] && stopped.containerIDs.count == 1)
            let logs = await failure(of: {
                try await instances.retrieveLogs(ofContainer: container.id, deadline: soon)
            })
            #expect(logs?.kind == .incorrectState)
            let workRequestID = try #require(created.workRequestID)
            #expect(try await instances.workRequestErrors(workRequestID, deadline: soon) == [])
            #expect(try await instances.delete(created.id, deadline: soon) == .accepted)
            #expect(try await instances.delete("ocid1.unknown", deadline: soon) == .alreadyGone)
            #expect(try await instances.get("ocid1.unknown", deadline: soon) == nil)
            try await services.stop()
        }
    }

    @Test func `shapes come with their ranges`() async throws {
        try await onLoop {
            let services = try await Services.start()
            let shapes = try await services.instances.shapes(availabilityDomain: nil, deadline: soon)
            let flexible = try #require(shapes.first { $0.name == "CI.Standard.E4.Flex" })
            #expect(flexible.ocpus == 1...64)
            #expect(flexible.memoryGB == 1...1024)
            try await services.stop()
        }
    }

    @Test func `a launch that is accepted and fails later tells why, and what was written is read`()
        async throws
    {
        try await onLoop {
            let services = try await Services.start([
                "--fast", "--fault", "CreateContainerInstance capacity-late first=1",
                "--switch", "logs-after-end=answer",
            ])
            let instances = services.instances
            let full = try await instances.create(services.launch("a"), retryToken: "a", deadline: soon)
            let failed = try await waitUntilStopped(full.id, instances)
            #expect(failed.lifecycleState == .failed)
            let workRequestID = try #require(full.workRequestID)
            let errors = try await instances.workRequestErrors(workRequestID, deadline: soon)
            #expect(errors.map { FailureKind.saysOutOfHostCapacity($0.message) } == [true])
            let run = try await instances.create(services.launch("b"), retryToken: "b", deadline: soon)
            let stopped = try await waitUntilStopped(run.id, instances)
            let containerID = try #require(stopped.containerIDs.first)
            let log = try await instances.retrieveLogs(ofContainer: containerID, limit: 20, deadline: soon)
            #expect((1...20).contains(log.count))
            try await services.stop()
        }
    }

    @Test func `a service limit and a wrong subnet are failures of their kind, with the service's words`()
        async throws
    {
        try await onLoop {
            let services = try await Services.start(["--fast", "--instance-limit", "1"])
            let launch = services.launch("scaler-test-1")
            _ = try await services.instances.create(launch, retryToken: "a", deadline: soon)
            let limit = try #require(
                await failure(of: {
                    try await services.instances.create(launch, retryToken: "b", deadline: soon)
                })
            )
            #expect(limit.kind == .limitExceeded)
            guard case .service(let refusal) = limit else { throw limit }
            #expect(refusal.opcRequestID != nil)
            var other = launch
            other.subnetID = "ocid1.subnet.oc1..absent"
            let subnet = try #require(
                await failure(of: {
                    try await services.instances.create(other, retryToken: "c", deadline: soon)
                })
            )
            #expect(subnet.kind?.isPermission == true)
            #expect("\(subnet)".contains("use virtual-network-family"))
            try await services.stop()
        }
    }
}

/// The instance once its process has ended.
@LoopActor
private func waitUntilStopped(_ id: String, _ instances: ContainerInstances) async throws -> ContainerInstance
{
    while true {
        let instance = try #require(try await instances.get(id, deadline: soon))
        if instance.lifecycleState.isStopped { return instance }
        try await sleep(for: .milliseconds(20))
    }
}
