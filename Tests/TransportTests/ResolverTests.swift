// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@Suite struct ResolverTests {
    @Test func `localhost is found with no name server`() async throws {
        try await onLoop {
            let addresses = try await resolve("localhost", port: 80, servers: "127.0.0.1:1", deadline: soon)
            #expect(addresses.contains(.ipv4([127, 0, 0, 1], port: 80)))
        }
    }
}
