// SPDX-License-Identifier: Apache-2.0

internal import TaskEngine

/// How it stands with the process, in one line of words for `systemctl status`.
enum ServiceStatus {
    /// The line for the managers that are at work; `startingCount` others still wait for OCI.
    static func words(_ managers: [Metrics], startingCount: Int, isStopping: Bool) -> String {
        var parts: [String] = []
        if isStopping { parts.append("stopping") }
        if startingCount > 0 { parts.append("waiting for OCI") }
        if !managers.isEmpty {
            parts.append(tasks(managers))
            parts.append("\(sum(managers, \.instanceCount)) of \(sum(managers, \.slotLimit)) slots in use")
        }
        let away = managers.filter { !$0.isRegistered }.map(\.managerID)
        if !away.isEmpty, !isStopping {
            parts.append("waiting for the scheduler (\(away.joined(separator: ", ")))")
        }
        if managers.contains(where: \.isAccessLost) {
            parts.append("OCI refuses what it allowed before; tasks wait")
        }
        let withoutRoom = sum(managers, \.waitingForRoomCount)
        if withoutRoom > 0 { parts.append("waiting for room at OCI: \(withoutRoom)") }
        let withoutHost = sum(managers, \.waitingForHostCount)
        if withoutHost > 0 { parts.append("waiting for disk, memory or descriptors here: \(withoutHost)") }
        return parts.joined(separator: "; ")
    }

    private static func tasks(_ managers: [Metrics]) -> String {
        let counts = TaskState.allCases.compactMap { state -> String? in
            let count = managers.reduce(0) { $0 + ($1.tasksByState[state] ?? 0) }
            return count > 0 && state != .gone ? "\(count) \(state.rawValue)" : nil
        }
        return counts.isEmpty ? "no tasks" : "tasks: \(counts.joined(separator: ", "))"
    }

    private static func sum(_ managers: [Metrics], _ value: (Metrics) -> Int) -> Int {
        managers.reduce(0) { $0 + value($1) }
    }
}
