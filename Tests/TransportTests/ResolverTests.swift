// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing
import Transport

private let four = SocketAddress.ipv4([192, 0, 2, 7], port: 443)
private let six = SocketAddress.ipv6(
    [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1],
    zone: 0,
    port: 443
)

@Suite struct ResolverTests {
    @Test func `localhost is found with no name server`() async throws {
        try await onLoop {
            let addresses = try await resolve("localhost", port: 80, servers: "127.0.0.1:1", deadline: soon)
            #expect(addresses.contains(.ipv4([127, 0, 0, 1], port: 80)))
        }
    }

    @Test(arguments: [
        (FakeNameServer.Answer.addresses([four, six]), [six, four]),
        (.addresses([four]), [four]),
        (.addresses([six]), [six]),
        (.truncated([four, six]), [six, four]),
    ])
    func `a name has the addresses that its server says`(
        _ answer: FakeNameServer.Answer,
        _ expected: [SocketAddress]
    ) async throws {
        try await onLoop {
            let server = try FakeNameServer(["host.test": answer])
            defer { server.stop() }
            for name in ["host.test", "HOST.test."] {
                let found = try await resolve(
                    name,
                    port: 443,
                    servers: server.servers,
                    resolutionDelay: .seconds(30),
                    deadline: soon
                )
                #expect(found == expected)
            }
        }
    }

    @Test(arguments: [(28, [four]), (1, [six])] as [(UInt8, [SocketAddress])])
    func `a family whose server is silent does not keep the other waiting`(
        _ silentType: UInt8,
        _ expected: [SocketAddress]
    ) async throws {
        try await onLoop {
            let server = try FakeNameServer(["host.test": .silenceFor(type: silentType, [four, six])])
            defer { server.stop() }
            // The silent question would be asked again only after five seconds.
            let found = try await resolve(
                "host.test",
                port: 443,
                servers: server.servers,
                deadline: .after(.seconds(4))
            )
            #expect(found == expected)
        }
    }

    @Test func `a name of any length makes a short message`() {
        let host = String(repeating: "a", count: 100_000)
        for error in [
            TransportError.unresolved(host: host, .malformed), .certificate(.unknownAuthority, host: host),
        ] { #expect("\(error)".utf8.count < 200) }
        #expect("\(TransportError.unresolved(host: "a.b", .malformed))" == "host a.b: not a host name")
    }

    @Test(arguments: [
        (FakeNameServer.Answer.error(3), ResolutionProblem.nameUnknown),
        (.addresses([]), .addressless),
    ])
    func `a name without addresses says why`(
        _ answer: FakeNameServer.Answer,
        _ problem: ResolutionProblem
    ) async throws {
        try await onLoop {
            let server = try FakeNameServer(["host.test": answer])
            defer { server.stop() }
            let error = await resolveError("host.test", server.servers, soon)
            #expect(error == .unresolved(host: "host.test", problem))
            #expect(error?.isRetryable == false)
        }
    }

    @Test func `a server that fails or is not there is not blamed on the name`() async throws {
        try await onLoop {
            let failing = try FakeNameServer(["host.test": .error(2)])
            defer { failing.stop() }
            for servers in [failing.servers, "127.0.0.1:1"] {
                let error = await resolveError("host.test", servers, soon)
                guard case .unresolved("host.test", .serversFailed)? = error else {
                    Issue.record("unexpected \(String(describing: error))")
                    return
                }
                #expect(error?.isRetryable == true)
                #expect(error?.fault == .network)
            }
        }
    }

    @Test(arguments: [[], [0x81, 0x80], [UInt8](repeating: 0xC0, count: 500)] as [[UInt8]])
    func `a server that talks nonsense ends the lookup at its deadline at the latest`(
        _ bytes: [UInt8]
    )
        async throws
    {
        try await onLoop {
            let server = try FakeNameServer(["host.test": .garbage(bytes)])
            defer { server.stop() }
            let error = await resolveError("host.test", server.servers, .after(.milliseconds(100)))
            #expect(error != nil)
        }
    }

    @Test(arguments: [
        "", " ", "a b", "a\nb", "a\u{0}b", "\u{fc}ber.test", String(repeating: "a.", count: 200),
        String(repeating: "a", count: 64) + ".test", "..", "a..b",
    ])
    func `what is no host name is refused without asking`(_ host: String) async throws {
        try await onLoop {
            let server = try FakeNameServer([:])
            defer { server.stop() }
            #expect(await resolveError(host, server.servers, soon) == .unresolved(host: host, .malformed))
            #expect(server.questionCount == 0)
        }
    }

    /// Shorter time-outs are asked for by a variable of the process, so this runs in a process of its own.
    @Test func `a question that got lost is asked again`() async {
        await #expect(processExitsWith: .success) {
            setenv("RES_OPTIONS", "retrans:200 retry:4", 1)
            let isProven = EventLoop.run { () async -> Bool in
                guard let server = try? FakeNameServer(["host.test": .silenceFirst(2, [four])]) else {
                    return false
                }
                let found = try? await resolve(
                    "host.test",
                    port: 443,
                    servers: server.servers,
                    deadline: soon
                )
                return found == [four] && server.questionCount >= 3
            }
            precondition(isProven)
        }
    }
}

/// The error that looking up `host` ends with.
@LoopActor
private func resolveError(_ host: String, _ servers: String, _ deadline: Deadline) async -> TransportError? {
    do throws(TransportError) {
        _ = try await resolve(host, port: 443, servers: servers, deadline: deadline)
        return nil
    } catch {
        return error
    }
}
