// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages

@Suite(.timeLimit(.minutes(1))) struct ObjectStoreClientTests {
    /// A client and the server that it talks to.
    @LoopActor
    private final class Stage {
        let peer: YMQPeer
        let client: ObjectStoreClient
        let log = RecordedLog()
        private var run: Spawned<Void>?

        init() throws {
            peer = try YMQPeer()
            client = ObjectStoreClient(
                connector: SchedulerConnector(
                    backend: .ymq,
                    network: SocketNetwork(ioThreads: 1),
                    log: log.logger
                ),
                endpoint: peer.endpoint,
                log: log.logger
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
            let stream = try await peer.accept()
            let greeting = YMQFraming.hello(.two, identity: Array(identityExample.utf8)).count
            _ = try await readExactly(stream, greeting)
            return stream
        }

        func end() async {
            run?.cancel()
            await run?.value
            peer.close()
        }

        private let identityExample = "Worker|oci-hpc-storage|0123456789abcdef0123456789abcdef"
    }

    private static func id(_ number: UInt8) throws -> ObjectID {
        try ObjectID([UInt8](repeating: number, count: 32))
    }

    /// The next request on a connection.
    @LoopActor
    private static func request(on stream: TCPStream) async throws -> ObjectStorageRequest {
        let bytes = try await readExactly(stream, frame([UInt8](repeating: 0, count: 80)).count)
        return try ObjectStorageRequest.decode(Array(bytes.suffix(80)))
    }

    @LoopActor
    private static func answer(
        _ request: ObjectStorageRequest,
        with payload: [UInt8] = [],
        kind: ObjectStorageResponseKind? = nil,
        on stream: TCPStream
    ) async throws {
        let isGet = request.kind == .getObject
        let header = ObjectStorageResponse(
            kind: kind ?? (isGet ? .getOK : .setOK),
            requestID: request.requestID,
            objectID: request.objectID,
            payloadByteCount: UInt64(payload.count)
        ).encoded()
        try await stream.write(frame(header) + (payload.isEmpty ? [] : frame(payload)), deadline: soon)
    }

    /// Waits for an object; what became of it.
    @LoopActor
    private static func bytes(
        of request: ObjectStoreClient.Request,
        from client: ObjectStoreClient,
        timeout: Duration = .seconds(30)
    ) -> Spawned<Result<[UInt8], ObjectStoreError>> {
        spawn {
            do throws(ObjectStoreError) {
                let blob = try await client.blob(of: request, timeout: timeout)
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
    private static func set(
        _ id: ObjectID,
        to blob: Blob,
        with client: ObjectStoreClient
    ) -> Spawned<ObjectStoreError?> {
        spawn {
            do throws(ObjectStoreError) { try await client.set(id, to: blob) } catch { return error }
            return nil
        }
    }

    @Test func `a get brings the bytes, also to all who wait for it`() async throws {
        try await onLoop {
            let stage = try Stage()
            let request = stage.client.get(try Self.id(1))
            let waiters = [
                Self.bytes(of: request, from: stage.client), Self.bytes(of: request, from: stage.client),
            ]
            let stream = try await stage.accept()
            let asked = try await Self.request(on: stream)
            #expect(asked.kind == .getObject)
            #expect(try asked.objectID == Self.id(1))
            try await Self.answer(asked, with: [1, 2, 3], on: stream)
            for waiter in waiters { #expect(await waiter.value == .success([1, 2, 3])) }
            #expect(request.memoryByteCount == 3)
            #expect(stage.client.generation == .second)
            await stage.end()
        }
    }

    @Test(arguments: [0, 5, Blob.memoryBytesMax + 1])
    func `a set sends header and bytes and ends with the answer`(_ byteCount: Int) async throws {
        try await onLoop {
            let stage = try Stage()
            let payload = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0) }
            var writer = BlobWriter()
            try writer.append(payload)
            #expect((writer.blob.bytesInMemory == nil) == (byteCount > Blob.memoryBytesMax))
            let done = Self.set(try Self.id(2), to: writer.blob, with: stage.client)
            let stream = try await stage.accept()
            let asked = try await Self.request(on: stream)
            #expect(asked.kind == .setObject)
            #expect(asked.payloadByteCount == UInt64(byteCount))
            #expect(try await readExactly(stream, frame(payload).count) == frame(payload))
            try await Self.answer(asked, on: stream)
            #expect(await done.value == nil)
            await stage.end()
        }
    }

    @Test func `a large answer goes to a file`() async throws {
        try await onLoop {
            let stage = try Stage()
            let request = stage.client.get(try Self.id(1))
            let bytes = Self.bytes(of: request, from: stage.client)
            let stream = try await stage.accept()
            let payload = [UInt8](repeating: 7, count: Blob.memoryBytesMax + 1)
            try await Self.answer(try await Self.request(on: stream), with: payload, on: stream)
            #expect(await bytes.value == .success(payload))
            #expect(request.memoryByteCount == 0)
            await stage.end()
        }
    }

    @Test func `an object is missing only after the timeout of a connection`() async throws {
        try await onLoop {
            let stage = try Stage()
            let timeout: Duration = .milliseconds(100)
            let request = stage.client.get(try Self.id(1))
            let bytes = Self.bytes(of: request, from: stage.client, timeout: timeout)
            // Nothing connects yet, so this is longer than the timeout without deciding anything.
            try await sleep(for: timeout * 2)
            let connecting = Deadline.now
            let stream = try await stage.accept()
            #expect(await bytes.value == .failure(.missing))
            #expect((connecting + timeout).isPast)
            // The late answer is dropped, and the connection goes on.
            try await Self.answer(try await Self.request(on: stream), with: [1], on: stream)
            let next = Self.bytes(of: stage.client.get(try Self.id(2)), from: stage.client)
            try await Self.answer(try await Self.request(on: stream), with: [2], on: stream)
            #expect(await next.value == .success([2]))
            await stage.end()
        }
    }

    @Test func `what was not answered is sent again on the next connection, in order`() async throws {
        try await onLoop {
            let stage = try Stage()
            let bytes = Self.bytes(of: stage.client.get(try Self.id(1)), from: stage.client)
            let done = Self.set(try Self.id(2), to: Blob([9]), with: stage.client)
            var stream = try await stage.accept()
            for _ in 0..<2 {
                let get = try await Self.request(on: stream)
                #expect(get.kind == .getObject)
                let set = try await Self.request(on: stream)
                #expect(set.kind == .setObject)
                #expect(try await readExactly(stream, frame([9]).count) == frame([9]))
                await stream.finish(deadline: soon)
                stream = try await stage.accept()
            }
            try await Self.answer(try await Self.request(on: stream), with: [4], on: stream)
            let set = try await Self.request(on: stream)
            try await Self.answer(set, on: stream)
            #expect(await bytes.value == .success([4]))
            #expect(await done.value == nil)
            await stage.end()
        }
    }

    @Test func `a get that is taken back is not asked for, unless somebody waits for it or asks again`()
        async throws
    {
        try await onLoop {
            let stage = try Stage()
            let dropped = stage.client.get(try Self.id(1))
            let kept = stage.client.get(try Self.id(2))
            let waiter = Self.bytes(of: kept, from: stage.client)
            await yieldToOthers()
            stage.client.abandon(dropped)
            stage.client.abandon(kept)
            let stream = try await stage.accept()
            let asked = try await Self.request(on: stream)
            #expect(try asked.objectID == Self.id(2))
            try await Self.answer(asked, with: [2], on: stream)
            #expect(await waiter.value == .success([2]))
            let again = Self.bytes(of: dropped, from: stage.client)
            let askedAgain = try await Self.request(on: stream)
            #expect(try askedAgain.objectID == Self.id(1))
            try await Self.answer(askedAgain, with: [1], on: stream)
            #expect(await again.value == .success([1]))
            await stage.end()
        }
    }

    /// How a server can break the rules.
    enum Breach: CaseIterable {
        case wrongKind, wrongObject, shortHeader, wrongByteCount
    }

    @Test(arguments: Breach.allCases)
    func `an unexpected answer ends the connection, and the request is sent on the next one`(
        _ breach: Breach
    ) async throws {
        try await onLoop {
            let stage = try Stage()
            let bytes = Self.bytes(of: stage.client.get(try Self.id(1)), from: stage.client)
            let bad = try await stage.accept()
            let asked = try await Self.request(on: bad)
            switch breach {
            case .wrongKind: try await Self.answer(asked, kind: .setOK, on: bad)
            case .wrongObject:
                let other = ObjectStorageRequest.get(try Self.id(3), requestID: asked.requestID)
                try await Self.answer(other, with: [1], on: bad)
            case .shortHeader: try await bad.write(frame([1, 2, 3]), deadline: soon)
            case .wrongByteCount:
                let header = ObjectStorageResponse(
                    kind: .getOK,
                    requestID: asked.requestID,
                    objectID: asked.objectID,
                    payloadByteCount: 5
                ).encoded()
                try await bad.write(frame(header) + frame([1, 2, 3]), deadline: soon)
            }
            let good = try await stage.accept()
            try await Self.answer(try await Self.request(on: good), with: [1], on: good)
            #expect(await bytes.value == .success([1]))
            #expect(stage.log.messages.first == "warning object storage is not reachable; trying again")
            bad.close()
            await stage.end()
        }
    }

    @Test func `a caller that is cancelled learns so, and its request is dropped`() async throws {
        try await onLoop {
            let stage = try Stage()
            let done = Self.set(try Self.id(1), to: Blob([1]), with: stage.client)
            let bytes = Self.bytes(of: stage.client.get(try Self.id(2)), from: stage.client)
            await yieldToOthers()
            done.cancel()
            bytes.cancel()
            #expect(await done.value == .cancelled)
            #expect(await bytes.value == .failure(.cancelled))
            await stage.end()
        }
    }

    @Test func `nothing is connected before the address is known, and the first address stays`() async throws
    {
        try await onLoop {
            let peer = try YMQPeer()
            let client = unusedObjectStore()
            #expect(client.address == nil)
            let run = spawn { await client.run() }
            client.learn(peer.endpoint)
            client.learn(.tcp(host: "h", port: 1))
            #expect(client.address == peer.endpoint.description)
            _ = try await peer.accept()
            run.cancel()
            await run.value
        }
    }
}
