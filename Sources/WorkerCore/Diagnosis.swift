// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIServices
internal import TaskPayload

/// Asks the cloud why an instance ended without a result, and says it so that a person can act on it.
@LoopActor
final class Diagnosis {
    /// How long to ask; the failure is reported with whatever is known then.
    private static let patience: Duration = .seconds(20)
    /// How much of a container's last output goes into the client's exception.
    private static let logBytesMax = 2048

    private let instances: ContainerInstances

    init(instances: ContainerInstances) {
        self.instances = instances
    }

    /// The failure of the task whose instance stopped, or vanished.
    func explain(_ instanceID: String?, _ summary: InstanceSummary?, isVanished: Bool) async -> TaskFailure {
        guard let instanceID else {
            return TaskFailure(.runtimeError, "The task's container instance is not known any more.")
        }
        if isVanished {
            return TaskFailure(
                .runtimeError,
                """
                Container instance \(instanceID) vanished before it stored a result; it was last seen \
                \(summary?.lifecycleState.name ?? "when it was created"). Someone, or a rule of the tenancy, \
                deleted it.
                """
            )
        }
        let container = await container(of: instanceID)
        var sentences = [opening(instanceID, summary, container)]
        if let remedy = remedy(container) { sentences.append(remedy) }
        if let output = await lastOutput(of: container) { sentences.append("Its last output:\n\(output)") }
        let isMemory = container?.exitCode == 137
        return TaskFailure(isMemory ? .memoryError : .runtimeError, sentences.joined(separator: " "))
    }

    private func opening(_ id: String, _ summary: InstanceSummary?, _ container: Container?) -> String {
        var text = "Container instance \(id) ended without a result: state "
        text += (summary?.lifecycleState.name ?? "unknown") + TaskFailure.details(summary)
        if let code = container?.exitCode { text += ", exit code \(code)" }
        if let details = container?.lifecycleDetails, !details.isEmpty { text += " (\(details))" }
        return text + "."
    }

    private func remedy(_ container: Container?) -> String? {
        switch container?.exitCode {
        case 137: "It was killed, as a rule for want of memory: raise --instance-memory-gb."
        case .some(let code) where code > 128: "It was ended by signal \(code - 128)."
        case .some(0):
            "It ended well but stored nothing: check that the dynamic group of the container instances may "
                + "manage objects in the bucket."
        case .some: "Check that the image holds the job runner and that the task does not end the process."
        case nil: "Check that the image exists and can be pulled from the subnet."
        }
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
