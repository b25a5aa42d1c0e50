// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import Transport

@Suite struct TLSResumptionTests {
    @Test(arguments: [0x0303, 0x0304] as [Int32])
    func `of a hundred connections one shakes hands in full`(_ version: Int32) async throws {
        try await onLoop {
            let fixture = try TLSFixture.make(versionMax: version)
            let listener = try loopbackListener()
            for index in 0..<100 {
                let client = try await exchangeOnce(fixture, listener)
                #expect(client.session.isResumed == (index > 0))
            }
            #expect(fixture.server.handshakeCounts == (full: 1, resumed: 99))
        }
    }

    @Test func `connections that begin while the first is open resume its session too`() async throws {
        try await onLoop {
            let fixture = try TLSFixture.make()
            let listener = try loopbackListener()
            let first = try await exchangeOnce(fixture, listener, staysOpen: true)
            let second = try await exchangeOnce(fixture, listener, staysOpen: true)
            #expect(!first.session.isResumed)
            #expect(second.session.isResumed)
        }
    }

    @Test func `a session is not offered to another host`() async throws {
        try await onLoop {
            let fixture = try TLSFixture.make { $0.names = ["DNS:localhost", "DNS:other.test"] }
            let listener = try loopbackListener()
            _ = try await exchangeOnce(fixture, listener)
            #expect(try await !exchangeOnce(fixture, listener, host: "other.test").session.isResumed)
        }
    }

    @Test func `a server that forgot its sessions is shaken hands with in full`() async throws {
        try await onLoop {
            let authority = TestCertificate.authority()
            let client = try TLSFixture.trusting(authority.certificatePEM)
            let certificate = TestCertificate(issuer: authority)
            let listener = try loopbackListener()
            for _ in 0..<3 {
                let fixture = TLSFixture(client: client, server: TLSServerContext(certificate))
                #expect(try await !exchangeOnce(fixture, listener).session.isResumed)
            }
        }
    }
}

/// One connection over which a byte comes back; tickets come ahead of it.
@LoopActor
private func exchangeOnce(
    _ fixture: TLSFixture,
    _ listener: TCPListener,
    host: String = "localhost",
    staysOpen: Bool = false
) async throws -> TLSStream {
    let transport = try await connectTCP(to: [listener.address], deadline: soon)
    let accepted = try await listener.accept(deadline: soon)
    let serving = spawn { () async -> TLSServerStream? in
        let stream = try? await TLSServerStream.accept(
            over: accepted,
            context: fixture.server,
            deadline: soon
        )
        try? await stream?.write([1], deadline: soon)
        return stream
    }
    let client = try await TLSStream.connect(
        over: transport,
        host: host,
        context: fixture.client,
        deadline: soon
    )
    #expect(try await client.read(upTo: 1, deadline: soon) == [1])
    let server = await serving.value
    if !staysOpen {
        client.close()
        server?.close()
    }
    return client
}
