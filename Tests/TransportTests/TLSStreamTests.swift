// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import Transport

@Suite struct TLSStreamTests {
    @Test(arguments: [0x0303, 0x0304] as [Int32])
    func `both ends exchange bytes and end with close_notify`(_ version: Int32) async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make(versionMax: version))
            #expect(client.session.version == (version == 0x0303 ? "TLSv1.2" : "TLSv1.3"))
            try await client.write(Array("ping".utf8), deadline: soon)
            #expect(try await server.read(upTo: 100, deadline: soon) == Array("ping".utf8))
            try await server.write(Array("pong".utf8), deadline: soon)
            #expect(try await client.read(upTo: 100, deadline: soon) == Array("pong".utf8))
            try await server.sendCloseNotify(deadline: soon)
            #expect(try await client.read(upTo: 100, deadline: soon).isEmpty)
            client.close()
            #expect(try await server.read(upTo: 100, deadline: soon).isEmpty)
        }
    }

    @Test(arguments: [0x0303, 0x0304] as [Int32])
    func `64 MiB go both ways at the same time`(_ version: Int32) async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make(versionMax: version))
            #expect(try await floodBothWays(client, server, blockCount: 64))
        }
    }

    @Test func `keys change in the middle of traffic both ways`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make())
            let block = patternBytes(1 << 20)
            let sending = spawn { await sendRepeatedly(block, 16, to: client) }
            let receiving = spawn { try? await receiveDigest(16 << 20, from: server) }
            let answering = spawn { () async -> TransportError? in
                do throws(TransportError) {
                    for _ in 0..<16 {
                        try await server.requestKeyUpdate(deadline: soon)
                        try await server.write(block, deadline: soon)
                    }
                    return nil
                } catch {
                    return error
                }
            }
            let received = try await receiveDigest(16 << 20, from: client)
            #expect(await receiving.value == received)
            #expect(await sending.value == nil)
            #expect(await answering.value == nil)
        }
    }

    @Test func `an end without close_notify is a truncation`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make())
            try await server.write(Array("half of it".utf8), deadline: soon)
            await server.transport.finish(deadline: .now)
            #expect(try await client.read(upTo: 100, deadline: soon) == Array("half of it".utf8))
            await #expect(throws: TransportError.truncated) {
                _ = try await client.read(upTo: 100, deadline: soon)
            }
        }
    }

    @Test func `a record that was changed on its way ends the stream with an error`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make()) { CorruptingStream($0) }
            try await server.write(Array("pristine".utf8), deadline: soon)
            #expect(try await client.read(upTo: 100, deadline: soon) == Array("pristine".utf8))
            let corrupting = try #require(server.transport as? CorruptingStream)
            corrupting.corruptsLastByte = true
            try await server.write(Array("tampered".utf8), deadline: soon)
            await #expect(throws: TransportError.tls(reason: "decryption failed or bad record mac", .read)) {
                _ = try await client.read(upTo: 100, deadline: soon)
            }
            #expect(!client.isIdleAndOpen)
        }
    }

    @Test func `a handshake and an exchange survive arriving byte by byte`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make()) { DribblingStream($0) }
            let sending = spawn { await sendRepeatedly(patternBytes(3000), 1, to: server) }
            let digest = DigestAlgorithm.sha256.digest(patternBytes(3000))
            #expect(try await receiveDigest(3000, from: client) == digest)
            #expect(await sending.value == nil)
        }
    }

    @Test func `a writer waits for a slow reader and then ends at its deadline`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make())
            await #expect(throws: TransportError.deadlinePassed(.write)) {
                try await client.write(
                    [UInt8](repeating: 1, count: 64 << 20),
                    deadline: .after(.milliseconds(50))
                )
            }
            await #expect(throws: TransportError.closed) { try await client.write([1], deadline: soon) }
            client.close()
            _ = server
        }
    }

    @Test func `closing wakes the reader and the writer at work`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make())
            let writing = spawn { await sendRepeatedly(patternBytes(1 << 20), 64, to: client) }
            let reading = spawn { () async -> TransportError? in
                do throws(TransportError) {
                    _ = try await client.read(upTo: 1, deadline: soon)
                    return nil
                } catch {
                    return error
                }
            }
            _ = try await server.read(upTo: 10, deadline: soon)
            client.close()
            #expect(await writing.value == .closed)
            #expect(await reading.value == .closed)
        }
    }

    @Test func `a polite finish says close_notify and lets the last bytes arrive`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make())
            try await server.write(patternBytes(100_000), deadline: soon)
            try await client.write(Array("last words".utf8), deadline: soon)
            let finishing = spawn { await client.finish(deadline: soon) }
            #expect(try await readToEnd(server) == Array("last words".utf8))
            server.close()
            await finishing.value
        }
    }

    @Test func `tickets leave a stream fit for reuse, plaintext and goodbyes do not`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make())
            // The two tickets of TLS 1.3 wait in the socket.
            #expect(client.isIdleAndOpen)
            try await server.write([1, 2], deadline: soon)
            while client.isIdleAndOpen { await yieldToOthers() }
            // Looking has not eaten it.
            #expect(try await client.read(upTo: 100, deadline: soon) == [1, 2])
            #expect(client.isIdleAndOpen)
            try await server.sendCloseNotify(deadline: soon)
            while client.isIdleAndOpen { await yieldToOthers() }
            client.close()
            #expect(!client.isIdleAndOpen)
        }
    }

    @Test func `a second handshake is refused and does no harm`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try .make(versionMax: 0x0303))
            try await server.requestRenegotiation(deadline: soon)
            let reading = spawn { try? await client.read(upTo: 100, deadline: soon) }
            // OpenSSL's server takes the refusal, a warning, for the end of the connection.
            await #expect(throws: TransportError.tls(reason: "read: no renegotiation", .read)) {
                _ = try await server.read(upTo: 100, deadline: soon)
            }
            server.close()
            #expect(await reading.value == nil)
        }
    }
}

extension TLSStream {
    /// Whether the handshake resumed an earlier session with the host.
    var isResumed: Bool { session.isResumed }
    /// The version agreed on, such as "TLSv1.3".
    var version: String { session.version }
}
