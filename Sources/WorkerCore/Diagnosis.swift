// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIServices
internal import TaskEngine
internal import TaskPayload

/// Asks the cloud why an instance ended without a result, and says it so that a person can act on it.
@LoopActor
final class Diagnosis {
    /// What was found.
    enum Finding: Equatable {
        /// The task is answered with this.
        case failure(TaskFailure)
        /// There was no room for the instance after all; the text is the cloud's.
        case noRoom(Placements.Fullness, String)
    }

    /// How long to ask; the failure is reported with whatever is known then.
    private static let patience: Duration = .seconds(20)
    /// How much of a container's last output goes into the client's exception.
    private static let logBytesMax = 2048

    private let instances: ContainerInstances

    init(instances: ContainerInstances) {
        self.instances = instances
    }

    /// Why the task has no result although its instance stopped, or vanished.
    func explain(
        _ instanceID: String?,
        _ summary: InstanceSummary?,
        workRequestID: String?,
        wasActive: Bool,
        isVanished: Bool
    ) async -> Finding {
        guard let instanceID else { return .failure(.unknownInstance) }
        if isVanished { return .failure(.vanishedInstance(instanceID, summary)) }
        if summary?.lifecycleState == .failed, let refusal = await lateRefusal(summary, workRequestID) {
            return .noRoom(refusal.fullness, refusal.text)
        }
        let container = await container(of: instanceID)
        return .failure(
            .endedInstance(
                EndedInstance(
                    id: instanceID,
                    state: summary?.lifecycleState,
                    details: summary?.lifecycleDetails,
                    exitCode: container?.exitCode,
                    containerDetails: container?.lifecycleDetails,
                    lastOutput: await lastOutput(of: container)
                )
            )
        )
    }

    /// Capacity and limits are also refused after the create was accepted: in the instance's details, or only in the
    /// work request.
    private func lateRefusal(
        _ summary: InstanceSummary?,
        _ workRequestID: String?
    ) async -> (fullness: Placements.Fullness, text: String)? {
        let details = summary?.lifecycleDetails ?? ""
        if let kind = FailureKind.lateRefusal(code: nil, message: details) { return (kind.fullness, details) }
        guard let workRequestID,
            let errors = try? await instances.workRequestErrors(
                workRequestID,
                deadline: .after(Self.patience)
            )
        else { return nil }
        for error in errors {
            if let kind = FailureKind.lateRefusal(code: error.code, message: error.message) {
                return (kind.fullness, error.message)
            }
        }
        return nil
    }

    private func container(of instanceID: String) async -> Container? {
        let deadline = Deadline.after(Self.patience)
        guard let instance = try? await instances.get(instanceID, deadline: deadline),
            let containerID = instance.containerIDs.first
        else { return nil }
        return try? await instances.container(containerID, deadline: deadline)
    }

    /// OCI answers for running containers only, as a rule; for others this finds nothing.
    private func lastOutput(of container: Container?) async -> String? {
        guard let container else { return nil }
        let deadline = Deadline.after(.seconds(5))
        guard
            let log = try? await instances.retrieveLogs(
                ofContainer: container.id,
                limit: Self.logBytesMax,
                deadline: deadline
            ),
            !log.isEmpty
        else { return nil }
        return String(decoding: log, as: UTF8.self)
    }
}
