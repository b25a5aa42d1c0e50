// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import TaskEngine
internal import Tasks
internal import Transport

/// What the status document says of one manager.
struct ManagerStatus {
    let metrics: Metrics
    let schedulerAddress: String
    let ownerID: String
    /// Tasks in hand, `StatusDocument.taskCountMax` at most, those at work first.
    let tasks: [TaskReport]
    /// How many there are.
    let taskCount: Int
    /// The last tasks that failed, the oldest first.
    let failures: [TaskStatistics.Failure]
}

/// The whole state as a JSON document; its members are described in the page Operating, and only added to.
struct StatusDocument {
    /// Raised when a member changes its meaning.
    private static let schema: Int64 = 1
    /// So many tasks of a manager are listed.
    static let taskCountMax = 5000

    let host: HostMetrics
    /// Seconds since 1970.
    let now: Int
    let phase: ServiceNotices.Phase
    let status: String
    let managers: [ManagerStatus]
    var checks: [StatusCheck] = []

    /// The document as it is served.
    var text: String { String(decoding: json.encoded(), as: UTF8.self) }

    var json: JSON {
        .object(present: [
            ("schema", .integer(Self.schema)),
            ("version", .string(host.version)),
            ("time", .integer(Int64(now))),
            ("phase", .string("\(phase)")),
            ("status", .string(status)),
            ("process", process),
            ("checks", .array(checks.map(\.json))),
            ("managers", .array(managers.map(Self.json))),
        ])
    }

    private var process: JSON {
        .object(present: [
            ("resident_bytes", .integer(Int64(clamping: host.usage.residentBytes))),
            ("cpu_seconds", .real(host.usage.cpuSeconds)),
            ("start_time", .integer(Int64(host.startTime))),
            ("longest_turn_seconds", .real(host.usage.longestTurn / .seconds(1))),
            ("recent_turn_seconds", .real(host.recentTurn / .seconds(1))),
            ("open_descriptors", host.openDescriptorCount.map { .integer(Int64($0)) }),
            ("descriptors_max", .integer(Int64(host.descriptorCountMax))),
            ("inputs", Self.json(host.inputs)),
            ("results", Self.json(host.results)),
        ])
    }

    private static func json(_ share: HostMetrics.Share) -> JSON {
        func amounts(_ resources: Resources) -> JSON {
            counts([
                ("memory_bytes", resources.memoryBytes), ("disk_bytes", resources.diskBytes),
                ("files", resources.fileCount),
            ])
        }
        return .object(present: [("used", amounts(share.used)), ("limit", amounts(share.limit))])
    }

    static func json(_ manager: ManagerStatus) -> JSON {
        let metrics = manager.metrics
        let states = TaskState.allCases.dropLast().map { ($0.rawValue, metrics.tasksByState[$0] ?? 0) }
        let outcomes = TaskStatistics.Outcome.allCases.map { ($0.rawValue, metrics.outcomes[$0] ?? 0) }
        return .object(present: [
            ("id", .string(metrics.managerID)),
            ("owner", .string(manager.ownerID)),
            ("scheduler", .string(manager.schedulerAddress)),
            ("registered", .bool(metrics.isRegistered)),
            ("access_lost", .bool(metrics.isAccessLost)),
            ("credentials_expire", metrics.credentialExpiry.map { .integer(Int64($0)) }),
            ("workers", .integer(Int64(metrics.workerCount))),
            ("slots", counts([("used", metrics.instanceCount), ("limit", metrics.slotLimit)])),
            (
                "waiting",
                counts([("for_room", metrics.waitingForRoomCount), ("for_host", metrics.waitingForHostCount)])
            ),
            ("oldest_queued_seconds", .real(seconds(metrics.oldestQueued))),
            ("orphans", .integer(Int64(metrics.orphanCount))),
            ("links", metrics.links.json(metrics.storage)),
            ("places", .array(metrics.cloud.places.map(\.json))),
            ("rates", .array(metrics.cloud.rates.map(\.json))),
            ("instances", metrics.cloud.census.json),
            ("usage", .array(metrics.cloud.usage.map(\.json))),
            ("task_counts", counts(states)),
            ("ended_counts", counts(outcomes)),
            ("tasks", .array(manager.tasks.map(json))),
            ("tasks_left_out", .integer(Int64(manager.taskCount - manager.tasks.count))),
            ("failures", .array(manager.failures.map(json))),
        ])
    }

    private static func json(_ task: TaskReport) -> JSON {
        .object(present: [
            ("id", .string(task.task)),
            ("state", .string(task.state.rawValue)),
            ("seconds", .real(seconds(task.time))),
            ("instance", task.instanceID.map { .string($0) }),
            ("worker_lost", task.isWorkerLost ? .bool(true) : nil),
            ("place", task.form.map { $0.place(subnetID: task.subnetID) }),
            ("trouble", task.trouble.map { .string($0) }),
            ("past_seconds", task.past.isEmpty ? nil : past(of: task)),
        ])
    }

    private static func past(of task: TaskReport) -> JSON {
        .object(present: task.past.map { ($0.state.rawValue, .real(seconds(.seconds(Double($0.seconds))))) })
    }

    private static func json(_ failure: TaskStatistics.Failure) -> JSON {
        .object(present: [
            ("time", .integer(Int64(failure.epochSeconds))),
            ("task", .string(failure.task)),
            ("outcome", .string(failure.outcome.rawValue)),
            ("text", .string(failure.text)),
            ("remedy", .string(failure.remedy)),
        ])
    }

    static func counts(_ pairs: [(String, Int)]) -> JSON {
        .object(present: pairs.map { ($0.0, .integer(Int64($0.1))) })
    }

    /// To the millisecond.
    static func seconds(_ time: Duration) -> Double { (time / .milliseconds(1)).rounded() / 1000 }
}
