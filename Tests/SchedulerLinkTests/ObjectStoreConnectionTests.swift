// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

@testable import SchedulerLink
@testable import SchedulerMessages

/// What of an answer is believed, and what is sent as neighbours.
@Suite(.timeLimit(.minutes(1))) struct ObjectStoreConnectionTests {
    private static func header(of byteCount: Int) throws -> ObjectStorageResponse {
        ObjectStorageResponse(
            kind: .getOK,
            requestID: 7,
            objectID: try ObjectID([UInt8](repeating: 1, count: 32)),
            payloadByteCount: UInt64(byteCount)
        )
    }

    @Test func `an answer is a header, and a payload of the length that it announces`() async throws {
        try await onLoop {
            let (connection, server) = try await connected()
            let header = try Self.header(of: 3)
            try await server.write(frame(header.encoded()) + frame([1, 2, 3]), deadline: soon)
            #expect(try await connection.receiveHeader() == header)
            let payload = try await connection.receivePayload(
                of: header,
                isWanted: { true },
                carried: { _ in }
            )
            .get()
            #expect(payload.bytesInMemory == [1, 2, 3])
            await connection.close()
        }
    }

    @Test func `a payload that nobody wants is read all the same, and one of no bytes is no message`()
        async throws
    {
        try await onLoop {
            let (connection, server) = try await connected()
            let (unwanted, empty) = (try Self.header(of: 3), try Self.header(of: 0))
            try await server.write(
                frame(unwanted.encoded()) + frame([1, 2, 3]) + frame(empty.encoded()),
                deadline: soon
            )
            _ = try await connection.receiveHeader()
            #expect(
                try await connection.receivePayload(of: unwanted, isWanted: { false }, carried: { _ in })
                    .get()
                    .byteCount == 0
            )
            #expect(try await connection.receiveHeader() == empty)
            #expect(
                try await connection.receivePayload(of: empty, isWanted: { true }, carried: { _ in }).get()
                    .byteCount == 0
            )
            await connection.close()
        }
    }

    @Test func `of a payload that is not wanted any more nothing is kept while the rest arrives`()
        async throws
    {
        try await onLoop {
            let (connection, server) = try await connected()
            let budget = HostBudgets(memoryBytesMax: 1 << 20, diskBytesMax: 1 << 20).inputs
            let (isAbandoned, header) = (Latch(), try Self.header(of: 1000))
            let receiving = spawn {
                let holding = budget.begin()
                return try? await connection.receivePayload(
                    of: header,
                    isWanted: { !isAbandoned.isOpen },
                    for: holding,
                    carried: { _ in isAbandoned.open() }
                ).get().byteCount
            }
            let bytes = frame([UInt8](repeating: 1, count: 1000))
            try await server.write(Array(bytes.prefix(500)), deadline: soon)
            try await isAbandoned.wait(until: soon)
            #expect(budget.used == Resources())
            try await server.write(Array(bytes.dropFirst(500)), deadline: soon)
            #expect(await receiving.value == 0)
            await connection.close()
        }
    }

    @Test(arguments: [0, 79, 81])
    func `a header of another length is refused before it is read`(byteCount: Int) async throws {
        try await onLoop {
            let (connection, server) = try await connected()
            try await server.write(frame([UInt8](repeating: 0, count: byteCount)), deadline: soon)
            let text = await failure { () async throws(ObjectStoreConnection.Failure) in
                _ = try await connection.receiveHeader()
            }
            #expect(text == "unexpected answer: a header of \(byteCount) bytes")
            await connection.close()
        }
    }

    @Test func `a header of an unknown kind is refused`() async throws {
        try await onLoop {
            let (connection, server) = try await connected()
            var bytes = try Self.header(of: 0).encoded()
            bytes[32] = 99
            try await server.write(frame(bytes), deadline: soon)
            let text = try #require(
                await failure { () async throws(ObjectStoreConnection.Failure) in
                    _ = try await connection.receiveHeader()
                }
            )
            #expect(text.hasPrefix("unexpected answer: "))
            await connection.close()
        }
    }

    @Test(arguments: [2, 4])
    func `a payload of another length than was announced is refused`(byteCount: Int) async throws {
        try await onLoop {
            let (connection, server) = try await connected()
            try await server.write(frame([UInt8](repeating: 0, count: byteCount)), deadline: soon)
            let header = try Self.header(of: 3)
            let text = await failure { () async throws(ObjectStoreConnection.Failure) in
                _ = try await connection.receivePayload(of: header, isWanted: { true }, carried: { _ in })
            }
            #expect(text == "unexpected answer: a payload of \(byteCount) bytes, announced as 3")
            await connection.close()
        }
    }

    @Test func `a payload follows its header at once, from memory and from a file`() async throws {
        try await onLoop {
            let (connection, server) = try await connected()
            let id = try ObjectID([UInt8](repeating: 1, count: 32))
            let bytes = [UInt8](repeating: 5, count: Blob.sliceBytesMax + 1)
            let file = try SpoolFile()
            try file.append(bytes[...])
            for blob in [Blob(bytes), Blob(file)] {
                let sending = spawn { try? await connection.sendSet(id, to: blob, requestID: 3) { _ in } }
                let header = ObjectStorageRequest.set(id, byteCount: bytes.count, requestID: 3).encoded()
                let expected = frame(header) + frame(bytes)
                #expect(try await readExactly(server, expected.count) == expected)
                #expect(await sending.value != nil)
            }
            await connection.close()
        }
    }

    @Test func `what the kernel takes is told before it is more than a sign of life`() async throws {
        try await onLoop {
            let (connection, server) = try await connected()
            let id = try ObjectID([UInt8](repeating: 1, count: 32))
            let blob = Blob([UInt8](repeating: 5, count: 100_000))
            let sending = spawn { () -> [Int] in
                var told: [Int] = []
                try? await connection.sendSet(id, to: blob, requestID: 3) { told.append($0) }
                return told
            }
            _ = try await readExactly(server, 8 + ObjectStorageRequest.byteCount + 8 + blob.byteCount)
            let told = await sending.value
            #expect(told.reduce(0, +) == blob.byteCount)
            #expect(told.allSatisfy { $0 <= ObjectStoreConversation.signByteCount })
            await connection.close()
        }
    }

    @Test(arguments: [(YMQVersion.one, WireGeneration.first), (.two, .second)])
    func `the generation of messages is that of the greeting`(
        version: YMQVersion,
        generation: WireGeneration
    ) async throws {
        try await onLoop {
            let (connection, _) = try await connected(version)
            #expect(connection.generation == generation)
            await connection.close()
        }
    }

    @Test func `a connection that ends is told apart from an answer that is wrong`() async throws {
        try await onLoop {
            let (connection, server) = try await connected()
            server.close()
            let text = try #require(
                await failure { () async throws(ObjectStoreConnection.Failure) in
                    _ = try await connection.receiveHeader()
                }
            )
            #expect(!text.hasPrefix("unexpected answer"))
            await connection.close()
        }
    }
}

/// A connection and the server's end of it, past the greetings.
@LoopActor
private func connected(_ version: YMQVersion = .two) async throws -> (ObjectStoreConnection, TCPStream) {
    let peer = try YMQPeer()
    defer { peer.close() }
    let greeting = YMQFraming.hello(version, identity: [9])
    let accepting = spawn { try? await peer.accept(greeting) }
    let link = try await YMQConnection.connect(
        to: peer.endpoint,
        over: SocketNetwork(),
        identity: [8],
        deadline: soon
    )
    let server = try #require(await accepting.value)
    _ = try await readExactly(server, YMQFraming.hello(version, identity: [8]).count)
    return (ObjectStoreConnection(link: link), server)
}

/// What a step failed with, in words.
@LoopActor
private func failure(
    of step: @LoopActor () async throws(ObjectStoreConnection.Failure) -> Void
) async -> String? {
    do throws(ObjectStoreConnection.Failure) {
        try await step()
        return nil
    } catch {
        return "\(error)"
    }
}
