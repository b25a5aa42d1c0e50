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
@testable import Tasks

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
    private var heldSets: [(ObjectStorageRequest, Mailbox<[UInt8]>)] = []
    private let peer: YMQPeer
    private let changed = Broadcast()
    private var work: [Spawned<Void>] = []

    /// A server and its client, which never doubts that what it asks for comes, but with an `impatient` pace.
    init(_ pace: ObjectStoreConversation.Pace? = nil) throws {
        let pace = pace ?? ObjectStoreConversation.Pace(patience: .seconds(7200), look: .seconds(3600))
        let log = RecordedLog().logger
        peer = try YMQPeer()
        connector = SchedulerConnector(backend: .ymq, network: SocketNetwork(), log: log)
        let client = ObjectStoreClient(
            connector: connector,
            endpoint: peer.endpoint,
            pace: pace,
            log: log
        )
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
        for (request, outgoing) in heldSets { answer(request, .setOK, to: outgoing) }
        heldSets = []
    }

    /// Ends server and client.
    func stop() {
        for piece in work { piece.cancel() }
        peer.close()
    }

    private func serve() async throws {
        while true {
            let stream = try await peer.accept()
            work.append(spawn { try? await self.serve(stream) })
        }
    }

    private func serve(_ stream: TCPStream) async throws {
        defer { stream.close() }
        /// What the writer has not sent yet.
        let outgoing = Mailbox<[UInt8]>()
        let identity = "Worker|oci-hpc-storage|0123456789abcdef0123456789abcdef"
        _ = try await readExactly(stream, YMQFraming.hello(.two, identity: Array(identity.utf8)).count)
        work.append(
            spawn {
                while let bytes = try? await outgoing.receive() {
                    try? await stream.write(bytes, deadline: soon)
                }
            }
        )
        while !isCancelled {
            let request = try ObjectStorageRequest.decode(try await message(on: stream))
            switch request.kind {
            case .setObject:
                put(request.objectID, try await message(on: stream))
                if holdsSets {
                    heldSets.append((request, outgoing))
                } else {
                    answer(request, .setOK, to: outgoing)
                }
            case .getObject:
                // A large one is asked for twice.
                let isFirst = request.payloadByteCount == ObjectStoreClient.smallBytesMax
                if isFirst { asked.append(request.objectID) }
                changed.send()
                work.append(spawn { try? await self.answerGet(request, to: outgoing) })
            case .infoGetTotal:
                answer(request, .infoGetTotalOK, with: [UInt8](repeating: 0, count: 48), to: outgoing)
            case .deleteObject, .duplicateObjectID:
                Issue.record("nobody asks for this: \(request.kind)")
            }
        }
    }

    private func message(on stream: TCPStream) async throws -> [UInt8] {
        let header = try await readExactly(stream, YMQFraming.header(byteCount: 0).count)
        return try await readExactly(stream, Int(littleEndian(header[...])))
    }

    private func answerGet(_ request: ObjectStorageRequest, to outgoing: Mailbox<[UInt8]>) async throws {
        while objects[request.objectID] == nil { try await changed.wait() }
        let bytes = objects[request.objectID] ?? []
        let part = bytes.prefix(Int(clamping: request.payloadByteCount))
        answer(request, .getOK, with: Array(part), to: outgoing)
    }

    private func answer(
        _ request: ObjectStorageRequest,
        _ kind: ObjectStorageResponseKind,
        with payload: [UInt8] = [],
        to outgoing: Mailbox<[UInt8]>
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

/// A serializer that is charged to nobody.
@LoopActor
func unsharedSerializer(_ bytes: [UInt8]) -> SharedSerializer {
    guard let serializer = try? SharedSerializer(Blob(bytes)) else { preconditionFailure("it is in memory") }
    return serializer
}

extension ObjectStoreConversation.Pace {
    /// Gives up an object soon.
    static let hasty = Self(patience: .milliseconds(50), look: .milliseconds(10))
    /// Sees soon that an object is not there, and does not give it up.
    static let observant = Self(patience: .seconds(7200), look: .milliseconds(10))
}
