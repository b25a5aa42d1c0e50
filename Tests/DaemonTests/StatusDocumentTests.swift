// SPDX-License-Identifier: Apache-2.0

import JSON
import OCIServices
import TaskEngine
import TestSupport
import Testing
import Transport

@testable import Daemon
@testable import Tasks

@Suite struct StatusDocumentTests {
    private func document(_ tasks: [TaskReport], of taskCount: Int? = nil) async throws -> JSONObject {
        let document = try await onLoop {
            var sampler = ProcessUsageSampler()
            let statistics = TaskStatistics()
            statistics.failed("f", "no \"luck\"\n\u{1B}[31m")
            return StatusDocument(
                host: HostMetrics(
                    usage: sampler.sample(),
                    inputs: (Resources(memoryBytes: 1), Resources(memoryBytes: 2)),
                    results: (Resources(), Resources()),
                    openDescriptorCount: nil,
                    descriptorCountMax: 8
                ),
                now: 1_800_000_000,
                phase: .working,
                status: "no tasks",
                managers: [
                    ManagerStatus(
                        metrics: exampleMetrics("m", [.running: tasks.count]),
                        schedulerAddress: "tcp://127.0.0.1:1",
                        ownerID: "o",
                        tasks: tasks,
                        taskCount: taskCount ?? tasks.count,
                        failures: statistics.failures
                    )
                ]
            )
        }
        return try JSONObject(reading: document.json.encoded())
    }

    private func task(_ id: String, _ time: Duration, lost: Bool = false) -> TaskReport {
        TaskReport(
            task: id,
            state: .running,
            time: time,
            instanceID: "ocid1.x",
            isWorkerLost: lost,
            past: [TaskReport.Stay(state: .queued, seconds: 2.5)]
        )
    }

    @Test func `the whole state can be read from it`() async throws {
        let root = try await document([task("ab", .milliseconds(1500), lost: true)])
        #expect(root["schema"] == .integer(1))
        #expect(root["phase"] == .string("working"))
        #expect(root["time"] == .integer(1_800_000_000))
        let process = try root.object("process")
        #expect(process["open_descriptors"] == nil)
        #expect(try process.object("inputs").object("limit")["memory_bytes"] == .integer(2))
        let manager = try #require(try root.objects("managers").first)
        #expect(manager["id"] == .string("m"))
        #expect(try manager.object("slots")["limit"] == .integer(10))
        #expect(try manager.object("task_counts")["running"] == .integer(1))
        #expect(try manager.object("task_counts")["gone"] == nil)
        #expect(try manager.object("ended_counts")["worker_lost"] == .integer(0))
        let first = try #require(try manager.objects("tasks").first)
        #expect(first["id"] == .string("ab") && first["state"] == .string("running"))
        #expect(first["seconds"] == .real(1.5) && first["worker_lost"] == .bool(true))
        #expect(try first.object("past_seconds")["queued"] == .real(2.5))
        let failure = try #require(try manager.objects("failures").first)
        #expect(failure["text"] == .string("no \"luck\"\n\u{1B}[31m"))
    }

    @Test func `of very many tasks the first are listed, and the others counted`() async throws {
        let many = (0..<StatusDocument.taskCountMax).map { task("\($0)", .zero) }
        let manager = try #require(try await document(many, of: 6000).objects("managers").first)
        #expect(try manager.objects("tasks").count == StatusDocument.taskCountMax)
        #expect(manager["tasks_left_out"] == .integer(1000))
    }
}

extension JSONObject {
    fileprivate func object(_ name: String) throws -> JSONObject { try #require(try objectIfPresent(name)) }
}
