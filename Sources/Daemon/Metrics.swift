// SPDX-License-Identifier: Apache-2.0

internal import OCIServices
internal import SchedulerLink
internal import TaskEngine
internal import Tasks

/// How it stands with OCI: what a manager has there, what it was refused, and how fast it asks.
struct CloudNumbers {
    var places: [PlaceReport] = []
    var rates: [RateReport] = []
    var census = InstanceCensus()
    var usage: [UsageMeter.Reading] = []
    /// How long ago a call last succeeded; nil where none has.
    var silence: Duration?
    /// Why the last call failed, where none has succeeded since.
    var trouble: String?
}

/// Numbers of one manager; no task ids, so the number of series is bounded.
struct Metrics {
    let managerID: String
    let tasksByState: [TaskState: Int]
    let outcomes: [TaskStatistics.Outcome: Int]
    let secondsByState: [TaskState: Histogram]
    let workerCount: Int
    /// For how long the task that waits longest for a slot has waited.
    let oldestQueued: Duration
    let orphanCount: Int
    let isRegistered: Bool
    let deletedInstanceCount: Int
    let strayObjectCount: Int
    let waitingForRoomCount: Int
    let waitingForHostCount: Int
    /// Instances that hold a slot, and how many may.
    let instanceCount: Int
    let slotLimit: Int
    /// Whether calls wait because OCI refuses what it allowed before.
    let isAccessLost: Bool
    /// When the credentials run out, in seconds since 1970; nil if they do not.
    let credentialExpiry: Int?
    let requests: RequestCounts
    var cloud = CloudNumbers()
    var links = LinkReport()
    var storage = StorageReport()

    /// What is served of all managers and of the process.
    ///
    /// `starting` names the managers that still wait for OCI.
    static func families(
        _ managers: [Metrics],
        starting: [String] = [],
        _ host: HostMetrics
    ) -> [MetricFamily] {
        tasks(managers) + requests(managers) + cloud(managers) + numbers(managers)
            + scheduler(managers, starting) + links(managers) + host.families
    }

    private static func tasks(_ managers: [Metrics]) -> [MetricFamily] {
        let states = managers.flatMap { manager in
            TaskState.allCases.dropLast().map { state in
                MetricFamily.Sample(
                    [("manager", manager.managerID), ("state", state.rawValue)],
                    manager.tasksByState[state] ?? 0
                )
            }
        }
        let outcomes = managers.flatMap { manager in
            TaskStatistics.Outcome.allCases.map { outcome in
                MetricFamily.Sample(
                    [("manager", manager.managerID), ("outcome", outcome.rawValue)],
                    manager.outcomes[outcome] ?? 0
                )
            }
        }
        let seconds = managers.flatMap { manager in
            TaskState.allCases.dropLast().flatMap { state in
                MetricFamily.samples(
                    of: manager.secondsByState[state] ?? Histogram(),
                    [("manager", manager.managerID), ("state", state.rawValue)]
                )
            }
        }
        return [
            MetricFamily(.gauge, "scaler_oci_tasks", "Tasks in hand by state.", states),
            MetricFamily(.counter, "scaler_oci_tasks_ended_total", "Tasks that ended, by how.", outcomes),
            MetricFamily(
                .histogram,
                "scaler_oci_task_state_seconds",
                "Seconds that tasks spent in a state.",
                seconds
            ),
            family(
                .gauge,
                "scaler_oci_launches_waiting",
                "Tasks for which OCI has no room at present.",
                managers
            ) {
                $0.waitingForRoomCount
            },
            family(
                .gauge,
                "scaler_oci_tasks_short_of_host",
                "Tasks that wait for disk, memory or descriptors here.",
                managers
            ) { $0.waitingForHostCount },
            MetricFamily(
                .gauge,
                "scaler_oci_oldest_queued_seconds",
                "For how long the task that waits longest for a slot has waited.",
                managers.map {
                    MetricFamily.Sample([("manager", $0.managerID)], $0.oldestQueued / .seconds(1))
                }
            ),
            family(
                .gauge,
                "scaler_oci_orphans",
                "Tasks of earlier processes that nobody asked for yet.",
                managers
            ) { $0.orphanCount },
        ]
    }

    private static func requests(_ managers: [Metrics]) -> [MetricFamily] {
        func samples(_ make: (Metrics, RequestCounts) -> [MetricFamily.Sample]) -> [MetricFamily.Sample] {
            managers.flatMap { make($0, $0.requests) }
        }
        let sent = samples { manager, requests in
            requests.all.map { MetricFamily.Sample(manager.labels(of: $0.operation), $0.count) }
        }
        let answers = samples { manager, requests in
            requests.byCode.map {
                MetricFamily.Sample(manager.labels(of: $0.operation) + [("code", $0.code.label)], $0.count)
            }
        }
        let seconds = samples { manager, requests in
            requests.all.flatMap {
                MetricFamily.samples(ofSum: requests.time(of: $0.operation), manager.labels(of: $0.operation))
            }
        }
        return [
            MetricFamily(.counter, "scaler_oci_requests_total", "Requests sent to OCI by operation.", sent),
            MetricFamily(
                .counter,
                "scaler_oci_answers_total",
                "What requests to OCI were answered with.",
                answers
            ),
            MetricFamily(
                .summary,
                "scaler_oci_request_seconds",
                "Seconds from a request to the end of its answer.",
                seconds
            ),
            family(
                .counter,
                "scaler_oci_request_retries_total",
                "Requests that were repetitions.",
                managers
            ) { $0.requests.retryCount },
        ]
    }

    func labels(of operation: Operation) -> [(name: String, value: String)] {
        [("manager", managerID), ("operation", operation.name)]
    }

    private static func cloud(_ managers: [Metrics]) -> [MetricFamily] {
        [
            family(.gauge, "scaler_oci_instances", "Container instances that hold a slot.", managers) {
                $0.instanceCount
            },
            family(.gauge, "scaler_oci_slots", "Container instances that may exist at once.", managers) {
                $0.slotLimit
            },
            family(
                .counter,
                "scaler_oci_instances_deleted_total",
                "Deletions of instances that OCI accepted.",
                managers
            ) { $0.deletedInstanceCount },
            family(
                .counter,
                "scaler_oci_stray_objects_total",
                "Objects whose names the manager does not give.",
                managers
            ) { $0.strayObjectCount },
            family(.gauge, "scaler_oci_access_lost", "1 while OCI refuses what it allowed before.", managers)
            {
                $0.isAccessLost ? 1 : 0
            },
            MetricFamily(
                .gauge,
                "scaler_oci_credentials_expire_timestamp_seconds",
                "When the token in use runs out, in seconds since 1970.",
                managers.compactMap { manager in
                    manager.credentialExpiry.map { MetricFamily.Sample([("manager", manager.managerID)], $0) }
                }
            ),
        ]
    }

    private static func scheduler(_ managers: [Metrics], _ starting: [String]) -> [MetricFamily] {
        [
            family(.gauge, "scaler_oci_workers", "Workers that the scheduler sees.", managers) {
                $0.workerCount
            },
            MetricFamily(
                .gauge,
                "scaler_oci_registered",
                "1 if the scheduler answers the manager.",
                managers.map { MetricFamily.Sample([("manager", $0.managerID)], $0.isRegistered ? 1 : 0) }
                    + starting.map { MetricFamily.Sample([("manager", $0)], 0) }
            ),
        ]
    }

    static func family(
        _ kind: MetricFamily.Kind,
        _ name: String,
        _ help: String,
        _ managers: [Metrics],
        _ value: (Metrics) -> Int
    ) -> MetricFamily {
        MetricFamily(
            kind,
            name,
            help,
            managers.map { MetricFamily.Sample([("manager", $0.managerID)], value($0)) }
        )
    }
}
