// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import EventLoop
internal import OCIServices
internal import TaskEngine

/// Asks the cloud why an instance ended without a result, and says it so that a person can act on it.
@LoopActor
struct Diagnosis {
    enum Finding: Equatable {
        /// The task is answered with this.
        case failure(TaskFailure)
        /// There was no room for the instance after all; the text is the cloud's.
        case noRoom(Placements.Fullness, String)
        /// The process that made it had it deleted, maybe before it had run.
        case deletedByPredecessor
    }

    /// How long to ask; the failure is reported with whatever is known then.
    private static let timeout: Duration = .seconds(20)
    private static let existenceTimeout: Duration = .seconds(60)
    /// How much of a container's last output goes into the client's exception.
    private static let logBytesMax = 2048

    let instances: ContainerInstances

    enum Existence {
        case present
        case gone
        /// There was no answer, or the caller was cancelled.
        case unknown
    }

    func existence(of id: String) async -> Existence {
        do throws(OCIError) {
            let instance = try await instances.get(id, deadline: .after(Self.existenceTimeout))
            return instance.map { $0.lifecycleState == .deleted ? .gone : .present } ?? .gone
        } catch .cancelled {
            return .unknown
        } catch {
            // It may not be asked for, by its id or at all: then the listings' word must do.
            return error.isRetryable ? .unknown : .gone
        }
    }

    /// Whether an instance that listings show as being made still is; nil while there is no answer.
    func isCreating(_ id: String) async -> Bool? {
        do throws(OCIError) {
            let instance = try await instances.get(id, deadline: .after(Self.existenceTimeout))
            // Where it is gone, listings will say so in their own time.
            return instance?.lifecycleState == .creating
        } catch .cancelled {
            return nil
        } catch {
            // It may not be asked for: then the listings' word must do.
            return error.isRetryable ? nil : true
        }
    }

    /// Whether an ended instance was deleted by the process that made it: where listings do not say so yet, it is asked for by
    /// name.
    func isDeletedByPredecessor(_ attempt: Attempt) async -> Bool {
        guard attempt.isAdopted else { return false }
        if attempt.isDeleted { return true }
        let instance = try? await instances.get(attempt.seen.id, deadline: .after(Self.timeout))
        return instance?.lifecycleState.phase.isLeaving ?? false
    }

    /// Why the task has no result although its instance stopped, or vanished.
    func explain(_ instance: ListedInstance, workRequestID: String?, isVanished: Bool) async -> Finding {
        if isVanished { return .failure(.vanishedInstance(instance)) }
        if instance.phase == .failed, let refusal = await lateRefusal(instance.details, workRequestID) {
            return .noRoom(refusal.fullness, refusal.text)
        }
        let container = await container(of: instance.id)
        return .failure(
            .endedInstance(
                EndedInstance(
                    id: instance.id,
                    state: instance.state,
                    details: instance.details,
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
        _ details: String?,
        _ workRequestID: String?
    ) async -> (fullness: Placements.Fullness, text: String)? {
        let details = details ?? ""
        if let kind = FailureKind.lateRefusal(code: nil, message: details) { return (kind.fullness, details) }
        guard let workRequestID else { return nil }
        let errors = try? await instances.workRequestErrors(workRequestID, deadline: .after(Self.timeout))
        for error in errors ?? [] {
            if let kind = FailureKind.lateRefusal(code: error.code, message: error.message) {
                return (kind.fullness, error.message)
            }
        }
        return nil
    }

    private func container(of instanceID: String) async -> Container? {
        let deadline = Deadline.after(Self.timeout)
        guard let instance = try? await instances.get(instanceID, deadline: deadline),
            let containerID = instance.containerIDs.first
        else { return nil }
        return try? await instances.container(containerID, deadline: deadline)
    }

    /// OCI answers for running containers only, as a rule; for others this finds nothing.
    private func lastOutput(of container: Container?) async -> String? {
        guard let container else { return nil }
        let log = try? await instances.retrieveLogs(
            ofContainer: container.id,
            limit: Self.logBytesMax,
            deadline: .after(.seconds(5))
        )
        guard let log, !log.isEmpty else { return nil }
        return String(decoding: log, as: UTF8.self)
    }
}
