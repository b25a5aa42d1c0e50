// SPDX-License-Identifier: Apache-2.0

import TaskEngine

@testable import Daemon
@testable import OCIServices

/// Numbers of a manager with ten slots, of which as many are taken as tasks run.
func exampleMetrics(
    _ id: String,
    _ tasks: [TaskState: Int] = [:],
    orphans: Int = 0,
    isRegistered: Bool = true,
    withoutRoom: Int = 0,
    withoutHost: Int = 0,
    isAccessLost: Bool = false,
    credentialExpiry: Int? = nil,
    requests: RequestCounts = RequestCounts()
) -> Metrics {
    Metrics(
        managerID: id,
        tasksByState: tasks,
        outcomes: [:],
        secondsByState: [:],
        workerCount: 2,
        oldestQueued: .seconds(2),
        orphanCount: orphans,
        isRegistered: isRegistered,
        deletedInstanceCount: 7,
        strayObjectCount: 4,
        waitingForRoomCount: withoutRoom,
        waitingForHostCount: withoutHost,
        instanceCount: tasks[.running] ?? 0,
        slotLimit: 10,
        isAccessLost: isAccessLost,
        credentialExpiry: credentialExpiry,
        requests: requests
    )
}

/// A manager without tasks.
func exampleStatus(_ id: String) -> ManagerStatus {
    ManagerStatus(
        metrics: exampleMetrics(id),
        schedulerAddress: "tcp://127.0.0.1:1",
        ownerID: "o",
        tasks: [],
        taskCount: 0,
        failures: []
    )
}
