// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import SchedulerLink
internal import SchedulerMessages
internal import Transport

/// What a task computes, as the client serialized it.
struct TaskInputs {
    /// Small by nature, and compared with Scaler's own.
    let serializer: SharedSerializer
    let function: Blob
    let arguments: [Blob]
}

/// One object that a task needs, on its way.
struct TaskInput {
    /// What it is to the task.
    fileprivate let what: String
    fileprivate let id: ObjectID
    fileprivate let request: ObjectStoreClient.Request
}

/// Reads the inputs of tasks; a function that many tasks share is read once.
@LoopActor
final class InputLoader {
    /// Functions and serializers kept for tasks to come.
    private static let cachedCountMax = 256
    /// So many of those kept may be in files, for they are the large ones.
    private static let cachedFilesMax = 16
    /// More than any class takes.
    private static let serializerBytesMax = 1 << 20

    private let storage: ObjectStoreClient
    /// What those kept may take of the memory.
    private let cachedBytesMax: Int
    private var cache: [ObjectID: ObjectStoreClient.Request] = [:]
    /// Cached objects, the longest unused first.
    private var order: [ObjectID] = []
    private var serializers = SharedSerializers()

    /// Functions kept for tasks to come take `cachedBytesMax` of the memory.
    init(storage: ObjectStoreClient, cachedBytesMax: Int = 16 << 20) {
        self.storage = storage
        self.cachedBytesMax = cachedBytesMax
    }

    /// What came of reading a task's inputs.
    enum Outcome {
        case complete(TaskInputs)
        /// The storage has said that it does not have this one, or not yet; `wait(for:)` must follow.
        case absent(TaskInput)
    }

    /// Reads serializer, function and arguments, all at once; the arguments are charged to `holding`.
    func inputs(
        of task: TaskMessage,
        for holding: Holding? = nil
    ) async throws(TaskInterruption) -> Outcome {
        let inputs = try begin(task, holding)
        var awaited: TaskInput?
        defer {
            // What is cached may be waited for by others.
            for input in inputs where input.request !== awaited?.request { storage.abandon(input.request) }
        }
        var blobs: [Blob] = []
        for input in inputs {
            do throws(ObjectStoreError) {
                blobs.append(try await storage.blob(of: input.request))
            } catch .absent {
                awaited = input
                return .absent(input)
            } catch {
                throw interruption(by: error, of: input)
            }
        }
        let serializer = try serializer(blobs[0], from: inputs[0], for: holding)
        return .complete(
            TaskInputs(serializer: serializer, function: blobs[1], arguments: Array(blobs.dropFirst(2)))
        )
    }

    /// Waits until an absent input has come, or fails its task when it has been absent for too long; whether there is room
    /// for it here shows when it is read again.
    func wait(for input: TaskInput) async throws(TaskInterruption) {
        defer { storage.abandon(input.request) }
        do throws(ObjectStoreError) {
            try await storage.waitUntilSettled(input.request)
        } catch .file {
            return
        } catch {
            throw interruption(by: error, of: input)
        }
    }

    /// Asks for serializer, function and arguments, in this order.
    private func begin(_ task: TaskMessage, _ holding: Holding?) throws(TaskInterruption) -> [TaskInput] {
        guard let functionID = task.functionObjectID else {
            throw .failed(.unreadableTask("its function is no object"))
        }
        var arguments: [ObjectID] = []
        for argument in task.arguments {
            guard case .object(let id) = argument else {
                throw .failed(
                    .unreadableTask(
                        "an argument is no object, and only a scheduler can resolve another task's result"
                    )
                )
            }
            arguments.append(id)
        }
        let serializerID = ObjectID(owner: task.source, tag: .serializer, md5: DigestAlgorithm.md5.digest)
        let shared = [
            // As much as tells that it is too large, and no more.
            ("serializer", serializerID, UInt64(Self.serializerBytesMax + 1)),
            ("function", functionID, UInt64.max),
        ].map { what, id, byteCountMax in
            TaskInput(what: what, id: id, request: cached(id, upTo: byteCountMax))
        }
        return shared
            + arguments.enumerated().map { index, id in
                TaskInput(what: "argument \(index + 1)", id: id, request: storage.get(id, for: holding))
            }
    }

    private func interruption(by error: ObjectStoreError, of input: TaskInput) -> TaskInterruption {
        if error != .cancelled { forget([input.id]) }
        return switch error {
        case .absent, .missing: .failed(.missingInput(what: input.what, objectID: input.id.hexadecimal))
        case .file(let reason): roomInterruption(reason)
        case .cancelled: .cancelled
        }
    }

    private func roomInterruption(_ reason: TransportError) -> TaskInterruption {
        // Nothing waits for what could be given back.
        if reason.isFileShortage { forget(cache.filter(\.value.isInFile).map(\.key)) }
        return TaskInterruption(reason)
    }

    private func serializer(
        _ blob: Blob,
        from input: TaskInput,
        for holding: Holding?
    ) throws(TaskInterruption) -> SharedSerializer {
        guard blob.byteCount <= Self.serializerBytesMax else {
            forget([input.id])
            let text = "its serializer has more than \(Self.serializerBytesMax) bytes"
            throw .failed(.unreadableTask(text))
        }
        do throws(TransportError) {
            return try serializers.serializer(input.id, blob, from: input.request, for: holding)
        } catch {
            throw TaskInterruption(error)
        }
    }

    /// Drops objects that the scheduler deleted.
    func forget(_ ids: [ObjectID]) {
        for id in ids where cache.removeValue(forKey: id) != nil { order.removeAll { $0 == id } }
    }

    private func cached(_ id: ObjectID, upTo byteCountMax: UInt64) -> ObjectStoreClient.Request {
        if let known = cache[id] {
            order.removeAll { $0 == id }
            order.append(id)
            return known
        }
        forget([id])
        makeRoom()
        let request = storage.get(id, upTo: byteCountMax)
        cache[id] = request
        order.append(id)
        return request
    }

    /// Drops what was not used for longest; who waits for it still gets it.
    private func makeRoom() {
        var byteCount = cache.values.reduce(0) { $0 + $1.memoryByteCount }
        var fileCount = cache.values.count { $0.isInFile }
        while let oldest = order.first,
            order.count >= Self.cachedCountMax || byteCount > cachedBytesMax
                || fileCount > Self.cachedFilesMax
        {
            byteCount -= cache[oldest]?.memoryByteCount ?? 0
            if cache[oldest]?.isInFile == true { fileCount -= 1 }
            forget([oldest])
        }
    }
}
