// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing
import Transport

@Suite struct TCPStreamTests {
    @Test func `bytes written arrive, then the clean end`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            try await client.write(Array("hello".utf8), deadline: soon)
            let received = try await server.read(upTo: 100, deadline: soon)
            #expect(received == Array("hello".utf8))
            spawn { await client.finish(deadline: soon) }
            let end = try await server.read(upTo: 100, deadline: soon)
            #expect(end.isEmpty)
            server.close()
        }
    }

    @Test func `a read returns no more than was asked for`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            try await client.write(Array("abc".utf8), deadline: soon)
            #expect(try await server.read(upTo: 1, deadline: soon) == Array("a".utf8))
            #expect(try await server.read(upTo: 2, deadline: soon) == Array("bc".utf8))
        }
    }

    @Test func `a peer that vanished is noticed after forty seconds, whoever connected`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            for stream in [client, server] {
                let port = try #require(stream.peerAddress?.port)
                let descriptor = try #require((0..<4096).first { Self.peerPort(of: $0) == port })
                let tcp = Int32(IPPROTO_TCP)
                #expect(Self.option(tcp, TCP_USER_TIMEOUT, of: descriptor) == 40_000)
                #expect(Self.option(SOL_SOCKET, SO_KEEPALIVE, of: descriptor) == 1)
                let probes = [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map {
                    Self.option(tcp, $0, of: descriptor)
                }
                #expect(probes == [30, 1, 10])
            }
        }
    }

    private static func option(_ level: Int32, _ name: Int32, of descriptor: Int32) -> Int32? {
        var (value, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : nil
    }

    /// The port at the other end of a connection of IPv4.
    private static func peerPort(of descriptor: Int32) -> UInt16? {
        var (address, length) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            getpeername(descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard result == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
        return UInt16(bigEndian: address.sin_port)
    }

    @Test func `64 MiB go both ways at the same time`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            #expect(try await floodBothWays(client, server, blockCount: 64))
        }
    }

    @Test func `a writer waits for a slow reader and then ends at its deadline`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            await #expect(throws: TransportError.deadlinePassed(.write)) {
                try await client.write(
                    [UInt8](repeating: 1, count: 64 << 20),
                    deadline: .after(.milliseconds(20))
                )
            }
            // An unknown part was sent, so nothing sensible can follow.
            await #expect(throws: TransportError.closed) { try await client.write([1], deadline: soon) }
            #expect(!client.isIdleAndOpen)
            #expect(try await !server.read(upTo: 100, deadline: soon).isEmpty)
        }
    }

    @Test func `a read that ran out of time loses nothing`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            await #expect(throws: TransportError.deadlinePassed(.read)) {
                _ = try await server.read(upTo: 100, deadline: .after(.milliseconds(1)))
            }
            try await client.write([7], deadline: soon)
            #expect(try await server.read(upTo: 100, deadline: soon) == [7])
        }
    }

    @Test func `a reset in the middle of a write is the network's fault and worth another try`() async throws
    {
        try await onLoop {
            let (client, server) = try await connectedPair()
            let writing = spawn { await sendRepeatedly(patternBytes(1 << 20), 64, to: client) }
            _ = try await server.read(upTo: 10, deadline: soon)
            // Closing with input unread makes the kernel reset the connection.
            server.close()
            let error = try #require(await writing.value)
            guard case .systemCall(let cause, .write) = error else {
                Issue.record("unexpected \(error)")
                return
            }
            #expect([ECONNRESET, EPIPE].contains(cause.number))
            #expect(error.fault == .network)
            #expect(error.isRetryable)
        }
    }

    @Test func `closing wakes the reader and the writer at work`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            let writing = spawn { await sendRepeatedly(patternBytes(1 << 20), 64, to: client) }
            let reading = spawn { try? await client.read(upTo: 1, deadline: soon) }
            _ = try await server.read(upTo: 10, deadline: soon)
            client.close()
            client.close()
            #expect(await writing.value == .closed)
            #expect(await reading.value == nil)
            await #expect(throws: TransportError.closed) {
                _ = try await client.read(upTo: 1, deadline: soon)
            }
        }
    }

    @Test func `a polite finish delivers the last bytes although input was left unread`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            try await server.write(patternBytes(100_000), deadline: soon)
            let reading = spawn { try? await client.read(upTo: 1, deadline: soon) }
            #expect(await reading.value?.count == 1)
            try await client.write(Array("last words".utf8), deadline: soon)
            let finishing = spawn { await client.finish(deadline: soon) }
            #expect(try await readToEnd(server) == Array("last words".utf8))
            server.close()
            await finishing.value
        }
    }

    @Test func `a finish ends the reader at work and gives up on a peer that stays`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            let reading = spawn { () async -> TransportError? in
                do throws(TransportError) {
                    _ = try await client.read(upTo: 1, deadline: soon)
                    return nil
                } catch {
                    return error
                }
            }
            await yieldToOthers()
            await client.finish(deadline: .after(.milliseconds(5)))
            #expect(await reading.value == .closed)
            #expect(try await server.read(upTo: 1, deadline: soon).isEmpty)
        }
    }

    @Test func `a finish ends a reader that always has something to read`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            let flooding = spawn { await sendRepeatedly(patternBytes(1 << 20), 1000, to: server) }
            let reading = spawn { () async -> TransportError? in
                do throws(TransportError) {
                    while true { _ = try await client.read(upTo: 1024, deadline: soon) }
                } catch {
                    return error
                }
            }
            for _ in 0..<10 { await yieldToOthers() }
            await client.finish(deadline: .after(.milliseconds(5)))
            #expect(await reading.value == .closed)
            #expect(await flooding.value?.fault == .network)
        }
    }

    @Test func `a stream is fit for reuse only while silent and open`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            #expect(client.isIdleAndOpen)
            try await server.write([1], deadline: soon)
            while client.isIdleAndOpen { await yieldToOthers() }
            _ = try await client.read(upTo: 1, deadline: soon)
            #expect(client.isIdleAndOpen)
            server.close()
            while client.isIdleAndOpen { await yieldToOthers() }
            client.close()
            #expect(!client.isIdleAndOpen)
        }
    }

    @Test func `a reader that never has to wait gives others their turn`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            let sending = spawn { await sendRepeatedly(patternBytes(1 << 20), 1, to: client) }
            #expect(await sending.value == nil)
            let turn = Latch()
            spawn { turn.open() }
            var received = 0
            while received < 1 << 20, !turn.isOpen {
                received += try await server.read(upTo: 4096, deadline: soon).count
            }
            #expect(received <= 300 * 1024)
        }
    }

    @Test func `a writer gives others their turn before it goes on, not after its last byte`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            let turn = Latch()
            spawn { turn.open() }
            // No more than an empty send buffer takes at once.
            for _ in 0..<4 { try await client.write(patternBytes(64 * 1024), deadline: soon) }
            #expect(!turn.isOpen)
            try await client.write([1], deadline: soon)
            #expect(turn.isOpen)
            _ = server
        }
    }

    @Test func `a path in the file system can be connected to`() async throws {
        try await onLoop {
            let path = "/tmp/scaler-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            let listener = try TCPListener(at: .unix(path: path))
            defer { unlink(path) }
            let client = try await connectTCP(to: [.unix(path: path)], deadline: soon)
            let server = try await listener.accept(deadline: soon)
            try await client.write([1, 2], deadline: soon)
            #expect(try await server.read(upTo: 9, deadline: soon) == [1, 2])
        }
    }

    @Test func `closing a listener ends its accept`() async throws {
        try await onLoop {
            let listener = try loopbackListener()
            spawn { listener.close() }
            await #expect(throws: TransportError.closed) { _ = try await listener.accept() }
        }
    }
}
