// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIServices

/// What the cloud holds for a task that this process does not (yet) know.
struct Leftover {
    /// Instances that are not gone: one, as a rule.
    var instances: [InstanceSummary] = []
    /// Whether its result is stored.
    var hasResult = false
    /// Names of objects with its payload.
    var inputs: [String] = []
    /// When a listing first showed something of it.
    let since: Deadline

    var isEmpty: Bool {
        instances.isEmpty && !hasResult && inputs.isEmpty
    }

    /// The instance to go on with: one that may still yield a result before one that has stopped, then the newest.
    var best: InstanceSummary? {
        instances.max { left, right in
            if left.lifecycleState.isStopped != right.lifecycleState.isStopped {
                return left.lifecycleState.isStopped
            }
            return left.timeCreated?.millisecondsSinceEpoch ?? 0
                < right.timeCreated?.millisecondsSinceEpoch ?? 0
        }
    }
}

/// All leftovers, by the task's id in hexadecimal digits; each complete listing replaces what it is about.
///
/// So nothing is kept that the cloud does not hold any more, whoever deleted it.
struct Leftovers {
    private(set) var byTask: [String: Leftover] = [:]

    var isEmpty: Bool { byTask.isEmpty }
    var count: Int { byTask.count }
    var instanceCount: Int { byTask.values.reduce(0) { $0 + $1.instances.count } }

    /// Replaces all instances by those of a complete listing.
    mutating func replace(instances: [String: [InstanceSummary]], at now: Deadline) {
        replace(with: instances, at: now) { $0.instances = $1 ?? [] }
    }

    /// Replaces all results by those of a complete listing.
    mutating func replace(results: Set<String>, at now: Deadline) {
        let found = Dictionary(uniqueKeysWithValues: results.map { ($0, true) })
        replace(with: found, at: now) { $0.hasResult = $1 ?? false }
    }

    /// Replaces all payloads by those of a complete listing.
    mutating func replace(inputs: [String: [String]], at now: Deadline) {
        replace(with: inputs, at: now) { $0.inputs = $1 ?? [] }
    }

    /// Notes that the result of a task is stored and nobody has a use for it yet.
    mutating func add(resultOf task: String, at now: Deadline) {
        byTask[task, default: Leftover(since: now)].hasResult = true
    }

    /// Removes and returns what is left of a task.
    mutating func claim(_ task: String) -> Leftover? {
        byTask.removeValue(forKey: task)
    }

    /// Removes and returns the instances of tasks whose result is stored.
    mutating func takeFinishedInstances() -> [InstanceSummary] {
        var finished: [InstanceSummary] = []
        for (task, leftover) in byTask where leftover.hasResult && !leftover.instances.isEmpty {
            finished += leftover.instances
            byTask[task]?.instances = []
        }
        return finished
    }

    /// Removes and returns what nobody has asked for until `grace` after it was found, or after `asking`, the moment
    /// since when anybody could ask; tasks that are awaited were asked for.
    mutating func takeExpired(
        after grace: Duration,
        asking: Deadline,
        unlessAwaited isAwaited: (String) -> Bool
    ) -> [String: Leftover] {
        let expired = byTask.filter { (max($0.value.since, asking) + grace).isPast && !isAwaited($0.key) }
        for task in expired.keys { byTask[task] = nil }
        return expired
    }

    private mutating func replace<Value>(
        with found: [String: Value],
        at now: Deadline,
        _ set: (inout Leftover, Value?) -> Void
    ) {
        for task in byTask.keys where found[task] == nil {
            set(&byTask[task, default: Leftover(since: now)], nil)
            if byTask[task]?.isEmpty == true { byTask[task] = nil }
        }
        for (task, value) in found { set(&byTask[task, default: Leftover(since: now)], value) }
    }
}
