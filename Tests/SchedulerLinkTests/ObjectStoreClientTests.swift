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
            try await writer.append(payload)
            #expect((writer.blob.bytesInMemory == nil) == (byteCount > Blob.memoryBytesMax))
            let small = try await stage.accept()
            let done = Self.set(try Self.id(2), to: writer.blob, with: stage.client)
            let stream = byteCount < ObjectStoreClient.smallBytesMax ? small : try await stage.accept()
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

    @Test func `an object is missing when the server has answered later questions and not this one`()
        async throws
    {
        try await onLoop {
            let stage = try Stage(.hasty)
            let request = stage.client.get(try Self.id(1))
            let settled = spawn { await Self.end(of: request, from: stage.client) }
            // Nothing connects yet, so this is longer than the patience without deciding anything.
            try await sleep(for: ObjectStoreConversation.Pace.hasty.patience * 2)
            let stream = try await stage.accept()
            let get = try await Self.request(on: stream)
            #expect(get.kind == .getObject)
            let first = try await Self.request(on: stream)
            #expect(first.kind == .infoGetTotal)
            try await Self.answer(first, with: [UInt8](repeating: 0, count: 24), on: stream)
            #expect(await Self.bytes(of: request, from: stage.client).value == .failure(.absent))
            let second = try await Self.request(on: stream)
            #expect(second.kind == .infoGetTotal)
            try await Self.answer(second, with: [UInt8](repeating: 0, count: 48), on: stream)
            #expect(await settled.value == .missing)
            // The late answer is dropped, and the connection goes on.
            try await Self.answer(get, with: [1], on: stream)
            let next = Self.bytes(of: stage.client.get(try Self.id(2)), from: stage.client)
            try await Self.answer(try await Self.request(on: stream), with: [2], on: stream)
            #expect(await next.value == .success([2]))
            await stage.end()
        }
    }

    @Test func `an object that comes late is had, by those who wait for it all the same`() async throws {
        try await onLoop {
            let stage = try Stage(.curious)
            let request = stage.client.get(try Self.id(1))
            let stream = try await stage.accept()
            let get = try await Self.request(on: stream)
            let impatient = Self.bytes(of: request, from: stage.client)
            try await Self.answer(try await Self.request(on: stream), with: [0, 0], on: stream)
            #expect(await impatient.value == .failure(.absent))
            let settled = spawn { await Self.end(of: request, from: stage.client) }
            try await Self.answer(get, with: [1], on: stream)
            #expect(await settled.value == nil)
            #expect(await Self.bytes(of: request, from: stage.client).value == .success([1]))
            await stage.end()
        }
    }

    @Test func `a silent connection is given up, and the request goes out on another`() async throws {
        try await onLoop {
            let stage = try Stage(.nervous)
            let bytes = Self.bytes(of: stage.client.get(try Self.id(1)), from: stage.client)
            let silent = try await stage.accept()
            let good = try await stage.accept()
            try await Self.answer(try await Self.request(on: good), with: [1], on: good)
            #expect(await bytes.value == .success([1]))
            let facts = stage.log.facts(of: "warning object storage is not reachable; trying again")
            #expect(facts.map { $0["error"] } == ["it is silent"])
            silent.close()
            await stage.end()
        }
    }

    @Test func `an answer that comes by drops is given up, and the request goes out on another connection`()
        async throws
    {
        try await onLoop {
            let stage = try Stage(.nervous)
            let bytes = Self.bytes(of: stage.client.get(try Self.id(1)), from: stage.client)
            let slow = try await stage.accept()
            let request = try await Self.request(on: slow)
            let header = ObjectStorageResponse(
                kind: .getOK,
                requestID: request.requestID,
                objectID: request.objectID,
                payloadByteCount: 1 << 20
            ).encoded()
            try await slow.write(frame(header) + YMQFraming.header(byteCount: 1 << 20), deadline: soon)
            let drops = spawn {
                while (try? await slow.write([0], deadline: soon)) != nil {
                    try? await sleep(for: .milliseconds(5))
                }
            }
            let stream = try await stage.accept()
            try await Self.answer(try await Self.request(on: stream), with: [1], on: stream)
            #expect(await bytes.value == .success([1]))
            let facts = stage.log.facts(of: "warning object storage is not reachable; trying again")
            #expect(facts.map { $0["error"] } == ["it is silent"])
            await drops.value
            slow.close()
            await stage.end()
        }
    }

    @Test func `answers to what nobody asked do not bring the next attempt forward`() async throws {
        try await onLoop {
            let stage = try Stage(random: { 1 })
            let header = ObjectStorageResponse(
                kind: .setOK,
                requestID: 1 << 40,
                objectID: try Self.id(1),
                payloadByteCount: 0
            ).encoded()
            let begin = Deadline.now
            for _ in 0..<5 {
                let stream = try await stage.accept()
                try await stream.write(frame(header), deadline: soon)
                await stream.finish(deadline: soon)
            }
            // Pauses of 0.2, 0.4 and 0.8 s; a new address has ended the first before it began.
            #expect(Deadline.now.duration(since: begin) >= .milliseconds(1400))
            await stage.end()
        }
    }

    @Test func `a large object is asked for on a connection of its own, and small ones do not wait for it`()
        async throws
    {
        try await onLoop {
            let stage = try Stage()
            let large = Self.bytes(of: stage.client.get(try Self.id(1)), from: stage.client)
            let small = try await stage.accept()
            let first = try await Self.request(on: small)
            #expect(first.payloadByteCount == UInt64(ObjectStoreClient.smallBytesMax))
            let whole = [UInt8](repeating: 7, count: 3 * ObjectStoreClient.smallBytesMax)
            let part = Array(whole.prefix(ObjectStoreClient.smallBytesMax))
            try await Self.answer(first, with: part, on: small)
            let bulk = try await stage.accept()
            let second = try await Self.request(on: bulk)
            #expect(second.kind == .getObject)
            #expect(second.payloadByteCount == .max)
            let other = Self.bytes(of: stage.client.get(try Self.id(2)), from: stage.client)
            try await Self.answer(try await Self.request(on: small), with: [2], on: small)
            #expect(await other.value == .success([2]))
            try await Self.answer(second, with: whole, on: bulk)
            #expect(await large.value == .success(whole))
            let stored = Self.set(try Self.id(3), to: Blob(whole), with: stage.client)
            let set = try await Self.request(on: bulk)
            #expect(try await readExactly(bulk, frame(whole).count) == frame(whole))
            try await Self.answer(set, on: bulk)
            #expect(await stored.value == nil)
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

    @Test func `nothing is connected before the address is known, and the newest address is followed`()
        async throws
    {
        try await onLoop {
            let (former, newer) = (try YMQPeer(), try YMQPeer())
            let client = unusedObjectStore()
            #expect(client.address == nil)
            let run = spawn { await client.run() }
            let bytes = Self.bytes(of: client.get(try Self.id(1)), from: client)
            client.learn(former.endpoint)
            #expect(client.address == former.endpoint.description)
            let left = try await Self.accept(from: former)
            _ = try await Self.request(on: left)
            client.learn(former.endpoint)
            client.learn(newer.endpoint)
            #expect(client.address == newer.endpoint.description)
            #expect(try await readToEnd(left).isEmpty)
            let stream = try await Self.accept(from: newer)
            try await Self.answer(try await Self.request(on: stream), with: [1], on: stream)
            #expect(await bytes.value == .success([1]))
            run.cancel()
            await run.value
        }
    }

    @Test func `an address that no name server could know is ignored, and not repeated`() async throws {
        try await onLoop {
            let log = RecordedLog()
            let client = unusedObjectStore(log: log)
            for host in [String(repeating: "a", count: 254), String(repeating: "\u{1b}", count: 100_000)] {
                client.learn(.tcp(host: host, port: 1))
            }
            #expect(client.address == nil)
            #expect(
                log.messages == [
                    "warning the scheduler names a storage that no name server could know; the address is ignored"
                ]
            )
        }
    }

    @Test(arguments: [
        ("tcp", "tcp://h:1"), ("", "tcp://h:1"), ("tls", "tls://h:1"), ("ws", "ws://h:1/"),
        ("wss", "wss://h:1/"),
    ])
    func `an address from the scheduler is spoken to as it says`(
        _ scheme: String,
        _ address: String
    ) async throws {
        try await onLoop {
            let client = unusedObjectStore()
            client.learn(ObjectStorageAddress(host: "h", port: 1, scheme: scheme))
            #expect(client.address == address)
        }
    }

    @Test func `an address of a scheme that is not known is never spoken to`() async throws {
        try await onLoop {
            let log = RecordedLog()
            let client = unusedObjectStore(log: log)
            for scheme in ["TLS", "quic", String(repeating: "x", count: 100_000)] {
                client.learn(ObjectStorageAddress(host: "h", port: 1, scheme: scheme))
            }
            #expect(client.address == nil)
            #expect(
                log.messages == [
                    "warning the scheduler names a storage with a scheme that is not known; give --object-storage-address"
                ]
            )
        }
    }

    @Test func `an address that changes all the time is followed a few times a minute`() async throws {
        try await onLoop {
            let client = unusedObjectStore()
            for port in UInt16(1)...1000 { client.learn(.tcp(host: "127.0.0.1", port: port)) }
            #expect(client.address == "tcp://127.0.0.1:\(ObjectStoreClient.moveBurst)")
        }
    }

    @Test func `an address that is configured stays`() async throws {
        try await onLoop {
            let stage = try Stage()
            stage.client.learn(.tcp(host: "127.0.0.1", port: 1))
            #expect(stage.client.address == stage.peer.endpoint.description)
            await stage.end()
        }
    }

    @Test func `a storage that is away is told of once a minute, however often it comes and goes`()
        async throws
    {
        try await onLoop {
            let stage = try Stage(.patient)
            for number in UInt8(1)...3 {
                let bytes = Self.bytes(of: stage.client.get(try Self.id(number)), from: stage.client)
                let stream = try await stage.accept()
                try await Self.answer(try await Self.request(on: stream), with: [1], on: stream)
                #expect(await bytes.value == .success([1]))
                stream.close()
            }
            _ = try await stage.accept()
            #expect(stage.log.messages == ["warning object storage is not reachable; trying again"])
            await stage.end()
        }
    }
}
