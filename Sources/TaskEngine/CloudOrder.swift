// SPDX-License-Identifier: Apache-2.0

/// What the ledger wants done; whoever drives it carries the orders out in this sequence.
package enum CloudOrder: Hashable, Sendable {
    /// Ask the service to delete this instance until it accepts; then tell the ledger.
    case deleteInstance(String, because: DeletionReason)
    /// Delete these objects, soon, together with others; then tell the ledger.
    case deleteObjects([TaskObject])
    /// Tell the run of this task.
    case tell(TaskKey, TaskNews)
    /// Give this queued task its slot now, whoever waits before it: its own instance holds one already.
    case admit(TaskKey)
    /// An instance of ours is gone for certain: where a limit is reached there is room for one.
    case roomFreed
    /// Say this in the log.
    case report(CloudReport)
}

/// Why an instance is deleted; the raw value is what the log says, and has its row in Operating.
package enum DeletionReason: String, Hashable, Sendable, CaseIterable {
    case answered = "its task is answered"
    case confirmed = "its task failed, and the scheduler has read the answer"
    case unconfirmed = "its task failed, and the time to confirm the answer is over"
    case cancelled = "its task was cancelled"
    case stopping = "the manager stops"
    case unclaimed = "nobody asked for its task within the grace time"
    case hasResult = "nobody has asked for its task yet, and its result is stored"
    case unwanted = "a listing shows it, and nobody will ask for its task"
    case abandonedCreate = "a create that was given up without an answer made it"
    case notAdopted = "its task goes on with another instance that was left of it"
    case otherKey = "its container stores the result under a name that this process does not give"
    case second = "its task has another instance already"
    case startedOver = "the cloud had no room for it, and its task starts over"
    case doubtful = "the service says that it is not there, and lists it"
    case stuck = "its deletion was accepted long ago, and it is still listed"
}

/// What the run of a task is told of the cloud.
package enum TaskNews: Hashable, Sendable {
    /// A listing showed the result object.
    case resultListed
    /// A complete listing of results that began then is over, whatever it showed; only to a run that waits for one.
    case resultsListed(begun: Duration)
    /// A complete listing that began then showed the task's instance; not told again while it runs and shows no change.
    case instanceListed(ListedInstance, begun: Duration)
    /// A complete listing that began then did not show the task's instance.
    case instanceMissed(begun: Duration)
    /// The service accepted the deletion of an instance of the task, or has none of that id, as a listing confirms.
    case deletionAccepted(String)
    /// After the run has released the task: no instance of it counts any more.
    case released
}

/// What a person should be able to read in the log.
package enum CloudReport: Hashable, Sendable {
    /// The task goes on with what an earlier life of it left.
    case adopted(TaskKey)
    /// Nobody asked for the task within the grace time; what is left of it is being deleted.
    case orphanExpired(TaskKey)
    /// No deletion is stuck any more.
    case noDeletionStuck
}
