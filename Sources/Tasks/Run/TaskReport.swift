// SPDX-License-Identifier: Apache-2.0

package import Logging
package import TaskEngine

/// What there is to say of a task now.
package struct TaskReport: Sendable {
    /// The task, in hexadecimal digits.
    package let task: String
    /// Where it stands.
    package let state: TaskState
    /// For how long it has been there.
    package let time: Duration
    /// The OCID of its instance, where it has one.
    package let instanceID: String?
    /// Whether the worker that it was sent to is gone.
    package let isWorkerLost: Bool
    /// Where its instance is, and how large.
    package let form: InstanceForm?
    /// The subnet of its instance, where this process made that.
    package let subnetID: String?
    /// What last went otherwise than it should; nil where nothing did.
    package var trouble: String?
    /// The states that it was in before, in the order in which it came into them, with all its time in each.
    package var past: [Stay] = []

    /// A state and the seconds in it; small, as each task at work has up to nine.
    package struct Stay: Sendable, Equatable {
        /// The state.
        package let state: TaskState
        /// The seconds.
        package var seconds: Float
    }

    /// Puts the facts together.
    package init(
        task: String,
        state: TaskState,
        time: Duration,
        instanceID: String?,
        isWorkerLost: Bool,
        form: InstanceForm? = nil,
        subnetID: String? = nil,
        trouble: String? = nil,
        past: [Stay] = []
    ) {
        self.task = task
        self.state = state
        self.time = time
        self.instanceID = instanceID
        self.isWorkerLost = isWorkerLost
        self.form = form
        self.subnetID = subnetID
        self.trouble = trouble
        self.past = past
    }

    /// The same with what goes otherwise than it should now.
    func with(_ trouble: String) -> TaskReport {
        var report = self
        report.trouble = trouble
        return report
    }

    /// The same as the fields of a line of the log.
    package var fields: Logger.Metadata {
        let seconds = time.components.seconds
        var fields: Logger.Metadata = ["task": "\(task)", "state": "\(state)", "seconds": "\(seconds)"]
        if let instanceID { fields["instance"] = "\(instanceID)" }
        if isWorkerLost { fields["worker"] = "lost" }
        return fields
    }
}
