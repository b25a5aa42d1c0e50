// SPDX-License-Identifier: Apache-2.0

import Encodings
import EventLoop
import HTTPClient
import JSON
import TestSupport
import Testing

@testable import OCIServices

/// Calls that were allowed and are refused.
@Suite struct LostAccessTests {
    private static let refused = answer(401, #"{"code":"NotAuthenticated","message":"no"}"#)
    private static let forbidden = answer(404, #"{"code":"NotAuthorizedOrNotFound","message":"no"}"#)

    @Test func `a refused call fails at once in a command, and waits for access in a daemon at work`()
        async throws
    {
        try await onLoop {
            let command = try ScriptedService([Self.refused, ServiceCallsTests.nothing])
            let error = await failure(of: { try await command.instances.list(deadline: soon) })
            #expect(error?.kind == .notAuthenticated && error?.isAccessLost == false)
            command.stop()

            let daemon = try ScriptedService([
                Self.refused, Self.refused, Self.refused, ServiceCallsTests.nothing,
            ])
            daemon.calls.waitsForAccess = true
            _ = try await daemon.instances.list(deadline: soon)
            #expect(daemon.requests.count == 4)
            #expect(!daemon.calls.isAccessLost)
            #expect(
                daemon.notices.compactMap(\.name) == [
                    "accessLost", "accessLost", "accessLost", "accessRegained",
                ]
            )
            daemon.stop()
        }
    }

    @Test func `a wait for access ends with the deadline, in an error that says why and may pass`()
        async throws
    {
        try await onLoop {
            let service = try ScriptedService([Self.refused])
            service.calls.waitsForAccess = true
            let patient = spawn { try? await service.instances.list(deadline: .after(.seconds(300))) }
            // It asks again after the first refusal only if it waits.
            while service.requests.count < 2 { await yieldToOthers() }
            #expect(service.calls.isAccessLost)
            patient.cancel()
            _ = await patient.value
            #expect(!service.calls.isAccessLost, "nobody waits any more")

            let failed = await failure(of: {
                try await service.instances.list(deadline: .after(.seconds(2)))
            })
            let error = try #require(failed)
            #expect(error.isAccessLost && error.isRetryable && error.isDenial && !error.mayHaveBeenCarriedOut)
            #expect("\(error)".contains("fingerprint"))
            service.stop()
        }
    }

    @Test func `a policy that is taken away is waited for, one that was never there is not`() async throws {
        try await onLoop {
            let service = try ScriptedService([
                Self.forbidden, ServiceCallsTests.nothing, Self.forbidden, ServiceCallsTests.nothing,
            ])
            service.calls.waitsForAccess = true
            let error = await failure(of: { try await service.instances.list(deadline: soon) })
            #expect(error?.kind == .notAuthorizedOrNotFound && error?.isAccessLost == false)
            _ = try await service.instances.list(deadline: soon)
            _ = try await service.instances.list(deadline: soon)
            #expect(service.requests.count == 4)
            service.stop()
        }
    }

    @Test func `a create that is refused in one place says nothing of others, and is not waited for`()
        async throws
    {
        try await onLoop {
            let service = try ScriptedService([answer(200, ServiceCallsTests.instance), Self.forbidden])
            service.calls.waitsForAccess = true
            let create = { (token: String) async throws(OCIError) in
                try await service.instances.create(
                    InstanceLaunchTests.minimal,
                    retryToken: token,
                    deadline: .after(.seconds(20))
                )
            }
            _ = try await create("1")
            let error = await failure(of: { try await create("2") })
            #expect(error?.kind == .notAuthorizedOrNotFound && error?.isAccessLost == false)
            #expect(service.requests.count == 2)
            #expect(service.notices.compactMap(\.name).isEmpty)
            service.stop()
        }
    }

    @Test func `access is told to be back only when what was refused is carried out again`() async throws {
        try await onLoop {
            let service = try ScriptedService([ServiceCallsTests.nothing])
            service.calls.waitsForAccess = true
            let list = { (deadline: Deadline) async throws(OCIError) in
                try await service.instances.list(deadline: deadline)
            }
            _ = try await list(soon)
            service.answers = [Self.forbidden]
            let refused = await failure(of: { try await list(.after(.milliseconds(300))) })
            #expect(refused?.isAccessLost == true && !service.calls.isAccessLost)
            service.answers = [answer(200, ServiceCallsTests.instance)]
            _ = try await service.instances.get("ocid1.x", deadline: soon)
            #expect(Set(service.notices.compactMap(\.name)) == ["accessLost"])
            service.answers = [ServiceCallsTests.nothing]
            _ = try await list(soon)
            #expect(service.notices.compactMap(\.name).last == "accessRegained")
            service.stop()
        }
    }

    @Test func `an instance that is absent is not waited for`() async throws {
        try await onLoop {
            let service = try ScriptedService([answer(200, ServiceCallsTests.instance), Self.forbidden])
            service.calls.waitsForAccess = true
            _ = try await service.instances.get("ocid1.x", deadline: soon)
            #expect(try await service.instances.get("ocid1.x", deadline: soon) == nil)
            service.stop()
        }
    }

    @Test func `a create that may have been carried out before access was lost is told as such`() async throws
    {
        try await onLoop {
            let service = try ScriptedService([answer(500, ""), Self.refused])
            service.calls.waitsForAccess = true
            let error = await failure(of: {
                try await service.instances.create(
                    InstanceLaunchTests.minimal,
                    retryToken: "tok",
                    deadline: .after(.milliseconds(200))
                )
            })
            #expect(error?.mayHaveBeenCarriedOut == true)
            service.stop()
        }
    }

    @Test func `one refusal with a time years off ends nothing, and no signature bears that time`()
        async throws
    {
        try await onLoop {
            let date = HTTPDate.format(secondsSinceEpoch: Int(LoopClock.epochSeconds) + 400_000_000)
            let liar = answer(401, #"{"code":"NotAuthenticated","message":"no"}"#, ["date: \(date)"])
            let service = try ScriptedService([liar, ServiceCallsTests.nothing])
            _ = try await service.instances.list(deadline: soon)
            let dates = service.requests.compactMap { $0.field("date").flatMap(HTTPDate.secondsSinceEpoch) }
            #expect(dates.count == 2)
            let now = Int(LoopClock.epochSeconds)
            #expect(dates.allSatisfy { abs($0 - now) < 100 })
            service.stop()
        }
    }

    @Test func `a refusal with a wrong time is tried once, and the time dropped when it is refused again`()
        async throws
    {
        try await onLoop {
            let date = HTTPDate.format(secondsSinceEpoch: Int(LoopClock.epochSeconds) + 4000)
            let liar = answer(401, #"{"code":"NotAuthenticated","message":"no"}"#, ["date: \(date)"])
            let service = try ScriptedService([liar, liar, ServiceCallsTests.nothing])
            _ = try await service.instances.list(deadline: soon)
            let dates = service.requests.compactMap { $0.field("date").flatMap(HTTPDate.secondsSinceEpoch) }
            let now = Int(LoopClock.epochSeconds)
            #expect(dates.map { abs($0 - now) < 100 } == [true, false, true])
            #expect(service.calls.clockOffsetSeconds == 0)
            service.stop()
        }
    }
}
