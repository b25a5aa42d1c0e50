// SPDX-License-Identifier: Apache-2.0

import EventLoop
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
}
