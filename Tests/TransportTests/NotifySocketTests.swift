// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Transport

@Suite struct NotifySocketTests {
    @Test(arguments: [true, false])
    func `a message arrives whole, by a path as by an abstract name`(_ isAbstract: Bool) throws {
        let manager = NotifyListener(isAbstract: isAbstract)
        let socket = try NotifySocket(manager.address)
        #expect(try socket.send("READY=1\nSTATUS=no tasks"))
        #expect(try socket.send("WATCHDOG=1"))
        #expect(manager.next() == ["READY=1", "STATUS=no tasks"])
        #expect(manager.next() == ["WATCHDOG=1"])
    }

    @Test func `a service manager that does not read keeps nobody waiting`() throws {
        let manager = NotifyListener()
        let socket = try NotifySocket(manager.address)
        let isEveryOneTaken = try (0..<100_000).allSatisfy { try socket.send("STATUS=\($0)") }
        #expect(!isEveryOneTaken)
        #expect(manager.next() == ["STATUS=0"])
        #expect(try socket.send("STATUS=last"))
    }

    @Test(arguments: ["vsock:2:1234", "relative", "", "@" + String(repeating: "n", count: 108)])
    func `what is no address of a notify socket is an error`(_ address: String) {
        #expect(throws: TransportError.self) { try NotifySocket(address) }
    }

    @Test func `that nobody listens is an error`() throws {
        let socket = try NotifySocket("@scaler-oci-hpc-nobody-\(UInt64.random(in: 0 ... .max))")
        #expect(throws: TransportError.self) { try socket.send("READY=1") }
    }
}
