// SPDX-License-Identifier: Apache-2.0

import Configuration
import Encodings
import EventLoop
import Logging
import Messaging
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages

/// Scaler's object storage server, in memory, and a client that is connected to it.
@LoopActor
final class FakeObjectStore {
    let connector: SchedulerConnector
    let client: ObjectStoreClient
    /// Objects that were asked for, in order.
    private(set) var asked: [ObjectID] = []
    /// What a get of an object is answered with; one that is not here is answered when it comes.
    private(set) var objects: [ObjectID: [UInt8]] = [:]
    /// Whether sets are taken and not answered, until they are released.
    var holdsSets = false
    private var heldSets: [ObjectStorageRequest] = []
    private let peer: YMQPeer
    private let changed = Broadcast()
    /// What the writer has not sent yet.
    private let outgoing = Mailbox<[UInt8]>()
    private var work: [Spawned<Void>] = []

    init() throws {
        let log = RecordedLog().logger
        peer = try YMQPeer()
        connector = SchedulerConnector(backend: .ymq, network: SocketNetwork(ioThreads: 1), log: log)
        let client = ObjectStoreClient(connector: connector, endpoint: peer.endpoint, log: log)
        self.client = client
        work = [spawn { await client.run() }, spawn { try? await self.serve() }]
    }

    /// Has an object stored, as a client of Scaler would.
    func put(_ id: ObjectID, _ bytes: [UInt8]) {
        objects[id] = bytes
        changed.send()
    }

    /// Suspends until an object is stored, and returns its bytes.
    func object(_ id: ObjectID) async throws -> [UInt8] {
        while true {
            if let bytes = objects[id] { return bytes }
            try await changed.wait(until: soon)
        }
    }

    /// Suspends until so many gets have arrived.
    func waitForGets(_ count: Int) async throws {
        while asked.count < count { try await changed.wait(until: soon) }
    }

    /// Answers the sets that were held, and holds no more.
    func releaseSets() {
        holdsSets = false
        for request in heldSets { answer(request, .setOK) }
        heldSets = []
    }

    /// Ends server and client.
    func stop() {
        for piece in work { piece.cancel() }
        peer.close()
    }

    private func serve() async throws {
        let stream = try await peer.accept()
        defer { stream.close() }
        let identity = "Worker|oci-hpc-storage|0123456789abcdef0123456789abcdef"
        _ = try await readExactly(stream, YMQFraming.hello(.two, identity: Array(identity.utf8)).count)
        work.append(
            spawn {
                while let bytes = try? await self.outgoing.receive() {
                    try? await stream.write(bytes, deadline: soon)
                }
            }
        )
        while !isCancelled {
            let request = try ObjectStorageRequest.decode(try await message(on: stream))
            switch request.kind {
            case .setObject:
                put(request.objectID, try await message(on: stream))
                if holdsSets { heldSets.append(request) } else { answer(request, .setOK) }
            case .getObject:
                asked.append(request.objectID)
                changed.send()
                work.append(spawn { try? await self.answerGet(request) })
            case .deleteObject, .duplicateObjectID, .infoGetTotal:
                Issue.record("nobody asks for this: \(request.kind)")
            }
        }
    }

    private func message(on stream: TCPStream) async throws -> [UInt8] {
        let header = try await readExactly(stream, YMQFraming.header(byteCount: 0).count)
        return try await readExactly(stream, Int(littleEndian(header)))
    }

    private func answerGet(_ request: ObjectStorageRequest) async throws {
        while objects[request.objectID] == nil { try await changed.wait() }
        answer(request, .getOK, with: objects[request.objectID] ?? [])
    }

    private func answer(
        _ request: ObjectStorageRequest,
        _ kind: ObjectStorageResponseKind,
        with payload: [UInt8] = []
    ) {
        let header = ObjectStorageResponse(
            kind: kind,
            requestID: request.requestID,
            objectID: request.objectID,
            payloadByteCount: UInt64(payload.count)
        ).encoded()
        outgoing.send(frame(header) + (payload.isEmpty ? [] : frame(payload)))
    }
}
