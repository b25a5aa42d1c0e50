// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import TaskEngine

/// Where a task's run stands, and since when.
@LoopActor
struct TaskProgress {
    private(set) var state = TaskState.queued
    private var since = Deadline.now

    /// Goes on to what follows an event; an event that comes after the end changes nothing.
    mutating func advance(_ event: TaskEvent) {
        guard let next = state.next(after: event) else {
            precondition(state == .cleaning || state == .gone, "\(event) has no place in state \(state)")
            return
        }
        state = next
        since = .now
    }

    /// What there is to say of a task, as the fields of a line of the log.
    func report(_ key: TaskKey, in instanceID: String?, isLost: Bool) -> Logger.Metadata {
        let seconds = Deadline.now.duration(since: since).components.seconds
        var fields: Logger.Metadata = ["task": "\(key)", "state": "\(state)", "seconds": "\(seconds)"]
        if let instanceID { fields["instance"] = "\(instanceID)" }
        if isLost { fields["worker"] = "lost" }
        return fields
    }
}
