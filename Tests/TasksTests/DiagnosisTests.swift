// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import EventLoop
import OCIServices
import TaskEngine
import TestCloud
import TestSupport
import Testing

@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct DiagnosisTests {
    /// A cloud with one instance, as a listing showed it.
    @LoopActor
    private struct InstanceStage {
        let cloud = TestCloud()
        let id: String
        let diagnosis: Diagnosis

        init(_ state: LifecycleState = .inactive, _ change: (inout CloudInstance) -> Void = { _ in }) {
            id = cloud.add(tags: [], state)
            change(&cloud[id])
            diagnosis = Diagnosis(instances: cloud.instances)
        }

        func explain(
            _ phase: InstancePhase = .stopped,
            details: String? = nil,
            isVanished: Bool = false
        ) async -> Diagnosis.Finding {
            let seen = ListedInstance(
                id: id,
                task: TaskKey("01"),
                phase: phase,
                state: cloud[id].state.name,
                details: details,
                createdAt: .zero
            )
            return await diagnosis.explain(
                seen,
                workRequestID: cloud[id].workRequestID,
                isVanished: isVanished
            )
        }
    }

    private static func text(_ finding: Diagnosis.Finding) -> String {
        if case .failure(let failure) = finding { failure.text } else { "no failure" }
    }

    /// The listing that it was adopted from may show what was.
    @Test(arguments: [
        (LifecycleState.deleting, true, true), (.deleted, true, true), (.inactive, true, false),
        (.deleting, false, false),
    ])
    func `an adopted instance that was deleted since is asked for by name`(
        _ state: LifecycleState,
        _ isAdopted: Bool,
        _ isDeleted: Bool
    ) async throws {
        try await onLoop {
            let stage = InstanceStage(state)
            let attempt = Attempt(
                ListedInstance(
                    id: stage.id,
                    task: TaskKey("01"),
                    phase: .stopped,
                    state: "INACTIVE",
                    createdAt: .zero
                ),
                activeSince: .zero,
                limits: Attempt.Limits(create: .seconds(9), job: .seconds(9)),
                isAdopted: isAdopted
            )
            #expect(await stage.diagnosis.isDeletedByPredecessor(attempt) == isDeleted)
        }
    }

    @Test func `an instance that ended is explained by its container`() async throws {
        try await onLoop {
            let stage = InstanceStage {
                $0.exitCode = 3
                $0.containerDetails = "it ended by itself"
            }
            let text = Self.text(await stage.explain())
            for word in [stage.id, "INACTIVE", "exit code 3", "it ended by itself"] {
                #expect(text.contains(word), "\(text)")
            }
        }
    }

    @Test func `the last output is told where the service still has it`() async throws {
        try await onLoop {
            let stage = InstanceStage(.active) {
                $0.exitCode = 3
                $0.output = "the last line"
            }
            #expect(Self.text(await stage.explain()).hasSuffix("Its last output:\nthe last line"))
        }
    }

    @Test func `what cannot be asked is left out`() async throws {
        try await onLoop {
            let stage = InstanceStage { $0.exitCode = 3 }
            stage.cloud.script(.getContainerInstance, .forbidden)
            let text = Self.text(await stage.explain(details: "the service's words"))
            #expect(text.contains("state INACTIVE (the service's words)."), "\(text)")
            #expect(!text.contains("exit code"), "\(text)")
        }
    }

    @Test func `an instance that vanished is not asked for`() async throws {
        try await onLoop {
            let stage = InstanceStage()
            let text = Self.text(await stage.explain(isVanished: true))
            #expect(text.contains("\(stage.id) vanished"))
            #expect(stage.cloud.requests.isEmpty)
        }
    }

    @Test(arguments: [
        ("Out of host capacity", Placements.Fullness.capacity), ("the service limit is reached", .limit),
        ("QuotaExceeded", .limit),
    ])
    func `a refusal for want of room is told in the details`(
        _ details: String,
        _ fullness: Placements.Fullness
    ) async throws {
        try await onLoop {
            let stage = InstanceStage(.failed)
            #expect(await stage.explain(.failed, details: details) == .noRoom(fullness, details))
            #expect(stage.cloud.requests.isEmpty)
        }
    }

    @Test func `a refusal for want of room is told in the work request`() async throws {
        try await onLoop {
            let stage = InstanceStage(.failed) {
                $0.creationErrors = [("Other", "something else"), ("LimitExceeded", "no more of them")]
            }
            #expect(await stage.explain(.failed) == .noRoom(.limit, "no more of them"))
        }
    }

    @Test func `a failed instance without such a refusal failed by itself`() async throws {
        try await onLoop {
            let stage = InstanceStage(.failed) { $0.creationErrors = [("ImagePull", "cannot pull")] }
            let text = Self.text(await stage.explain(.failed, details: "cannot pull the image"))
            #expect(text.contains("FAILED (cannot pull the image)"), "\(text)")
        }
    }

    @Test func `whether an instance is still being made is asked for by name`() async throws {
        try await onLoop {
            let stage = InstanceStage(.creating)
            #expect(await stage.diagnosis.isCreating(stage.id) == true)
            stage.cloud[stage.id].state = .active
            #expect(await stage.diagnosis.isCreating(stage.id) == false)
            #expect(await stage.diagnosis.isCreating("ocid1.instance.never") == false)
            // Where asking is not allowed the listings' word must do.
            stage.cloud.script(.getContainerInstance, .forbidden)
            #expect(await stage.diagnosis.isCreating(stage.id) == true)
            stage.cloud.script(.getContainerInstance, .held)
            let asking = spawn { await stage.diagnosis.isCreating(stage.id) }
            try await stage.cloud.request(.getContainerInstance, count: 5)
            asking.cancel()
            #expect(await asking.value == nil)
        }
    }

    @Test func `existence is asked for by name`() async throws {
        try await onLoop {
            let stage = InstanceStage(.active)
            #expect(await stage.diagnosis.existence(of: stage.id) == .present)
            #expect(await stage.diagnosis.existence(of: "ocid1.instance.never") == .gone)
            stage.cloud[stage.id].state = .deleted
            #expect(await stage.diagnosis.existence(of: stage.id) == .gone)
            // Where asking is not allowed the listings' word must do.
            stage.cloud.script(.getContainerInstance, .forbidden)
            #expect(await stage.diagnosis.existence(of: stage.id) == .gone)
            stage.cloud.script(.getContainerInstance, .held)
            let asking = spawn { await stage.diagnosis.existence(of: stage.id) }
            try await stage.cloud.request(.getContainerInstance, count: 5)
            asking.cancel()
            #expect(await asking.value == .unknown)
        }
    }
}
