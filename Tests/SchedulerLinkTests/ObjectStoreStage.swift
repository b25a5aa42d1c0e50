// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages

extension ObjectStoreClientTests {
    /// A client and the server that it talks to.
    @LoopActor
    final class Stage {
        let peer: YMQPeer
        let client: ObjectStoreClient
        let log = RecordedLog()
        private var run: Spawned<Void>?

        init(
            _ pace: ObjectStoreConversation.Pace = .patient,
            random: @escaping @LoopActor () -> Double = { LoopRandom.number(in: 0..<1) }
        ) throws {
            peer = try YMQPeer()
            client = ObjectStoreClient(
                connector: SchedulerConnector(
                    backend: .ymq,
                    network: SocketNetwork(),
                    log: log.logger
                ),
                endpoint: peer.endpoint,
                pace: pace,
                log: log.logger,
                random: random
            )
        }

        /// Keeps the client connected; more than once is harmless.
        func start() {
            let client = client
            if run == nil { run = spawn { await client.run() } }
        }

        /// The next connection, past its greeting, whose identity nobody has had before.
        func accept() async throws -> TCPStream {
            start()
            return try await ObjectStoreClientTests.accept(from: peer)
        }

        func end() async {
            run?.cancel()
            await run?.value
            peer.close()
        }
    }

    /// The next connection, past its greeting.
    @LoopActor
    static func accept(from peer: YMQPeer) async throws -> TCPStream {
        let stream = try await peer.accept()
        let identityExample = "Worker|oci-hpc-storage|0123456789abcdef0123456789abcdef"
        let greeting = YMQFraming.hello(.two, identity: Array(identityExample.utf8)).count
        _ = try await readExactly(stream, greeting)
        return stream
    }

    /// Waits for a get as long as it may still bring anything; what it ends with, nil with the object.
    @LoopActor
    static func end(
        of request: ObjectStoreClient.Request,
        from client: ObjectStoreClient
    ) async -> ObjectStoreError? {
        do throws(ObjectStoreError) { try await client.waitUntilSettled(request) } catch { return error }
        return nil
    }

    static func id(_ number: UInt8) throws -> ObjectID {
        try ObjectID([UInt8](repeating: number, count: 32))
    }

    /// The next request on a connection.
    @LoopActor
    static func request(on stream: TCPStream) async throws -> ObjectStorageRequest {
        let bytes = try await readExactly(stream, frame([UInt8](repeating: 0, count: 80)).count)
        return try ObjectStorageRequest.decode(Array(bytes.suffix(80)))
    }

    @LoopActor
    static func answer(
        _ request: ObjectStorageRequest,
        with payload: [UInt8] = [],
        kind: ObjectStorageResponseKind? = nil,
        on stream: TCPStream
    ) async throws {
        let header = ObjectStorageResponse(
            kind: kind ?? Self.kind(ofAnswerTo: request),
            requestID: request.requestID,
            objectID: request.objectID,
            payloadByteCount: UInt64(payload.count)
        ).encoded()
        try await stream.write(frame(header) + (payload.isEmpty ? [] : frame(payload)), deadline: soon)
    }

    static func kind(ofAnswerTo request: ObjectStorageRequest) -> ObjectStorageResponseKind {
        switch request.kind {
        case .setObject: .setOK
        case .getObject: .getOK
        case .deleteObject: .deleteOK
        case .duplicateObjectID: .duplicateOK
        case .infoGetTotal: .infoGetTotalOK
        }
    }

    /// Waits for an object; what became of it.
    @LoopActor
    static func bytes(
        of request: ObjectStoreClient.Request,
        from client: ObjectStoreClient
    ) -> Spawned<Result<[UInt8], ObjectStoreError>> {
        spawn {
            do throws(ObjectStoreError) {
                let blob = try await client.blob(of: request)
                do throws(TransportError) {
                    return .success(try blob.bytes(at: 0, upTo: blob.byteCount))
                } catch {
                    return .failure(.file(error))
                }
            } catch {
                return .failure(error)
            }
        }
    }

    @LoopActor
    static func set(
        _ id: ObjectID,
        to blob: Blob,
        with client: ObjectStoreClient
    ) -> Spawned<ObjectStoreError?> {
        spawn {
            do throws(ObjectStoreError) { try await client.set(id, to: blob) } catch { return error }
            return nil
        }
    }
}

extension ObjectStoreConversation.Pace {
    /// For tests in which nothing is ever late.
    static let patient = Self(patience: .seconds(300))
    /// For tests that wait for an object to be absent.
    static let curious = Self(patience: .seconds(300), look: .milliseconds(10))
    /// For tests that wait for an object to go missing.
    static let hasty = Self(patience: .seconds(1), look: .milliseconds(10))
    /// For tests that wait for a silence to be noticed.
    static let nervous = Self(
        patience: .seconds(300),
        silence: .milliseconds(50),
        look: .milliseconds(10)
    )
}
