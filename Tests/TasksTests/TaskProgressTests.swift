// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import TaskEngine
import TestSupport
import Testing

@testable import Tasks

@Suite struct TaskProgressTests {
    @Test
    func `a report names task, state and seconds, and the instance and a lost worker where there are such`()
        async throws
    {
        try await onLoop {
            let key = TaskKey("2adc465564d81950e235aede9928f868")
            var progress = TaskProgress(TaskStatistics())
            let queued = progress.report(key, nil, isLost: false).fields
            #expect(queued.keys.sorted() == ["seconds", "state", "task"])
            #expect(queued["task"] == "\(key)" && queued["state"] == "queued" && queued["seconds"] == "0")

            progress.advance(.slotGranted)
            progress.advance(.instanceAdopted)
            let instance = ListedInstance(
                id: "ocid1.x",
                task: key,
                phase: .running,
                state: "ACTIVE",
                createdAt: .zero,
                form: InstanceForm(availabilityDomain: "AD-1", shape: "E4", ocpus: 1, memoryGB: 6)
            )
            let limits = Attempt.Limits(create: .seconds(1), job: .seconds(1))
            let report = progress.report(key, Attempt(adopted: instance, limits: limits), isLost: true)
            #expect(report.form == instance.form && report.subnetID == nil)
            let running = report.fields
            #expect(running["instance"] == "ocid1.x" && running["worker"] == "lost")
            #expect(running["state"] == "running")
        }
    }

    @Test func `what went wrong last is remembered until something else does`() async throws {
        try await onLoop {
            var progress = TaskProgress(TaskStatistics())
            @LoopActor func trouble() -> String? {
                progress.report(TaskKey("01"), nil, isLost: false).trouble
            }
            progress.advance(.slotGranted)
            #expect(trouble() == nil)
            progress.advance(.setAside)
            #expect(trouble() == "an input was not there; it waits for it without a slot")
            for event in [TaskEvent.slotGranted, .inputsLoaded, .payloadStored, .instanceCreated] {
                progress.advance(event)
            }
            #expect(trouble() == "an input was not there; it waits for it without a slot")
            progress.advance(.instanceStopped)
            #expect(trouble() == "its instance ended without a result")
        }
    }

    @Test func `a report has each state that the task was in once, with all its time there`() async throws {
        try await onLoop {
            var progress = TaskProgress(TaskStatistics())
            let key = TaskKey("2adc465564d81950e235aede9928f868")
            #expect(progress.report(key, nil, isLost: false).past == [])
            for event in [TaskEvent.slotGranted, .setAside, .slotGranted] {
                try await sleep(for: .milliseconds(2))
                progress.advance(event)
            }
            let past = progress.report(key, nil, isLost: false).past
            #expect(past.map(\.state) == [.queued, .loading])
            #expect(past[0].seconds >= 0.004 && past[1].seconds >= 0.002)
        }
    }
}
