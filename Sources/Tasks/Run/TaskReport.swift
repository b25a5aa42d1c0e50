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
    /// The states that it was in before, in the order in which it came into them, with all its time in each.
    package var past: [Stay] = []

    /// A state and the seconds in it; small, as each task at work has up to nine.
    package struct Stay: Sendable, Equatable {
        /// The state.
        package let state: TaskState
        /// The seconds.
        package var seconds: Float
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
