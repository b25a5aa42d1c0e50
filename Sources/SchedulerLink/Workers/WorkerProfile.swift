// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import SchedulerMessages

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
    var assumedGeneration: WireGeneration?
}

extension WorkerProfile {
    /// The profile that the settings give; `hostname` is the machine's, `sizeNames` are the capabilities whose
    /// amount is a size.
    package init(_ settings: Settings, hostname: String, sizeNames: [String]) {
        self.init(
            managerID: settings.workerManagerID,
            hostname: hostname,
            capabilities: settings.capabilities.map { Capability(name: $0.name, value: $0.value) },
            sizeNames: sizeNames,
            taskQueueSize: settings.taskQueueSize,
            heartbeatInterval: settings.heartbeatInterval,
            deathTimeout: settings.deathTimeout
        )
        switch settings.schedulerRelease {
        case .auto: break
        case .first: assumedGeneration = .first
        case .second: assumedGeneration = .second
        }
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
