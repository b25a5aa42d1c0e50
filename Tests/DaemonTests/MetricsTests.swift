// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TaskEngine
import TestSupport
import Testing
import Transport

@testable import Daemon

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

    @Test func `a manager's id cannot break out of its label`() async throws {
        let lines = try await page([metrics("a\"b\\c\nd")])
        #expect(lines.contains(#"scaler_oci_workers{manager="a\"b\\c\nd"} 2"#))
    }
}
