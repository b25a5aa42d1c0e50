// SPDX-License-Identifier: Apache-2.0

import JSON
import OCIServices
import SchedulerLink
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
            statistics.failed("f", "no \"luck\"\n\u{1B}[31m", remedy: "have some", .refused)
            var metrics = exampleMetrics("m", [.running: tasks.count])
            metrics.cloud = Self.cloud
            metrics.links.retransmissionCount = 3
            metrics.storage.connectionCount = 2
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
                        metrics: metrics,
                        schedulerAddress: "tcp://127.0.0.1:1",
                        ownerID: "o",
                        tasks: tasks,
                        taskCount: taskCount ?? tasks.count,
                        failures: statistics.failures
                    )
                ],
                checks: [StatusCheck(subject: .oci, managerID: "m", isGood: true, text: "fine")]
            )
        }
        return try JSONObject(reading: document.json.encoded())
    }

    private static let form = InstanceForm(
        availabilityDomain: "AD-1",
        shape: "E4",
        ocpus: 2,
        memoryGB: 8
    )

    private static var cloud: CloudNumbers {
        let place = Placement(availabilityDomain: "AD-1", subnetID: "s", shape: "E4")
        var usage = UsageMeter.Reading(shape: "E4")
        usage.taken.ocpuSeconds = 120
        usage.minimum.memoryGBSeconds = 7
        return CloudNumbers(
            places: [
                PlaceReport(
                    placement: place,
                    underWayCount: 1,
                    createdCount: 5,
                    refusalCounts: [.limit: 4],
                    full: [.limit],
                    nextProbe: .seconds(2)
                )
            ],
            rates: [
                RateReport(
                    service: "objectstorage",
                    lane: .list,
                    perSecond: 14.00049,
                    waitingCount: 2,
                    throttledCount: 9
                )
            ],
            census: InstanceCensus([(.running, form), (.running, form), (.deleting, form)]),
            usage: [usage]
        )
    }

    @Test func `places, rates, instances, what they took, links and checks can be read`() async throws {
        let root = try await document([])
        let check = try #require(try root.objects("checks").first)
        #expect(check["name"] == .string("oci") && check["manager"] == .string("m"))
        #expect(check["good"] == .bool(true) && check["required"] == .bool(false))
        let manager = try #require(try root.objects("managers").first)
        let place = try #require(try manager.objects("places").first)
        #expect(place["shape"] == .string("E4") && place["subnet"] == .string("s"))
        #expect(try place.object("refused")["limit"] == .integer(4))
        #expect(place["held_back_for"] == .array([.string("limit")]))
        #expect(place["next_probe_seconds"] == .real(2))
        let rate = try #require(try manager.objects("rates").first)
        #expect(rate["service"] == .string("objectstorage") && rate["lane"] == .string("list"))
        #expect(rate["per_second"] == .real(14) && rate["throttled"] == .integer(9))
        let instances = try manager.object("instances")
        #expect(try instances.object("states")["deleting"] == .integer(1))
        let group = try #require(try instances.objects("groups").first)
        #expect(group["count"] == .integer(2) && group["memory_gb"] == .real(8))
        let usage = try #require(try manager.objects("usage").first)
        #expect(usage["ocpu_seconds"] == .real(120) && usage["minimum_memory_gb_seconds"] == .real(7))
        let links = try manager.object("links")
        #expect(links["retransmissions"] == .integer(3) && links["storage_connections"] == .integer(2))
        #expect(links["heartbeat_gap_seconds"] == nil)
        let failure = try #require(try manager.objects("failures").first)
        #expect(failure["remedy"] == .string("have some") && failure["outcome"] == .string("refused"))
    }

    @Test func `a task tells where its instance is, and what went wrong last`() async throws {
        let report = TaskReport(
            task: "ab",
            state: .running,
            time: .zero,
            instanceID: "ocid1.x",
            isWorkerLost: false,
            form: Self.form,
            subnetID: "s",
            trouble: "bad luck"
        )
        let manager = try #require(try await document([report]).objects("managers").first)
        let first = try #require(try manager.objects("tasks").first)
        #expect(try first.object("place")["availability_domain"] == .string("AD-1"))
        #expect(try first.object("place")["subnet"] == .string("s"))
        #expect(first["trouble"] == .string("bad luck"))
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
