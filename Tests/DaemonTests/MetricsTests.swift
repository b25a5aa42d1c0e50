// SPDX-License-Identifier: Apache-2.0

import EventLoop
import SchedulerLink
import TaskEngine
import TestSupport
import Testing
import Transport

@testable import Daemon
@testable import OCIServices

@Suite struct MetricsTests {
    private func metrics(_ id: String, orphans: Int = 0, isRegistered: Bool = true) -> Metrics {
        exampleMetrics(id, [.running: 3], orphans: orphans, isRegistered: isRegistered)
    }

    private func page(_ managers: [Metrics], starting: [String] = []) async throws -> [String] {
        let host = try await onLoop {
            var sampler = ProcessUsageSampler()
            return HostMetrics(
                usage: sampler.sample(),
                inputs: (Resources(memoryBytes: 1, diskBytes: 2, fileCount: 3), Resources(memoryBytes: 10)),
                results: (Resources(), Resources()),
                openDescriptorCount: 7,
                descriptorCountMax: 8
            )
        }
        return MetricsFormat.prometheus.page(Metrics.families(managers, starting: starting, host)).split(
            separator: "\n"
        )
        .map(String.init)
    }

    @Test func `each metric has its help and type once, and a line for each manager behind them`()
        async throws
    {
        let lines = try await page([metrics("one", orphans: 4), metrics("two", isRegistered: false)])
        let start = try #require(lines.firstIndex(of: "# TYPE scaler_oci_orphans gauge"))
        #expect(lines[start - 1].hasPrefix("# HELP scaler_oci_orphans "))
        #expect(lines[start + 1] == "scaler_oci_orphans{manager=\"one\"} 4")
        #expect(lines[start + 2] == "scaler_oci_orphans{manager=\"two\"} 0")
        #expect(lines.contains("scaler_oci_registered{manager=\"one\"} 1"))
        #expect(lines.contains("scaler_oci_registered{manager=\"two\"} 0"))
        let types = lines.filter { $0.hasPrefix("# TYPE") }
        #expect(Set(types).count == types.count)
    }

    @Test func `a manager that waits for OCI is one that the scheduler does not answer`() async throws {
        let lines = try await page([metrics("one")], starting: ["two"])
        #expect(lines.contains("scaler_oci_registered{manager=\"one\"} 1"))
        #expect(lines.contains("scaler_oci_registered{manager=\"two\"} 0"))
    }

    @Test func `what the host must give is told by budget and kind`() async throws {
        let lines = try await page([])
        #expect(lines.contains(#"scaler_oci_budget_used{budget="inputs",kind="disk_bytes"} 2"#))
        #expect(lines.contains(#"scaler_oci_budget_limit{budget="inputs",kind="memory_bytes"} 10"#))
        #expect(lines.contains(#"scaler_oci_budget_used{budget="results",kind="files"} 0"#))
        #expect(lines.contains("process_open_fds 7") && lines.contains("process_max_fds 8"))
        #expect(lines.contains { $0.hasPrefix(#"scaler_oci_build_info{version=""#) && $0.hasSuffix(" 1") })
    }

    @Test func `every state has a line, but for the one in which nothing is left`() async throws {
        let lines = try await page([metrics("m")])
        for state in TaskState.allCases where state != .gone {
            let count = state == .running ? 3 : 0
            #expect(lines.contains("scaler_oci_tasks{manager=\"m\",state=\"\(state.rawValue)\"} \(count)"))
        }
        #expect(!lines.contains { $0.contains("state=\"gone\"") })
    }

    @Test func `places, rates, instances, what they took and links have their lines`() async throws {
        var metrics = metrics("m")
        let place = Placement(availabilityDomain: "AD-1", subnetID: "s", shape: "E4")
        metrics.cloud.places = [
            PlaceReport(
                placement: place,
                createdCount: 5,
                refusalCounts: [.limit: 4],
                full: [.limit],
                nextProbe: .seconds(2)
            )
        ]
        metrics.cloud.rates = [
            RateReport(
                service: "objectstorage",
                lane: .list,
                perSecond: 14.5,
                waitingCount: 2,
                throttledCount: 9
            )
        ]
        let form = InstanceForm(availabilityDomain: "AD-1", shape: "E4", ocpus: 2, memoryGB: 8)
        metrics.cloud.census = InstanceCensus([(.running, form), (.deleting, form)])
        var usage = UsageMeter.Reading(shape: "E4")
        usage.taken.ocpuSeconds = 120
        usage.minimum.memoryGBSeconds = 7
        metrics.cloud.usage = [usage]
        metrics.links.silence = .seconds(3)
        metrics.links.retransmissionCount = 8
        let lines = try await page([metrics])
        let labels = #"manager="m",availability_domain="AD-1",shape="E4""#
        for line in [
            #"scaler_oci_place_creates_total{\#(labels),subnet="s",answer="created"} 5"#,
            #"scaler_oci_place_creates_total{\#(labels),subnet="s",answer="limit"} 4"#,
            #"scaler_oci_place_held_back{\#(labels),subnet="s"} 1"#,
            #"scaler_oci_rate_limit{manager="m",service="objectstorage",lane="list"} 14.5"#,
            #"scaler_oci_throttled_total{manager="m",service="objectstorage",lane="list"} 9"#,
            #"scaler_oci_instances_by_state{manager="m",state="deleting"} 1"#,
            "scaler_oci_instances_by_place{\(labels)} 1",
            #"scaler_oci_ocpu_seconds_total{manager="m",shape="E4",charge="taken"} 120.0"#,
            #"scaler_oci_memory_gigabyte_seconds_total{manager="m",shape="E4",charge="minimum"} 7.0"#,
            #"scaler_oci_heartbeat_gap_seconds{manager="m"} 3.0"#,
            #"scaler_oci_retransmissions_total{manager="m"} 8"#,
        ] { #expect(lines.contains(line), "\(line)") }
    }

    /// The calls that a manager makes.
    private static let operations: [OCIServices.Operation] = [
        .createContainerInstance, .getContainerInstance, .listContainerInstances, .deleteContainerInstance,
        .getContainer, .retrieveLogs, .listContainerInstanceShapes, .listWorkRequestErrors, .putObject,
        .getObject, .listObjects, .deleteObject, .batchDeleteObjects, .listAvailabilityDomains, .getSubnet,
        .federateInstance, .refreshSessionToken,
    ]

    @Test func `a manager has fewer than 400 series, whatever is configured and whatever goes wrong`()
        async throws
    {
        let codes = [400, 401, 403, 404, 409, 412, 413, 429].map(AnswerCode.status)
        var requests = RequestCounts()
        for operation in Self.operations {
            requests.add(operation, isRetry: false)
            for code in codes + [.success, .otherRefusal, .serverError, .none] {
                requests.add(code, to: operation, after: .seconds(1))
            }
        }
        var metrics = exampleMetrics("m", credentialExpiry: 1, requests: requests)
        let places = (0..<90).map {
            Placement(availabilityDomain: "AD-\($0 % 3)", subnetID: "s\($0)", shape: "E\($0 % 9)")
        }
        metrics.cloud.places = places.map { PlaceReport(placement: $0) }
        metrics.cloud.rates = Set(Self.operations.map { "\($0.service) \($0.lane)" }).map { _ in
            RateReport(service: "iaas", lane: .read, perSecond: 1)
        }
        metrics.cloud.census = InstanceCensus(
            places.map {
                (.running, InstanceForm(availabilityDomain: $0.availabilityDomain, shape: $0.shape))
            }
        )
        metrics.cloud.usage = (0..<9).map { UsageMeter.Reading(shape: "E\($0)") }
        metrics.cloud.silence = .zero
        metrics.links.silence = .zero
        let lines = try await page([metrics])
        let own = lines.filter { !$0.hasPrefix("#") && $0.contains(#"manager="m""#) }
        #expect(own.count < 400)
        #expect(own.contains { $0.contains(#"subnet="other""#) })
        let counted = own.filter { $0.hasPrefix("scaler_oci_answers_total") }
        let sum = counted.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
        #expect(sum == Self.operations.count * 12)
    }

    @Test func `a manager's id cannot break out of its label`() async throws {
        let lines = try await page([metrics("a\"b\\c\nd")])
        #expect(lines.contains(#"scaler_oci_workers{manager="a\"b\\c\nd"} 2"#))
    }
}
