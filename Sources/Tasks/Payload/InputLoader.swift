// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import SchedulerLink
internal import SchedulerMessages
internal import Transport

/// What a task computes, as the client serialized it.
struct TaskInputs {
    /// Small by nature, and compared with Scaler's own.
    let serializer: [UInt8]
    let function: Blob
    let arguments: [Blob]
}

/// Reads the inputs of tasks; a function that many tasks share is read once.
@LoopActor
final class InputLoader {
    /// Functions and serializers kept for tasks to come.
    private static let cachedCountMax = 256
    /// So many of those kept may be in files, for they are the large ones.
    private static let cachedFilesMax = 16
    /// More than any class takes.
    private static let serializerBytesMax = 64 << 20

    private let storage: ObjectStoreClient
    private let timeout: Duration
    /// What those kept may take of the memory.
    private let cachedBytesMax: Int
    private var cache: [ObjectID: ObjectStoreClient.Request] = [:]
    /// Cached objects, the longest unused first.
    private var order: [ObjectID] = []

    /// `timeout` is how long an object may be missing while the storage is connected; functions kept for tasks to come take
    /// `cachedBytesMax` of the memory.
    init(storage: ObjectStoreClient, timeout: Duration, cachedBytesMax: Int = 16 << 20) {
        self.storage = storage
        self.timeout = timeout
        self.cachedBytesMax = cachedBytesMax
    }

    /// Reads serializer, function and arguments, all at once; the arguments are charged to `holding`.
    func inputs(
        of task: TaskMessage,
        for holding: Holding? = nil
    ) async throws(TaskInterruption) -> TaskInputs {
        let serializerID = ObjectID(owner: task.source, tag: .serializer, md5: DigestAlgorithm.md5.digest)
        let serializer = cached(serializerID)
        guard let functionID = task.functionObjectID else {
            throw .failed(.unreadableTask("its function is no object"))
        }
        let function = cached(functionID)
        var arguments: [(ObjectID, ObjectStoreClient.Request)] = []
        for argument in task.arguments {
            guard case .object(let id) = argument else {
                for (_, request) in arguments { storage.abandon(request) }
                throw .failed(
                    .unreadableTask(
                        "an argument is no object, and only a scheduler can resolve another task's result"
                    )
                )
            }
            arguments.append((id, storage.get(id, for: holding)))
        }
        // What is cached may be waited for by others.
        defer { for request in [serializer, function] + arguments.map(\.1) { storage.abandon(request) } }
        let serializerBytes = try serializerBytes(try await blob(of: serializer, "serializer", serializerID))
        let functionBlob = try await blob(of: function, "function", functionID)
        var argumentBlobs: [Blob] = []
        for (index, (id, request)) in arguments.enumerated() {
            argumentBlobs.append(try await blob(of: request, "argument \(index + 1)", id))
        }
        return TaskInputs(serializer: serializerBytes, function: functionBlob, arguments: argumentBlobs)
    }

    private func serializerBytes(_ blob: Blob) throws(TaskInterruption) -> [UInt8] {
        guard blob.byteCount <= Self.serializerBytesMax else {
            throw .failed(.unreadableTask("its serializer has \(blob.byteCount) bytes"))
        }
        do throws(TransportError) {
            return try blob.bytes(at: 0, upTo: blob.byteCount)
        } catch {
            throw TaskInterruption(error)
        }
    }

    /// Drops objects that the scheduler deleted.
    func forget(_ ids: [ObjectID]) {
        for id in ids where cache.removeValue(forKey: id) != nil { order.removeAll { $0 == id } }
    }

    private func blob(
        of request: ObjectStoreClient.Request,
        _ what: String,
        _ id: ObjectID
    ) async throws(TaskInterruption) -> Blob {
        do throws(ObjectStoreError) {
            return try await storage.blob(of: request, timeout: timeout)
        } catch {
            if error != .cancelled { forget([id]) }
            switch error {
            case .missing: throw .failed(.missingInput(what: what, objectID: id.hexadecimal))
            case .file(let reason):
                // Nothing waits for what could be given back.
                if reason.isFileShortage { forget(cache.filter(\.value.isInFile).map(\.key)) }
                throw TaskInterruption(reason)
            case .cancelled: throw .cancelled
            }
        }
    }

    private func cached(_ id: ObjectID) -> ObjectStoreClient.Request {
        if let known = cache[id] {
            order.removeAll { $0 == id }
            order.append(id)
            return known
        }
        forget([id])
        makeRoom()
        let request = storage.get(id)
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
