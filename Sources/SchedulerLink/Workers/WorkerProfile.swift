// SPDX-License-Identifier: Apache-2.0

package import SchedulerMessages

/// What a manager and its workers tell the scheduler about themselves.
package struct WorkerProfile: Sendable {
    let managerID: String
    let hostname: String
    let capabilities: [SchedulerMessages.Capability]
    /// The capabilities whose amount is the size of a task's instance.
    let sizeNames: [String]
    let taskQueueSize: Int
    let heartbeatInterval: Duration
    /// How long the scheduler may be silent or unreachable before a session with it ends.
    let deathTimeout: Duration
    /// The scheduler's generation as the operator knows it; the transport has precedence where it tells.
    let assumedGeneration: WireGeneration?

    /// Makes a profile; `sizeNames` are the capabilities whose amount is a size, and `assumedGeneration` is nil where the
    /// generation is to be found out.
    package init(
        managerID: String,
        hostname: String,
        capabilities: [SchedulerMessages.Capability],
        sizeNames: [String],
        taskQueueSize: Int,
        heartbeatInterval: Duration,
        deathTimeout: Duration,
        assumedGeneration: WireGeneration? = nil
    ) {
        self.managerID = managerID
        self.hostname = hostname
        self.capabilities = capabilities
        self.sizeNames = sizeNames
        self.taskQueueSize = taskQueueSize
        self.heartbeatInterval = heartbeatInterval
        self.deathTimeout = deathTimeout
        self.assumedGeneration = assumedGeneration
    }
}

extension DesiredTaskConcurrencyRequest {
    /// The same request without the capabilities named `sizeNames` that a manager offers in any amount.
    func withoutSizes(
        _ sizeNames: [String],
        offered: [SchedulerMessages.Capability]
    ) -> DesiredTaskConcurrencyRequest {
        let anySize = sizeNames.filter { name in offered.contains { $0.name == name && $0.value == -1 } }
        return DesiredTaskConcurrencyRequest(
            taskConcurrency: taskConcurrency,
            capabilities: capabilities.filter { !anySize.contains($0.name) }
        )
    }
}
