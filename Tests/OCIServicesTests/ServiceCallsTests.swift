// SPDX-License-Identifier: Apache-2.0

import Encodings
import EventLoop
import HTTPClient
import JSON
import TestSupport
import Testing

@testable import OCIServices

@Suite struct ServiceCallsTests {
    static let instance =
        #"{"id":"ocid1.x","lifecycleState":"HIBERNATING","newMember":{"deep":[1]},"freeformTags":null,"#
        + #""containers":[{"containerId":"ocid1.c"}],"timeCreated":"yesterday"}"#
    static let nothing = answer(200, #"{"items":[]}"#)

    @Test func `unknown states and members, nulls and odd times do not hide an instance`() async throws {
        try await onLoop {
            let service = try ScriptedService([answer(200, Self.instance)])
            let instance = try #require(try await service.instances.get("ocid1.x", deadline: soon))
            #expect(instance.lifecycleState == .other("HIBERNATING"))
            #expect(instance.containerIDs == ["ocid1.c"])
            #expect(instance.freeformTags == [:])
            #expect(instance.timeCreated == nil)
            service.stop()
        }
    }

    @Test func `a page may be empty and still not be the last`() async throws {
        try await onLoop {
            let service = try ScriptedService([
                answer(200, #"{"items":[]}"#, ["opc-next-page: p 2/é"]),
                answer(200, #"{"items":[\#(Self.instance)]}"#, ["opc-next-page:"]),
            ])
            #expect(try await service.instances.list(deadline: soon).map(\.id) == ["ocid1.x"])
            #expect(service.requests.count == 2)
            let line = try #require(service.requests.last?.head.split(separator: "\r\n").first)
            #expect(
                line.hasPrefix("GET /base/20210415/containerInstances?compartmentId=ocid1.compartment.oc1..a")
            )
            #expect(line.hasSuffix("&limit=1000&page=p%202%2F%C3%A9 HTTP/1.1"))
            service.stop()
        }
    }

    @Test
    func `a cancelled create tells whether anything was sent, other calls only that they were cancelled`()
        async throws
    {
        try await onLoop {
            let service = try ScriptedService([answer(503, "", ["retry-after: 60"])])
            let launch = InstanceLaunchTests.minimal
            let create = spawn { () async -> OCIError? in
                await failure(of: {
                    try await service.instances.create(
                        launch,
                        retryToken: "tok",
                        deadline: .after(.seconds(300))
                    )
                })
            }
            let list = spawn { () async -> OCIError? in
                await failure(of: {
                    try await service.instances.shapes(
                        availabilityDomain: nil,
                        deadline: .after(.seconds(300))
                    )
                })
            }
            while service.requests.count < 2 { await yieldToOthers() }
            // Both answers are read by the time that two more rounds of the loop are over.
            try await sleep(for: .milliseconds(50))
            create.cancel()
            list.cancel()
            #expect(await create.value?.kind == .serverBusy)
            if case .cancelled? = await list.value {} else { Issue.record("the list was not cancelled") }
            let unsent = spawn { () async -> OCIError? in
                await failure(of: {
                    try await service.instances.create(
                        launch,
                        retryToken: "tok",
                        deadline: .after(.seconds(300))
                    )
                })
            }
            unsent.cancel()
            if case .cancelled? = await unsent.value {} else { Issue.record("a request was sent after all") }
            #expect(service.requests.count == 2)
            service.stop()
        }
    }

    @Test(
        arguments: [([429], nil), ([503, 429], .serverBusy), ([429, 503, 429], .serverBusy)]
            as [([Int], FailureKind?)]
    )
    func `a cancelled create remembers an attempt that may have been carried out, and no other`(
        _ statuses: [Int],
        _ kind: FailureKind?
    ) async throws {
        try await onLoop {
            // The last answer asks for a long pause, in which the call is cancelled.
            let service = try ScriptedService(
                statuses.enumerated().map { index, status in
                    answer(status, "", ["retry-after: \(index == statuses.count - 1 ? 60 : 0)"])
                }
            )
            let launch = InstanceLaunchTests.minimal
            let create = spawn { () async -> OCIError? in
                await failure(of: {
                    try await service.instances.create(
                        launch,
                        retryToken: "t",
                        deadline: .after(.seconds(300))
                    )
                })
            }
            while service.requests.count < statuses.count { await yieldToOthers() }
            try await sleep(for: .milliseconds(50))
            create.cancel()
            let error = await create.value
            #expect(error?.kind == kind)
            if kind == nil { guard case .cancelled? = error else { throw WaitError.cancelled } }
            service.stop()
        }
    }

    /// A new connection was tried at once, and nobody knew of the first attempt.
    @Test func `a cancelled create remembers an attempt that was lost with a connection used before`()
        async throws
    {
        try await onLoop {
            let service = try ScriptedService([Self.nothing, "", answer(429, "", ["retry-after: 60"])])
            _ = try await service.instances.list(deadline: soon)
            let create = spawn { () async -> OCIError? in
                await failure(of: {
                    try await service.instances.create(
                        InstanceLaunchTests.minimal,
                        retryToken: "t",
                        deadline: .after(.seconds(300))
                    )
                })
            }
            while service.requests.count < 3 { await yieldToOthers() }
            try await sleep(for: .milliseconds(50))
            create.cancel()
            #expect(await create.value?.mayHaveBeenCarriedOut == true)
            service.stop()
        }
    }

    @Test func `a create that is refused after an attempt that may have been carried out is told as that`()
        async throws
    {
        try await onLoop {
            let full = #"{"code":"InternalError","message":"Out of host capacity."}"#
            let service = try ScriptedService([answer(503, ""), answer(500, full)])
            let call = { @LoopActor @Sendable () async throws(OCIError) -> ContainerInstance in
                try await service.instances.create(
                    InstanceLaunchTests.minimal,
                    retryToken: "t",
                    deadline: soon
                )
            }
            #expect(await failure(of: call)?.kind == .serverBusy)
            #expect(await failure(of: call)?.kind == .outOfHostCapacity)
            service.stop()
        }
    }

    @Test func `the answer to a create tells how old the instance is by the service's clock`() async throws {
        try await onLoop {
            let body = #"{"id":"i","lifecycleState":"CREATING","timeCreated":"2026-11-24T17:55:00.500Z"}"#
            let dated = answer(200, body, ["date: Tue, 24 Nov 2026 17:56:00 GMT"])
            let service = try ScriptedService([dated, answer(200, body)])
            for age in [Duration.milliseconds(59_500), nil] {
                let made = try await service.instances.create(
                    InstanceLaunchTests.minimal,
                    retryToken: "t",
                    deadline: soon
                )
                #expect(made.age == age)
            }
            service.stop()
        }
    }

    @Test func `the service's words for states and operations are those of its reference`() {
        let states: [(LifecycleState, String)] = [
            (.creating, "CREATING"), (.updating, "UPDATING"), (.active, "ACTIVE"), (.inactive, "INACTIVE"),
            (.deleting, "DELETING"), (.deleted, "DELETED"), (.failed, "FAILED"), (.other("X"), "X"),
        ]
        for (state, name) in states { #expect(state.name == name) }
        #expect(OCIServices.Operation.createContainerInstance.name == "CreateContainerInstance")
        #expect(OCIServices.Operation.batchDeleteObjects.name == "BatchDeleteObjects")
        #expect(OCIServices.Operation.retrieveLogs.name == "RetrieveLogs")
    }

    @Test func `a create keeps its token and its request id over all attempts`() async throws {
        try await onLoop {
            let service = try ScriptedService([
                answer(503, ""), answer(429, "", ["retry-after: 0"]), answer(200, "<html>hello</html>"),
                answer(200, Self.instance, ["opc-work-request-id: ocid1.w"]),
            ])
            let launch = InstanceLaunchTests.minimal
            let created = try await service.instances.create(launch, retryToken: "tok", deadline: soon)
            #expect(created.workRequestID == "ocid1.w")
            #expect(service.requests.count == 4)
            let tokens = Set(service.requests.map { $0.field("opc-retry-token") })
            #expect(tokens == ["tok"])
            let ids = Set(service.requests.map { $0.field("opc-request-id") })
            #expect(ids.count == 1)
            #expect(ids.first??.count == 32)
            #expect(Set(service.requests.map(\.body)) == [launch.body.encoded()])
            #expect(service.requests[0].field("user-agent") == "scripted")
            #expect(service.calls.counts.retryCount == 3)
            service.stop()
        }
    }

    @Test func `an answer that never makes sense is an error after three attempts`() async throws {
        try await onLoop {
            let service = try ScriptedService([answer(200, #"{"id":7}"#, ["opc-request-id: A/B"])])
            let error = try #require(
                await failure(of: { try await service.instances.get("x", deadline: soon) })
            )
            guard case .malformedAnswer(.getContainerInstance, "A/B", let reason) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(reason.contains("id is not a string"))
            #expect(service.requests.count == 3)
            service.stop()
        }
    }

    @Test func `a 404 page of a proxy does not pass for an instance that is gone`() async throws {
        try await onLoop {
            let service = try ScriptedService([answer(404, "<html>no such host</html>")])
            let error = try #require(
                await failure(of: { try await service.instances.get("x", deadline: soon) })
            )
            #expect(error.kind == .unexpected)
            service.stop()
        }
    }

    @Test func `a bucket that is not there is an error and not an object that is gone`() async throws {
        try await onLoop {
            let service = try ScriptedService([answer(404, #"{"code":"BucketNotFound","message":"no"}"#)])
            for call in ["get", "delete", "list"] {
                let error = await failure(of: { () async throws -> Void in
                    switch call {
                    case "get": _ = try await service.objects.get("x", limit: 1, deadline: soon)
                    case "delete": _ = try await service.objects.delete("x", deadline: soon)
                    default: _ = try await service.objects.list(prefix: "", deadline: soon)
                    }
                })
                #expect(error?.kind == .notAuthorizedOrNotFound)
                #expect(error.map { "\($0)".contains("bucket b") } == true)
            }
            service.stop()
        }
    }

    @Test func `what is left of a batch is told, and absent names do not count`() async throws {
        try await onLoop {
            let failed =
                #"{"deleted":[],"failed":[{"objectName":"a","statusCode":404,"errorMessage":"gone"},"#
                + #"{"objectName":"b","statusCode":429,"errorMessage":"slow"}]}"#
            let service = try ScriptedService([answer(200, failed)])
            let left = try await service.objects.deleteBatch(["a", "b", "c"], deadline: soon)
            #expect(left == [DeleteFailure(name: "b", status: 429, message: "slow")])
            #expect(
                String(decoding: service.requests[0].body, as: UTF8.self)
                    == #"{"objects":[{"objectName":"a"},{"objectName":"b"},{"objectName":"c"}],"#
                    + #""isSkipDeletedResult":true}"#
            )
            #expect(try await service.objects.deleteBatch([], deadline: soon) == [])
            #expect(service.requests.count == 1)
            service.stop()
        }
    }

    @Test func `a name that was not in a batch is not left of it, whatever the answer says`() async throws {
        try await onLoop {
            let failed =
                #"{"failed":[{"objectName":"stranger","statusCode":500},{"objectName":"b","statusCode":500}]}"#
            let service = try ScriptedService([answer(200, failed)])
            let left = try await service.objects.deleteBatch(["a", "b"], deadline: soon)
            #expect(left.map(\.name) == ["b"])
            service.stop()
        }
    }

    @Test func `logs are the end of what the service sends, asked for with a signed empty body`() async throws
    {
        try await onLoop {
            let service = try ScriptedService([answer(200, String(repeating: "x", count: 100) + "end")])
            let log = try await service.instances.retrieveLogs(ofContainer: "c", limit: 5, deadline: soon)
            #expect(String(decoding: log, as: UTF8.self) == "xxend")
            let request = service.requests[0]
            #expect(request.field("content-length") == "0")
            #expect(request.field("authorization")?.contains("x-content-sha256") == true)
            service.stop()
        }
    }

    @Test func `an answer larger than a call allows is refused without reading it`() async throws {
        try await onLoop {
            let service = try ScriptedService(["HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nabc"])
            let error = try #require(await failure(of: { try await service.instances.list(deadline: soon) }))
            guard case .transport(let failure) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(!failure.error.isRetryable)
            #expect(failure.attemptCount == 1)
            service.stop()
        }
    }

    @Test func `connections that end in the middle of an answer are tried again`() async throws {
        try await onLoop {
            let service = try ScriptedService([
                "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"items\":",
                "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ite",
                answer(200, #"{"items":[]}"#),
            ])
            #expect(try await service.instances.list(deadline: soon) == [])
            #expect(service.requests.count == 5)
            service.stop()
        }
    }

    @Test func `nobody listening is a failure with a next step`() async throws {
        try await onLoop {
            let service = try ScriptedService([""])
            service.stop()
            let error = try #require(
                await failure(of: { try await service.instances.list(deadline: .after(.milliseconds(50))) })
            )
            guard case .transport(let failure) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(failure.error.isRetryable)
            #expect("\(error)".contains("ListContainerInstances got no answer from http://127.0.0.1:"))
            #expect("\(error)".contains("check that this host can reach"))
        }
    }

    @Test func `a name that no header can carry is refused before it is sent`() async throws {
        try await onLoop {
            let service = try ScriptedService([answer(200, Self.instance)])
            let error = await failure(of: {
                try await service.instances.create(
                    InstanceLaunchTests.minimal,
                    retryToken: "a\r\nx-evil: 1",
                    deadline: soon
                )
            })
            #expect(error != nil)
            #expect(error?.isRetryable == false)
            #expect(service.requests.isEmpty)
            service.stop()
        }
    }
}
