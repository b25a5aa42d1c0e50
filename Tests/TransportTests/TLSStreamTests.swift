// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@Suite struct TLSStreamTests {
    @Test func `both ends exchange bytes and end with close_notify`() async throws {
        try await onLoop {
            let (client, server) = try await secureConnectedPair(try TLSFixture.make())
            try await client.write(Array("ping".utf8), deadline: soon)
            #expect(try await server.read(upTo: 100, deadline: soon) == Array("ping".utf8))
            try await server.write(Array("pong".utf8), deadline: soon)
            #expect(try await client.read(upTo: 100, deadline: soon) == Array("pong".utf8))
            try await server.sayGoodbye(deadline: soon)
            #expect(try await client.read(upTo: 100, deadline: soon) == [])
            client.close()
            #expect(try await server.read(upTo: 100, deadline: soon) == [])
        }
    }
}
