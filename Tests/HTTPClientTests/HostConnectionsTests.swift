// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@testable import HTTPClient

/// When a connection is opened, used again and closed.
@Suite(.timeLimit(.minutes(1))) struct HostConnectionsTests {
    @LoopActor
    private func request(until deadline: Deadline = .after(.seconds(10))) -> HTTPRequest {
        .get.with { $0.deadline = deadline }
    }

    @Test func `a connection that was given back is leased again, and none is opened`() async throws {
        try await onLoop {
            let host = Host()
            let first = try await host.connections.lease(for: request())
            host.connections.giveBack(first, from: .get)
            let second = try await host.connections.lease(for: request())
            #expect(first === second)
            #expect(host.connections.openedCount == 1)
        }
    }

    @Test func `a connection that broke while it was idle is closed, and a new one opened in its place`()
        async throws
    {
        try await onLoop {
            let host = Host(connectionsMax: 1)
            let first = try await host.connections.lease(for: request())
            host.connections.giveBack(first, from: .get)
            host.streams[0].client.close()
            let second = try await host.connections.lease(for: request())
            #expect(first !== second)
            #expect(second.isUsable)
            #expect(host.connections.openedCount == 2)
        }
    }

    @Test func `a connection that is not usable any more gives its place to the next request`() async throws {
        try await onLoop {
            let host = Host(connectionsMax: 1)
            let first = try await host.connections.lease(for: request())
            let waiting = spawn { try? await host.connections.lease(for: request()) }
            first.close()
            host.connections.giveBack(first, from: .get)
            let second = await waiting.value
            #expect(second?.isUsable == true)
            #expect(host.connections.openedCount == 2)
        }
    }

    @Test func `a request that fails to connect, or to replace what broke, gives its place back`()
        async throws
    {
        try await onLoop {
            let host = Host(connectionsMax: 1)
            host.failure = .deadlinePassed(.connect)
            await #expect(throws: HTTPError.deadlinePassed(.connect)) {
                _ = try await host.connections.lease(for: request())
            }
            host.failure = nil
            let broken = try await host.connections.lease(for: request())
            host.failure = .deadlinePassed(.connect)
            await #expect(throws: HTTPError.deadlinePassed(.connect)) {
                _ = try await host.connections.replace(broken, for: request())
            }
            #expect(!broken.isUsable)
            host.failure = nil
            #expect(try await host.connections.lease(for: request()).isUsable)
            #expect(host.connections.openedCount == 2)
        }
    }

    @Test func `a request that finds no place in time says that it waited in the queue`() async throws {
        try await onLoop {
            let host = Host(connectionsMax: 1)
            _ = try await host.connections.lease(for: request())
            await #expect(throws: HTTPError.deadlinePassed(.queue)) {
                _ = try await host.connections.lease(
                    for: .get.with { $0.deadline = .after(.milliseconds(10)) }
                )
            }
        }
    }

    @Test func `an idle connection is closed after the idle time, a leased one is not`() async throws {
        try await onLoop {
            let host = Host(idleTime: .milliseconds(10))
            let idle = try await host.connections.lease(for: request())
            let leased = try await host.connections.lease(for: request())
            host.connections.giveBack(idle, from: .get)
            #expect(try await readToEnd(host.streams[0].server).isEmpty)
            #expect(!idle.isUsable)
            #expect(leased.isUsable)
        }
    }

    @Test func `closing closes what is idle at once, and what is leased when it comes back`() async throws {
        try await onLoop {
            let host = Host()
            let idle = try await host.connections.lease(for: request())
            let leased = try await host.connections.lease(for: request())
            host.connections.giveBack(idle, from: .get)
            host.connections.close()
            #expect(!idle.isUsable)
            #expect(leased.isUsable)
            host.connections.giveBack(leased, from: .get)
            #expect(!leased.isUsable)
        }
    }
}

/// The connections to a host that accepts every one, or none while `failure` says why.
@LoopActor
private final class Host: Connector {
    private(set) var streams: [(client: TCPStream, server: TCPStream)] = []
    var failure: HTTPError?
    private let settings: (connectionsMax: Int, idleTime: Duration)
    private(set) lazy var connections = HostConnections(
        HTTPOrigin(scheme: .http, host: "h", port: 1),
        self,
        connectionsMax: settings.connectionsMax,
        idleTime: settings.idleTime
    )

    init(connectionsMax: Int = 2, idleTime: Duration = .seconds(50)) {
        settings = (connectionsMax, idleTime)
    }

    func connect(
        to origin: HTTPOrigin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream {
        if let failure { throw failure }
        do throws(TransportError) {
            let pair = try await connectedPair()
            streams.append(pair)
            return pair.client
        } catch {
            throw .transport(error, .connect)
        }
    }
}
