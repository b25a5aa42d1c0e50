// SPDX-License-Identifier: Apache-2.0

import EventLoop
import JSON
import TaskEngine
import TestSupport
import Testing

@testable import CloudOwnership
@testable import OCIServices

@Suite struct LedgerClockTests {
    /// What a clock makes of an instance; the service's time is 13:46:40 of that day.
    @LoopActor
    private static func listed(
        _ state: String = "ACTIVE",
        created: String? = nil,
        updated: String? = nil
    ) throws -> (instance: ListedInstance, now: ClosedRange<Duration>) {
        let clock = LedgerClock { 1_000_000 }
        let before = clock.now
        let members: [(String, JSON?)] = [
            ("id", .string("i")), ("lifecycleState", .string(state)),
            ("timeCreated", created.map { .string("1970-01-12T\($0)Z") }),
            ("timeUpdated", updated.map { .string("1970-01-12T\($0)Z") }),
            ("freeformTags", .strings([("scaler-generation", "2")])),
        ]
        let summary = try ContainerInstance(JSONObject(.object(present: members)))
        let instance = clock.listed(summary, of: TaskKey("aa"))
        return (instance, before...clock.now)
    }

    @Test func `an instance is as old as the service's clock says, whatever the host's`() async throws {
        try await onLoop {
            let (instance, now) = try Self.listed(created: "13:45:40", updated: "13:46:10.250")
            #expect(now.contains(instance.createdAt + .seconds(60)))
            let since = try #require(instance.activeSince)
            #expect(now.contains(since + .milliseconds(29_750)))
            #expect((instance.id, instance.task.digits, instance.generation) == ("i", "aa", 2))
        }
    }

    @Test func `what has no time, or one in the future, is of now`() async throws {
        try await onLoop {
            for created in [nil, "13:47:00"] {
                let (instance, now) = try Self.listed(created: created)
                #expect(now.contains(instance.createdAt))
                #expect(now.contains(instance.activeSince ?? .seconds(-1)))
            }
        }
    }

    @Test func `no instance is active before it was made, nor while it is being made`() async throws {
        try await onLoop {
            let (early, now) = try Self.listed(created: "13:46:30", updated: "13:46:00")
            #expect(now.contains(early.createdAt + .seconds(10)))
            #expect(early.activeSince == early.createdAt)
            let fresh = try Self.listed("CREATING", created: "13:46:30", updated: "13:46:35").instance
            #expect(fresh.activeSince == nil)
            let old = try Self.listed(created: "13:46:30")
            let since = try #require(old.instance.activeSince)
            #expect(old.now.contains(since + .seconds(10)))
        }
    }

    /// A host whose clock was three minutes fast took its own launches for three minutes old.
    @Test(arguments: [(2, 2), (10, 10), (12, 10), (-1, 0), (nil, 10)] as [(Int?, Int)])
    func `an own launch is as old as the answer says, and no older than its first call`(
        _ age: Int?,
        _ expected: Int
    ) async throws {
        try await onLoop {
            let clock = LedgerClock { 1_000_180 }
            let made = try Self.made(age: age.map { .seconds($0) })
            let begun = clock.now - .seconds(10)
            let instance = try #require(clock.launched(made, of: TaskKey("aa"), since: begun))
            #expect((instance.createdAt + .seconds(expected) - clock.now).magnitude < .seconds(1))
            #expect(instance.createdAt >= begun)
            #expect(instance.activeSince == nil)
        }
    }

    @Test func `an answer with an instance older than the launch is none`() async throws {
        try await onLoop {
            let clock = LedgerClock { 1_000_000 }
            let begun = clock.now - .seconds(10)
            let made = try Self.made(age: .seconds(17))
            #expect(clock.launched(made, of: TaskKey("aa"), since: begun) == nil)
        }
    }

    /// An answer to a create.
    private static func made(age: Duration?) throws -> ContainerInstance {
        let members: [(String, JSON?)] = [
            ("id", .string("i")), ("lifecycleState", .string("CREATING")),
            ("timeCreated", .string("1970-01-12T13:46:40Z")), ("freeformTags", .strings([])),
        ]
        var made = try ContainerInstance(JSONObject(.object(present: members)))
        made.age = age
        return made
    }

    @Test func `a moment of the clock is a deadline`() async throws {
        try await onLoop {
            let clock = LedgerClock { 0 }
            #expect(clock.deadline(.zero).isPast)
            let deadline = clock.deadline(clock.now + .seconds(60))
            #expect(deadline.remaining > .seconds(59))
            #expect(deadline.remaining <= .seconds(60))
        }
    }

    @Test(arguments: [
        ("CREATING", InstancePhase.creating), ("ACTIVE", .running), ("UPDATING", .running),
        ("RESTING", .running), ("INACTIVE", .stopped), ("FAILED", .failed), ("DELETING", .deleting),
        ("DELETED", .deleted),
    ])
    func `every state of the service has a meaning for who waits`(_ state: String, _ phase: InstancePhase) {
        #expect(LifecycleState(state).phase == phase)
    }
}

extension Duration {
    fileprivate var magnitude: Duration { self < .zero ? .zero - self : self }
}
