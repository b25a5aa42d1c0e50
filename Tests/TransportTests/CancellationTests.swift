// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing
import Transport

/// Sockets and enqueues are counted for the whole process, so each of these runs in one of its own.
@Suite struct CancellationTests {
    @Test func `cancelling ends resolving and closes its sockets`() async {
        await #expect(processExitsWith: .success) {
            let outcome = EventLoop.run { () async -> String? in
                guard let server = try? FakeNameServer(["host.test": .silenceFirst(.max, [])]) else {
                    return "server"
                }
                return await cancelHalfway { () throws(TransportError) in
                    _ = try await resolve("host.test", port: 1, servers: server.servers, deadline: soon)
                } whenReached: {
                    server.questionCount > 0
                }
            }
            precondition(outcome == nil, "\(outcome ?? "")")
        }
    }

    @Test func `cancelling ends connecting to several addresses and closes all sockets`() async {
        await #expect(processExitsWith: .success) {
            let outcome = EventLoop.run { () async -> String? in
                guard let silent = try? await SilentListener() else { return "no silent listener" }
                let before = openSocketCount()
                return await cancelHalfway { () throws(TransportError) in
                    _ = try await connectTCP(to: [silent.address, silent.address], deadline: soon)
                } whenReached: {
                    openSocketCount() == before + 2
                }
            }
            precondition(outcome == nil, "\(outcome ?? "")")
        }
    }

    @Test func `cancelling ends a handshake and closes its socket`() async {
        await #expect(processExitsWith: .success) {
            let outcome = EventLoop.run { () async -> String? in
                guard let context = try? TLSContext(.systemRoots), let listener = try? loopbackListener()
                else {
                    return "no listener"
                }
                var accepted: TCPStream?
                return await cancelHalfway { () throws(TransportError) in
                    let transport = try await connectTCP(to: [listener.address], deadline: soon)
                    let peer = try await listener.accept(deadline: soon)
                    // Ends with this scope, so that the count below is right.
                    accepted = peer
                    defer {
                        accepted?.close()
                        accepted = nil
                    }
                    _ = try await TLSStream.connect(
                        over: transport,
                        host: "localhost",
                        context: context,
                        deadline: soon
                    )
                } whenReached: {
                    accepted?.isIdleAndOpen == false
                }
            }
            precondition(outcome == nil, "\(outcome ?? "")")
        }
    }

    @Test(arguments: [false, true])
    func `cancelling ends reading and writing, and letting go closes the socket`(_ isSecure: Bool) async {
        await #expect(processExitsWith: .success) { [isSecure] in
            let outcome = EventLoop.run { () async -> String? in
                guard let fixture = try? TLSFixture.make() else { return "no fixture" }
                for isReading in [false, true] {
                    var isWorking = false
                    let failure = await cancelHalfway { () throws(TransportError) in
                        let (client, server) = try await anyConnectedPair(isSecure ? fixture : nil)
                        defer { server.close() }
                        isWorking = true
                        if isReading {
                            _ = try await client.read(upTo: 1, deadline: soon)
                        } else {
                            try await client.write([UInt8](repeating: 1, count: 64 << 20), deadline: soon)
                        }
                    } whenReached: {
                        isWorking
                    }
                    if let failure { return failure }
                }
                return nil
            }
            precondition(outcome == nil, "\(outcome ?? "")")
        }
    }

    @Test func `TCP, TLS and name resolution never leave the loop's thread`() async {
        await #expect(processExitsWith: .success) {
            let outcome = EventLoop.run { () async -> String? in
                let before = EventLoop.statistics.foreignEnqueueCount
                do {
                    let server = try FakeNameServer([
                        "host.test": .addresses([.ipv4([127, 0, 0, 1], port: 0)])
                    ])
                    _ = try await resolve("host.test", port: 1, servers: server.servers, deadline: soon)
                    let (client, peer) = try await secureConnectedPair(try .make())
                    guard try await floodBothWays(client, peer, blockCount: 2) else { return "bytes differ" }
                    await client.finish(deadline: .after(.milliseconds(1)))
                } catch {
                    return "\(error)"
                }
                let foreign = EventLoop.statistics.foreignEnqueueCount - before
                return foreign == 0 ? nil : "\(foreign) foreign enqueues"
            }
            precondition(outcome == nil, "\(outcome ?? "")")
        }
    }
}

/// Runs `work`, cancels it when `isReached`, and says what is wrong: another end, or sockets left open.
@LoopActor
private func cancelHalfway(
    _ work: @escaping @LoopActor @Sendable () async throws(TransportError) -> Void,
    whenReached isReached: @LoopActor () -> Bool
) async -> String? {
    let before = openSocketCount()
    let working = spawn { () async -> TransportError? in
        do throws(TransportError) {
            try await work()
            return nil
        } catch {
            return error
        }
    }
    while !isReached() { await yieldToOthers() }
    // A few turns more, so that the work sleeps in what is to be cancelled.
    for _ in 0..<100 { await yieldToOthers() }
    working.cancel()
    let error = await working.value
    if error != .cancelled { return "ended with \(String(describing: error))" }
    let after = openSocketCount()
    return after == before ? nil : "\(after - before) sockets more than before"
}

@LoopActor
private func anyConnectedPair(
    _ fixture: TLSFixture?
) async throws(TransportError) -> (client: any ByteStream, server: any ByteStream) {
    guard let fixture else { return try await connectedPair() }
    return try await secureConnectedPair(fixture)
}

/// How many sockets the process has open; the test library opens descriptors of other kinds as it pleases.
private func openSocketCount() -> Int {
    var count = 0
    for descriptor in 0..<Int32(256) {
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { count += 1 }
    }
    return count
}
