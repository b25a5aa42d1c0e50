// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIServices
internal import SchedulerMessages
internal import Transport

/// How a task's inputs come to where its container reads them.
extension TaskRun {
    /// The inputs as one payload.
    func pack(_ inputs: TaskInputs) async throws(Interruption) -> PackedPayload {
        do throws(TransportError) {
            return try await PackedPayload.pack(
                inputs,
                taskID: task.taskID.bytes,
                context: services.payloadContext(of: task)
            )
        } catch {
            throw .failed(.noRoomForObject(error))
        }
    }

    /// Stores a payload in the bucket.
    func put(_ body: Blob, as name: String) async throws(Interruption) {
        let deadline = Deadline.after(RunServices.outagePatience)
        do throws(OCIError) {
            if let file = body.wholeFile {
                try await services.objects.put(name, file, deadline: deadline)
            } else {
                try await services.objects.put(name, body.bytesInMemory ?? [], deadline: deadline)
            }
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .failed(.unstoredPayload(error))
        }
    }
}
