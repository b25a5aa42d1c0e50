// SPDX-License-Identifier: Apache-2.0

internal import OCIServices
internal import TaskEngine
internal import Transport

/// Numbers of one manager in Prometheus' text format 0.0.4; no task ids, so the number of series is bounded.
struct Metrics {
    let managerID: String
    let tasksByState: [TaskState: Int]
    let workerCount: Int
    let orphanCount: Int
    let isRegistered: Bool
    let deletedInstanceCount: Int
    let strayObjectCount: Int
    let waitingForRoomCount: Int
    let waitingForHostCount: Int
    let requests: RequestCounts

    /// All managers on one page: each metric's lines stand together, as the format demands.
    static func page(_ managers: [Metrics], usage: ProcessUsage) -> String {
        var page = ""
        func add(_ name: String, _ type: String, _ help: String, _ lines: [(labels: String, value: String)]) {
            page += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for line in lines { page += "\(name)\(line.labels) \(line.value)\n" }
        }
        add(
            "scaler_oci_tasks",
            "gauge",
            "Tasks in hand by state.",
            managers.flatMap { manager in
                TaskState.allCases.dropLast().map { state in
                    let labels = "{manager=\"\(manager.label)\",state=\"\(state.rawValue)\"}"
                    return (labels, "\(manager.tasksByState[state] ?? 0)")
                }
            }
        )
        add(
            "scaler_oci_requests_total",
            "counter",
            "Requests sent to OCI by operation.",
            managers.flatMap { manager in
                manager.requests.all.map { operation, count in
                    ("{manager=\"\(manager.label)\",operation=\"\(operation.name)\"}", "\(count)")
                }
            }
        )
        func add(_ name: String, _ type: String, _ help: String, each value: (Metrics) -> Int) {
            add(name, type, help, managers.map { ("{manager=\"\($0.label)\"}", "\(value($0))") })
        }
        add("scaler_oci_request_retries_total", "counter", "Requests that were repetitions.") {
            $0.requests.retryCount
        }
        add("scaler_oci_instances_deleted_total", "counter", "Deletions of instances that OCI accepted.") {
            $0.deletedInstanceCount
        }
        add("scaler_oci_stray_objects_total", "counter", "Objects whose names the manager does not give.") {
            $0.strayObjectCount
        }
        add("scaler_oci_launches_waiting", "gauge", "Tasks for which OCI has no room at present.") {
            $0.waitingForRoomCount
        }
        add(
            "scaler_oci_tasks_short_of_host",
            "gauge",
            "Tasks that wait for disk, memory or descriptors here."
        ) {
            $0.waitingForHostCount
        }
        add("scaler_oci_orphans", "gauge", "Tasks of earlier processes that nobody asked for yet.") {
            $0.orphanCount
        }
        add("scaler_oci_workers", "gauge", "Workers that the scheduler sees.") { $0.workerCount }
        add("scaler_oci_registered", "gauge", "1 if the scheduler answers the manager.") {
            $0.isRegistered ? 1 : 0
        }
        add("process_resident_memory_bytes", "gauge", "Resident memory.", [("", "\(usage.residentBytes)")])
        add("scaler_oci_timers", "gauge", "Armed timers.", [("", "\(usage.timerCount)")])
        add(
            "scaler_oci_longest_turn_seconds",
            "gauge",
            "The longest time for which one piece of work kept all others waiting; waits for a processor left out.",
            [("", "\(usage.longestTurn / .seconds(1))")]
        )
        add("process_cpu_seconds_total", "counter", "CPU time used.", [("", "\(usage.cpuSeconds)")])
        return page
    }

    /// The id as a label's value.
    private var label: String {
        let escaped = managerID.unicodeScalars.map { character in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(character)
            }
        }
        return escaped.joined()
    }
}
