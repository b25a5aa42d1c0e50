// SPDX-License-Identifier: Apache-2.0
//
// Rule: a client has one serializer, and each of its tasks needs it while it is packed.
// Consequence: these tasks share one copy, which is charged once, to the one that came first. It is given back when the last
// of them is packed, which may be another: the charge lasts as long as the copy.
// Rule: the name of the object is the client's, whatever its bytes are. Scaler's clients store it once, before any task.
// Consequence: what is shared is the answer to one request. When the scheduler has deleted the object, the next task asks
// anew, and its copy is another one, though it has the same name.

internal import EventLoop
internal import SchedulerLink
internal import SchedulerMessages
internal import Transport

/// The serializer of one client, in memory.
@LoopActor
final class SharedSerializer {
    /// Its pickle.
    let bytes: [UInt8]
    /// An empty one, which holds what the bytes take of the budget.
    private let room: Blob
    /// What brought it; nil where nobody shares it.
    fileprivate let request: ObjectStoreClient.Request?

    /// The serializer that a request brought, charged to `holding` as long as it is held; throws a shortage.
    init(
        _ blob: Blob,
        from request: ObjectStoreClient.Request? = nil,
        for holding: Holding? = nil
    ) throws(TransportError) {
        if let bytes = blob.bytesInMemory {
            self.bytes = bytes
        } else {
            bytes = try blob.bytes(at: 0, upTo: blob.byteCount)
        }
        let writer = BlobWriter(for: holding)
        try writer.reserve(blob.byteCount)
        room = writer.blob
        self.request = request
    }
}

/// The serializers that tasks hold at present, one for each client.
@LoopActor
struct SharedSerializers {
    private struct Place {
        weak var serializer: SharedSerializer?
    }

    private var places: [ObjectID: Place] = [:]

    /// The copy of what a request brought: the one that other tasks hold, or a new one, charged to `holding`.
    mutating func serializer(
        _ id: ObjectID,
        _ blob: Blob,
        from request: ObjectStoreClient.Request,
        for holding: Holding?
    ) throws(TransportError) -> SharedSerializer {
        if let known = places[id]?.serializer, known.request === request { return known }
        let serializer = try SharedSerializer(blob, from: request, for: holding)
        places = places.filter { $0.value.serializer != nil }
        places[id] = Place(serializer: serializer)
        return serializer
    }
}
