// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop
package import SchedulerMessages
internal import SchedulerPeer

/// Scaler's object storage server over YMQ bytes (scaler-wire, 4): a get of what does not exist waits until it does, answers
/// come in order but for those, and a set answers the gets that waited before itself.
@LoopActor
package final class SimulatedObjectStorage {
    private struct Waiter {
        let identity: String
        let request: ObjectStorageRequest
        /// The source, if it waits to be stored under another id.
        let isDuplicate: Bool
    }

    private let simulation: Simulation
    private let generation: WireGeneration
    private let binder: YMQBinder
    private var objects: [ObjectID: [UInt8]] = [:]
    /// Objects that a restart lost; nobody is to blame that they are missing.
    private var lost: Set<ObjectID> = []
    private var waiters: [ObjectID: [Waiter]] = [:]
    /// Sets and duplicates whose payload has not come yet.
    private var half: [String: ObjectStorageRequest] = [:]
    /// Every identity that ever connected.
    private var identities: Set<String> = []
    /// Whether it runs.
    package private(set) var isUp = false
    /// Gets that wait for an object.
    package var waiterCount: Int { waiters.values.reduce(0) { $0 + $1.count } }
    /// Objects that are stored.
    package var objectCount: Int { objects.count }
    /// Which life of the daemon new connections belong to.
    var epoch: Int {
        get { binder.epoch }
        set { binder.epoch = newValue }
    }

    /// A storage at `host:port` that does not run yet.
    package init(
        _ simulation: Simulation,
        network: SimulatedNetwork,
        address: String,
        generation: WireGeneration
    ) {
        self.simulation = simulation
        self.generation = generation
        binder = YMQBinder(simulation, network, address: address, generation)
        binder.canFreeze = true
        binder.onConnected = { [unowned self] peer in connected(peer) }
        binder.onMessage = { [unowned self] peer, message in received(message, from: peer.identity) }
        binder.onEnd = { [unowned self] peer, end in ended(peer, end) }
    }

    /// Starts it, empty.
    package func start() {
        isUp = true
        binder.open(identity: "ObjectStorageServer")
    }

    /// Breaks every connection to it.
    package func breakConnections() { binder.breakAll() }

    /// Stops it; everything it held is lost.
    package func stop(byReset: Bool) {
        isUp = false
        binder.shutDown(byReset: byReset)
        lost.formUnion(objects.keys)
        objects = [:]
        waiters = [:]
        half = [:]
    }

    /// Stores an object as somebody else's client does, whose connection is not simulated.
    package func put(_ id: ObjectID, _ bytes: [UInt8]) {
        if !isUp { return }
        objects[id] = bytes
        lost.remove(id)
        release(id)
    }

    /// The bytes of an object; nil if there is none.
    package func value(of id: ObjectID) -> [UInt8]? { objects[id] }

    /// Removes an object, as the scheduler and clients do.
    package func remove(_ id: ObjectID) {
        objects[id] = nil
        lost.remove(id)
    }

    /// Whether a restart lost the object.
    package func hasLost(_ id: ObjectID) -> Bool { lost.contains(id) }

    // MARK: - Connections

    private func connected(_ peer: PeerConnection) {
        let isFresh = identities.insert(peer.identity).inserted
        simulation.judge(
            "storage",
            isFresh,
            "\(peer.identity) connects again; old answers may reach it, so each connection needs an identity of its own"
        )
    }

    private func ended(_ peer: PeerConnection, _ end: PeerEnd) {
        guard case .finished = end else { return }
        half[peer.identity] = nil
        for (id, list) in waiters where list.contains(where: { $0.identity == peer.identity }) {
            let left = list.filter { $0.identity != peer.identity }
            waiters[id] = left.isEmpty ? nil : left
        }
    }

    // MARK: - Requests

    private func received(_ message: [UInt8], from identity: String) {
        if let request = half.removeValue(forKey: identity) {
            return payload(message, of: request, from: identity)
        }
        guard let request = try? ObjectStorageRequest.decode(message) else {
            return simulation.judge(
                "storage",
                false,
                "\(identity) sends \(message.count) bytes that are no request"
            )
        }
        switch request.kind {
        case .setObject: half[identity] = request
        case .duplicateObjectID:
            require(request.payloadByteCount == 48, request, "a duplicate's payload has 48 bytes")
            half[identity] = request
        case .getObject: get(request, from: identity)
        case .deleteObject:
            require(request.payloadByteCount == 0, request, "a delete has no payload")
            let existed = objects.removeValue(forKey: request.objectID) != nil
            answer(existed ? .deleteOK : .deleteNotExists, request, [], to: identity)
        case .infoGetTotal:
            require(request.payloadByteCount == 0, request, "it has no payload")
            let fieldCount = generation == .first ? 3 : 6
            answer(.infoGetTotalOK, request, [UInt8](repeating: 0, count: 8 * fieldCount), to: identity)
        }
    }

    private func payload(_ bytes: [UInt8], of request: ObjectStorageRequest, from identity: String) {
        require(
            UInt64(bytes.count) == request.payloadByteCount,
            request,
            "\(bytes.count) bytes follow, not \(request.payloadByteCount)"
        )
        if request.kind == .setObject {
            put(request.objectID, bytes)
            simulation.note("storage", "set", "\(request.objectID), \(bytes.count) bytes, by \(identity)")
            return answer(.setOK, request, [], to: identity)
        }
        guard bytes.starts(with: [0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0]),
            let source = try? ObjectID(swappedGroups(bytes.dropFirst(16)))
        else { return require(false, request, "the payload is no object id") }
        duplicate(Waiter(identity: identity, request: request, isDuplicate: true), of: source)
    }

    private func get(_ request: ObjectStorageRequest, from identity: String) {
        if objects[request.objectID] != nil { return answerGet(request, to: identity) }
        simulation.note("storage", "waits", "\(identity) for \(request.objectID)")
        waiters[request.objectID, default: []].append(
            Waiter(identity: identity, request: request, isDuplicate: false)
        )
    }

    private func duplicate(_ waiter: Waiter, of source: ObjectID) {
        guard let bytes = objects[source] else { return waiters[source, default: []].append(waiter) }
        put(waiter.request.objectID, bytes)
        answer(.duplicateOK, waiter.request, [], to: waiter.identity)
    }

    /// Answers those that waited for an object.
    private func release(_ id: ObjectID) {
        for waiter in waiters.removeValue(forKey: id) ?? [] {
            waiter.isDuplicate ? duplicate(waiter, of: id) : answerGet(waiter.request, to: waiter.identity)
        }
    }

    private func answerGet(_ request: ObjectStorageRequest, to identity: String) {
        guard let bytes = objects[request.objectID] else { return }
        answer(.getOK, request, Array(bytes.prefix(Int(clamping: request.payloadByteCount))), to: identity)
    }

    private func answer(
        _ kind: ObjectStorageResponseKind,
        _ request: ObjectStorageRequest,
        _ payload: [UInt8],
        to identity: String
    ) {
        let header = SchedulerBytes.storageAnswer(
            kind,
            request.objectID,
            requestID: request.requestID,
            byteCount: payload.count
        )
        binder.send(header, to: identity)
        if !payload.isEmpty { binder.send(payload, to: identity) }
    }

    private func require(
        _ condition: Bool,
        _ request: ObjectStorageRequest,
        _ text: @autoclosure () -> String
    ) {
        simulation.judge("storage", condition, "\(request.kind) of \(request.objectID): \(text())")
    }
}

/// The bytes with each group of eight reversed.
private func swappedGroups(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    stride(from: bytes.startIndex, to: bytes.endIndex, by: 8).flatMap {
        bytes[$0..<min($0 + 8, bytes.endIndex)].reversed()
    }
}
