// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import TaskEngine

/// Where a task's run stands, and since when.
@LoopActor
struct TaskProgress {
    private(set) var state = TaskState.queued
    private var since = Deadline.now
    private var past: [TaskReport.Stay] = []
    private let statistics: TaskStatistics
    /// What last went otherwise than it should; nil where nothing did.
    private var trouble: String?

    /// Queued as of now; `statistics` is told how long each state took.
    init(_ statistics: TaskStatistics) { self.statistics = statistics }

    /// For how long it has been there.
    var timeInState: Duration { Deadline.now.duration(since: since) }

    /// Goes on to what follows an event; false for an event that comes after the end, and changes nothing.
    @discardableResult
    mutating func advance(_ event: TaskEvent) -> Bool {
        guard let next = state.next(after: event) else {
            precondition(state == .cleaning || state == .gone, "\(event) has no place in state \(state)")
            return false
        }
        statistics.left(state, after: timeInState)
        remember(state, timeInState)
        state = next
        since = .now
        trouble = event.trouble ?? trouble
        return true
    }

    /// What there is to say of a task.
    func report(_ key: TaskKey, _ attempt: Attempt?, isLost: Bool) -> TaskReport {
        TaskReport(
            task: "\(key)",
            state: state,
            time: timeInState,
            instanceID: attempt?.seen.id,
            isWorkerLost: isLost,
            form: attempt?.seen.form,
            subnetID: attempt?.placement?.subnetID,
            trouble: trouble,
            past: past
        )
    }

    /// A task that comes back to a state has one entry of it, however often that happens.
    private mutating func remember(_ state: TaskState, _ time: Duration) {
        guard let place = past.firstIndex(where: { $0.state == state }) else {
            return past.append(TaskReport.Stay(state: state, seconds: Float(time / .seconds(1))))
        }
        past[place].seconds += Float(time / .seconds(1))
    }
}

extension TaskEvent {
    /// What went wrong where this happens; nil for what happens to every task.
    fileprivate var trouble: String? {
        switch self {
        case .setAside: "an input was not there; it waits for it without a slot"
        case .instanceStopped: "its instance ended without a result"
        case .resultVanished: "its result was listed, and was not there"
        case .startedOver: "its instance came to nothing; it needs another"
        case .failed: "it failed; its client is told why"
        case .slotGranted, .inputsLoaded, .instanceAdopted, .payloadStored, .instanceCreated, .resultSeen,
            .outcomeKnown, .replied, .cancelled, .cleaned:
            nil
        }
    }
}
