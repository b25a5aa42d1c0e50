// SPDX-License-Identifier: Apache-2.0

/// What the ledger wants done; whoever drives it carries the orders out in this sequence.
package enum CloudOrder: Hashable, Sendable {
    /// Ask the service to delete this instance until it accepts; then tell the ledger.
    case deleteInstance(String)
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

/// What the run of a task is told of the cloud.
package enum TaskNews: Hashable, Sendable {
    /// A listing showed the result object.
    case resultListed
    /// A complete listing of results that began then is over, whatever it showed.
    case resultsListed(begun: Duration)
    /// A complete listing that began then showed the task's instance.
    case instanceListed(ListedInstance, begun: Duration)
    /// A complete listing that began then did not show the task's instance.
    case instanceMissed(begun: Duration)
    /// The service accepted the deletion of an instance of the task, or has none of that id.
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
    /// The task has another instance already, so this one is being deleted.
    case secondInstance(TaskKey, String)
    /// The service says that the instance is not there, and lists it.
    case deletionDoubtful(String)
    /// The deletion was accepted long ago, and the instance is still listed.
    case deletionStuck(String)
    /// No deletion is stuck any more.
    case noDeletionStuck
}
