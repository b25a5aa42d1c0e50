// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import EventLoop
internal import OCIServices
internal import SchedulerLink
internal import SchedulerMessages
internal import TaskEngine
internal import Transport

/// Brings what containers stored in OCI to where clients read it, Scaler's object storage.
@LoopActor
struct AnswerStore {
    /// A result larger than this fails its task instead of filling the disk.
    private static let resultBytesMax = 16 << 30
    /// So often a result that a listing showed is asked for before it counts as vanished.
    private static let attemptCountMax = 4

    let owner: Owner
    let objects: ObjectStorage
    let storage: ObjectStoreClient

    /// The name of a task's result in the bucket.
    func resultName(of task: TaskKey) -> String { owner.name(of: .result(task)) }

    /// The answer in a task's result object, charged to `holding`; nil if there is no such object, against what a listing
    /// showed.
    func read(_ task: TaskKey, for holding: Holding? = nil) async throws(TaskInterruption) -> TaskAnswer? {
        var pauses = Backoff(initial: .milliseconds(200), limit: .seconds(2))
        for _ in 0..<Self.attemptCountMax {
            if let stored = try await fetch(resultName(of: task), for: holding) {
                if isCancelled { throw .cancelled }
                return try await TaskAnswer.reading(stored, limit: Self.resultBytesMax, for: holding)
            }
            let pause = pauses.next { LoopRandom.number(in: 0.5..<1) }
            do throws(WaitError) { try await sleep(for: pause) } catch { throw .cancelled }
        }
        return nil
    }

    private func fetch(_ name: String, for holding: Holding?) async throws(TaskInterruption) -> Blob? {
        do throws(OCIError) {
            return try await objects.get(
                name,
                spoolAbove: Blob.memoryBytesMax,
                limit: Self.resultBytesMax,
                for: holding,
                // It is there, so it is fetched however long the cloud does not give it.
                deadline: .never
            )
        } catch {
            if let shortage = error.fileShortage { throw .short(shortage) }
            throw TaskInterruption(error, TaskFailure.unfetchedResult)
        }
    }

    /// Stores an answer's object for the client, however long the storage is away.
    ///
    /// Returns the answer that was stored: a failure that says so in place of one that this host has no room for.
    func store(
        _ answer: TaskAnswer,
        of task: TaskMessage
    ) async throws(TaskInterruption) -> (TaskAnswer, ObjectID) {
        let id = Self.objectID(ofAnswerTo: task)
        do throws(ObjectStoreError) {
            try await storage.set(id, to: answer.object)
            return (answer, id)
        } catch .file(let error) {
            return try await store(TaskFailure.noRoomForObject(error).answer, of: task)
        } catch {
            throw .cancelled
        }
    }

    /// The object that holds a task's result in Scaler's object storage.
    ///
    /// Made of the task's id alone, so that a result delivered twice is one object.
    static func objectID(ofAnswerTo task: TaskMessage) -> ObjectID {
        let digest = DigestAlgorithm.md5.digest(Array("result".utf8) + task.taskID.bytes)
        guard let tag = try? ObjectTag(digest[...]) else { preconditionFailure("MD5 has 16 bytes") }
        return ObjectID(owner: task.source, tag: tag, md5: DigestAlgorithm.md5.digest)
    }
}
