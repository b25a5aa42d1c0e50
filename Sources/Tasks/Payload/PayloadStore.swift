// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import OCIServices
internal import SchedulerLink
internal import SchedulerMessages
internal import TaskPayload
internal import Transport

/// Brings a task's inputs to where its container reads them: its environment, or an object in the bucket.
@LoopActor
struct PayloadStore {
    let settings: Settings
    let cloud: LedgerDriver
    let objects: ObjectStorage
    let storage: ObjectStoreClient
    let connector: SchedulerConnector

    /// Stores the payload if it is too large to travel inside the create call, and returns the environment that leads the
    /// container to it.
    func store(
        _ payload: PackedPayload,
        of task: TaskMessage
    ) async throws(TaskInterruption) -> RunnerEnvironment {
        if isCancelled { throw .cancelled }
        let (owner, key) = (cloud.owner, task.taskID.key)
        let name = owner.inputName(of: key, isCompressed: payload.isCompressed)
        var environment = RunnerEnvironment(
            taskID: task.taskID.bytes,
            namespace: settings.objectStorageNamespace,
            bucket: settings.objectStorageBucket,
            prefix: owner.containerPrefix(of: key),
            payload: .object(name: name, isCompressed: payload.isCompressed)
        )
        if let bytes = payload.inlineBytes {
            environment.payload = .inline(bytes, isCompressed: payload.isCompressed)
            await cloud.prepareToStore(input: nil, of: key)
            return environment
        }
        await cloud.prepareToStore(input: name, of: key)
        try await put(payload.body, as: name)
        return environment
    }

    /// Writes the payload, charged to `holding`.
    func pack(
        _ inputs: TaskInputs,
        of task: TaskMessage,
        for holding: Holding? = nil
    ) async throws(TaskInterruption) -> PackedPayload {
        do throws(TransportError) {
            return try await PackedPayload.pack(
                inputs,
                taskID: task.taskID.bytes,
                context: PayloadPlan.Context(
                    flags: task.metadata,
                    schedulerAddress: settings.addressForWorkers.description,
                    storageAddress: storage.address ?? "",
                    backend: connector.backendName
                ),
                for: holding
            )
        } catch {
            throw TaskInterruption(error)
        }
    }

    private func put(_ body: Blob, as name: String) async throws(TaskInterruption) {
        while true {
            do throws(OCIError) {
                return try await objects.put(name, body, deadline: .after(Launcher.outageTimeout))
            } catch  where error.isAccessLost {
                continue
            } catch {
                throw TaskInterruption(error, TaskFailure.unstoredPayload)
            }
        }
    }
}
