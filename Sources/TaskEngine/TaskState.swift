// SPDX-License-Identifier: Apache-2.0
//
// The life of one task, as a table.
//
// A task is in exactly one state, and every event has an answer in every state: a next state, or nil where
// the event means nothing any more (a result seen for a task that was cancelled) and is dropped. What is
// done in a state is the business of the one who asks; nothing here touches the world.

/// Where a task stands between its arrival and the last trace of it in the cloud.
package enum TaskState: String, Hashable, Sendable, CaseIterable {
    /// Waits for a slot. To `loading` when one is granted, `gone` when cancelled.
    case queued
    /// Its inputs are read from Scaler's object storage. To `storing` when all are here, `running` or `fetching` when
    /// an earlier process left its instance or result, `queued` when one is not there yet, `replying` when one cannot be
    /// had, `cleaning` when cancelled.
    case loading
    /// Its payload is put where the container finds it. To `creating` when stored, or when it is small enough
    /// to travel inside the create call; `replying` when it cannot be stored, `cleaning` when cancelled.
    case storing
    /// Its instance is being created; waits here, too, while the cloud has no room. To `running` when the
    /// cloud named the instance, `replying` when it refused, `cleaning` when cancelled.
    case creating
    /// Its instance exists. To `fetching` when the result object is listed, `diagnosing` when the instance
    /// stopped or vanished without one, `replying` when its time is up, `cleaning` when cancelled.
    case running
    /// Why its instance ended without a result is asked of the cloud. To `replying` when known,
    /// `fetching` when the result turned up after all, `loading` when the cloud had taken the instance on
    /// without having room for it, `cleaning` when cancelled.
    case diagnosing
    /// Its result is read from OCI Object Storage. To `replying` when read, `running` when the listing was wrong and
    /// there is none (yet), `loading` when there is neither result nor instance, `cleaning` when cancelled.
    case fetching
    /// Its result is put into Scaler's object storage, then announced to the scheduler. To `cleaning` when
    /// announced, or when cancelled before that.
    case replying
    /// Answered or cancelled; its instance is being deleted. To `gone` when the cloud accepted that.
    case cleaning
    /// No instance of it counts any more; the ledger sees to what is left of it. Final.
    case gone

    /// The state after `event`, or nil where the event changes nothing.
    ///
    /// Without a `default`: a new event, or a new state that may fail, be cancelled or see a result, does not compile before
    /// it has its row here.
    package func next(after event: TaskEvent) -> TaskState? {
        switch event {
        case .slotGranted: self == .queued ? .loading : nil
        case .setAside: self == .loading ? .queued : nil
        case .inputsLoaded: self == .loading ? .storing : nil
        case .instanceAdopted: self == .loading ? .running : nil
        case .payloadStored: self == .storing ? .creating : nil
        case .instanceCreated: self == .creating ? .running : nil
        case .resultSeen:
            switch self {
            case .loading, .running, .diagnosing: .fetching
            case .queued, .storing, .creating, .fetching, .replying, .cleaning, .gone: nil
            }
        case .instanceStopped: self == .running ? .diagnosing : nil
        case .resultVanished: self == .fetching ? .running : nil
        case .startedOver: self == .diagnosing || self == .fetching ? .loading : nil
        case .outcomeKnown: self == .fetching ? .replying : nil
        case .failed:
            switch self {
            case .loading, .storing, .creating, .running, .diagnosing, .fetching: .replying
            case .queued, .replying, .cleaning, .gone: nil
            }
        case .replied: self == .replying ? .cleaning : nil
        case .cancelled:
            switch self {
            case .queued: .gone
            case .loading, .storing, .creating, .running, .diagnosing, .fetching, .replying: .cleaning
            case .cleaning, .gone: nil
            }
        case .cleaned: self == .cleaning ? .gone : nil
        }
    }

    /// What a cancel is answered with in this state; `isForced` as the scheduler says.
    package func answer(toCancelThatIsForced isForced: Bool) -> CancelAnswer {
        switch self {
        case .queued: .canceled
        case .loading, .storing, .creating, .running, .diagnosing, .fetching, .replying:
            isForced ? .canceled : .refused
        case .cleaning, .gone: .unknown
        }
    }
}

/// What happens to a task.
package enum TaskEvent: String, Hashable, Sendable, CaseIterable {
    /// One of the slots became free and is the task's now.
    case slotGranted
    /// Scaler's object storage does not have an input, or not yet: others may use the slot meanwhile.
    case setAside
    /// Function, serializer and arguments are in memory.
    case inputsLoaded
    /// An instance of an earlier process, or of an earlier session with the scheduler, is the task's.
    case instanceAdopted
    /// The payload can be found by the container.
    case payloadStored
    /// The cloud named the instance.
    case instanceCreated
    /// A listing showed the result object.
    case resultSeen
    /// A listing showed that the instance stopped, and a later one that there is no result.
    case instanceStopped
    /// What was listed as the result could not be found.
    case resultVanished
    /// Nothing came of the instance and the task is not to blame: it needs another.
    case startedOver
    /// What to answer the scheduler with is in memory.
    case outcomeKnown
    /// The task cannot go on, or its time is up; the error is the outcome.
    case failed
    /// The scheduler was answered.
    case replied
    /// Nobody wants the task any more.
    case cancelled
    /// The cloud accepted the deletion of what the task left.
    case cleaned
}

/// The answers to a cancel that Scaler's workers give.
package enum CancelAnswer: Hashable, Sendable {
    /// The task is dropped; no result will come.
    case canceled
    /// The task runs and goes on; its result will come.
    case refused
    /// No such task, or it is answered already.
    case unknown
}
