// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIServices
internal import SchedulerMessages
internal import TaskPayload

/// How often the logs of all containers whose output is streamed are asked for.
@LoopActor
final class OutputPace {
    /// What all tasks that stream may take together of the requests a second, which the listings need as well.
    private static let shareMax = 0.25

    private let requestsPerSecond: Double
    /// How often a running container's log is asked for, when few tasks stream.
    private let shortestPeriod: Duration
    /// How many tasks' output is followed at present.
    fileprivate var followedCount = 0

    init(requestsPerSecondMax: Double, shortestPeriod: Duration = .seconds(2)) {
        requestsPerSecond = requestsPerSecondMax * Self.shareMax
        self.shortestPeriod = shortestPeriod
    }

    fileprivate var period: Duration {
        max(shortestPeriod, .seconds(Double(followedCount) / requestsPerSecond))
    }
}

/// Passes on what a task prints to the client that asked for it: as it is printed, and the rest with the result.
///
/// OCI shows the last 256 KB of a container's log while the container runs and nothing afterwards, so the log is
/// asked for again and again; what it did not show in time comes from the result. The numbers in both keep anything
/// from being shown twice, except by a process that took the task over.
@LoopActor
final class LiveOutput {
    private static let timeout: Duration = .seconds(10)
    private static let logBytesMax = 256 * 1024

    private let taskID: TaskID
    private let instances: ContainerInstances
    private let pace: OutputPace
    private var progress = PrintedProgress()

    init(taskID: TaskID, instances: ContainerInstances, pace: OutputPace) {
        self.taskID = taskID
        self.instances = instances
        self.pace = pace
    }

    /// Asks for the log of an instance's container until cancelled, and shows what is new while it is wanted.
    ///
    /// Nothing here fails a task: what the log does not tell, the result does.
    func follow(
        _ instanceID: String,
        while isWanted: @LoopActor () -> Bool,
        show: @LoopActor ([[UInt8]]) -> Void
    ) async {
        pace.followedCount += 1
        defer { pace.followedCount -= 1 }
        var containerID: String?
        while !isCancelled {
            guard (try? await sleep(for: pace.period)) != nil else { return }
            guard isWanted() else { continue }
            if containerID == nil { containerID = await container(of: instanceID) }
            guard let containerID,
                let log = try? await instances.retrieveLogs(
                    ofContainer: containerID,
                    limit: Self.logBytesMax,
                    deadline: .after(Self.timeout)
                )
            else { continue }
            // A scheduler up to 2.6.0 ends of a log whose task it no longer knows, so look once more who has it.
            if !isCancelled, isWanted() { show(messages(in: log)) }
        }
    }

    private func container(of instanceID: String) async -> String? {
        let instance = try? await instances.get(instanceID, deadline: .after(Self.timeout))
        return instance?.containerIDs.first
    }

    /// The messages that tell what `log` holds and the client has not seen.
    func messages(in log: some Collection<UInt8>) -> [[UInt8]] {
        progress.messages(of: PrintedPiece.find(in: log)).map { isError, text in
            TaskLog(taskID: taskID, stream: isError ? .standardError : .standardOutput, content: text)
                .encoded()
        }
    }
}
