// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Transport

/// Numbers of the process and of what it may take of its host.
struct HostMetrics {
    /// What is held of a budget, and how much may be.
    typealias Share = (used: Resources, limit: Resources)

    /// The release of this program.
    let version = Version.text
    let usage: ProcessUsage
    let inputs: Share
    let results: Share
    /// Nil where the kernel does not tell.
    let openDescriptorCount: Int?
    let descriptorCountMax: Int
    /// The longest turn of the loop of the last minute or two.
    var recentTurn: Duration = .zero
    /// When the process began, in seconds since 1970.
    var startTime = 0

    var families: [MetricFamily] { budgets + process }

    private var budgets: [MetricFamily] {
        func samples(_ amount: (Share) -> Resources) -> [MetricFamily.Sample] {
            [("inputs", inputs), ("results", results)].flatMap { name, share in
                let amount = amount(share)
                let kinds = [
                    ("memory_bytes", amount.memoryBytes), ("disk_bytes", amount.diskBytes),
                    ("files", amount.fileCount),
                ]
                return kinds.map { MetricFamily.Sample([("budget", name), ("kind", $0.0)], $0.1) }
            }
        }
        return [
            MetricFamily(
                .gauge,
                "scaler_oci_budget_used",
                "What objects of tasks take here.",
                samples(\.used)
            ),
            MetricFamily(
                .gauge,
                "scaler_oci_budget_limit",
                "What objects of tasks may take here.",
                samples(\.limit)
            ),
        ]
    }

    private var process: [MetricFamily] {
        let descriptors = openDescriptorCount.map {
            [single(.gauge, "process_open_fds", "Open file descriptors.", $0)]
        }
        return [
            MetricFamily(
                .gauge,
                "scaler_oci_build_info",
                "The release of this program; always 1.",
                [MetricFamily.Sample([("version", version)], 1)]
            ),
            single(.gauge, "process_start_time_seconds", "When it began, in seconds since 1970.", startTime),
            single(.gauge, "process_resident_memory_bytes", "Resident memory.", usage.residentBytes),
            single(.counter, "process_cpu_seconds_total", "CPU time used.", usage.cpuSeconds),
            single(.gauge, "process_max_fds", "File descriptors that may be open.", descriptorCountMax),
            single(.gauge, "scaler_oci_timers", "Armed timers.", usage.timerCount),
            single(
                .gauge,
                "scaler_oci_longest_turn_seconds",
                "The longest time for which one piece of work kept all others waiting; waits for a processor left out.",
                usage.longestTurn / .seconds(1)
            ),
            single(
                .gauge,
                "scaler_oci_loop_lag_seconds",
                "The longest such time of the last minute or two.",
                recentTurn / .seconds(1)
            ),
        ] + (descriptors ?? [])
    }

    private func single(
        _ kind: MetricFamily.Kind,
        _ name: String,
        _ help: String,
        _ value: some CustomStringConvertible
    ) -> MetricFamily {
        MetricFamily(kind, name, help, [MetricFamily.Sample([], value)])
    }
}
