// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import SchedulerMessages

/// What a task computes, as the client serialized it.
struct TaskInputs {
    let serializer: [UInt8]
    let function: [UInt8]
    let arguments: [[UInt8]]
}

/// Reads the inputs of tasks; a function that many tasks share is read once.
@LoopActor
final class InputLoader {
    /// Why a task's inputs cannot be had.
    enum Failure: Error {
        /// The object storage never delivered an object.
        case missing(what: String, ObjectID)
        /// An argument is of a kind that workers are not sent.
        case unreadable(String)
        case cancelled
    }

    /// Functions and serializers kept for tasks to come.
    private static let cachedCountMax = 256

    private let storage: ScalerStorage
    private let patience: Duration
    private var cache: [ObjectID: ScalerStorage.Request] = [:]
    /// Cached objects, the longest unused first.
    private var order: [ObjectID] = []

    init(storage: ScalerStorage, patience: Duration) {
        self.storage = storage
        self.patience = patience
    }

    /// Reads serializer, function and arguments, all at once.
    func load(_ task: TaskMessage) async throws(Failure) -> TaskInputs {
        let serializerID = ObjectID.serializer(of: task.source)
        let serializer = cached(serializerID)
        guard let functionID = task.functionObjectID else {
            throw .unreadable("its function is no object")
        }
        let function = cached(functionID)
        var arguments: [(ObjectID, ScalerStorage.Request)] = []
        for argument in task.arguments {
            guard case .object(let id) = argument else {
                throw .unreadable(
                    "an argument is no object, and only a scheduler can resolve another task's result"
                )
            }
            arguments.append((id, storage.get(id)))
        }
        let serializerBytes = try await bytes(of: serializer, "serializer", serializerID)
        let functionBytes = try await bytes(of: function, "function", functionID)
        var argumentBytes: [[UInt8]] = []
        for (index, (id, request)) in arguments.enumerated() {
            argumentBytes.append(try await bytes(of: request, "argument \(index + 1)", id))
        }
        return TaskInputs(serializer: serializerBytes, function: functionBytes, arguments: argumentBytes)
    }

    /// Drops objects that the scheduler deleted.
    func forget(_ ids: [ObjectID]) {
        for id in ids where cache.removeValue(forKey: id) != nil {
            order.removeAll { $0 == id }
        }
    }

    private func bytes(
        of request: ScalerStorage.Request,
        _ what: String,
        _ id: ObjectID
    ) async throws(Failure) -> [UInt8] {
        do throws(ScalerStorageError) {
            return try await storage.bytes(of: request, patience: patience)
        } catch .missing {
            forget([id])
            throw .missing(what: what, id)
        } catch {
            throw .cancelled
        }
    }

    private func cached(_ id: ObjectID) -> ScalerStorage.Request {
        if let known = cache[id] {
            order.removeAll { $0 == id }
            order.append(id)
            return known
        }
        if order.count == Self.cachedCountMax { cache[order.removeFirst()] = nil }
        let request = storage.get(id)
        cache[id] = request
        order.append(id)
        return request
    }
}
