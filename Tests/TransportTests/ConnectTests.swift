// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing
import Transport

@Suite struct ConnectTests {
    @Test func `a port where nobody listens refuses`() async throws {
        try await onLoop {
            let error = await connectError([try closedAddress()], .after(.seconds(30)))
            let cause = SystemCallError(call: "connect", number: ECONNREFUSED)
            #expect(error == .systemCall(cause, .connect))
            #expect(error?.fault == .network)
            #expect(error?.isRetryable == true)
            #expect(error?.description == "connect failed: connect: Connection refused")
        }
    }

    @Test func `a host that does not answer ends at the deadline`() async throws {
        try await onLoop {
            let silent = try await SilentListener()
            let error = await connectError([silent.address], .after(.milliseconds(20)))
            #expect(error == .deadlinePassed(.connect))
        }
    }

    @Test func `the next address is tried at once when one refuses`() async throws {
        try await onLoop {
            let listener = try loopbackListener()
            let refusing = [SocketAddress](repeating: try closedAddress(), count: 40)
            // Forty delays of 250 ms would take ten seconds.
            let stream = try await connectTCP(
                to: refusing + [listener.address],
                deadline: .after(.seconds(8))
            )
            #expect(stream.peerAddress == listener.address)
        }
    }

    @Test func `a second address is tried beside a silent first one after 250 ms`() async throws {
        try await onLoop {
            let silent = try await SilentListener()
            let listener = try loopbackListener()
            let begin = Deadline.now
            let stream = try await connectTCP(to: [silent.address, listener.address], deadline: soon)
            #expect(stream.peerAddress == listener.address)
            #expect(Deadline.now.duration(since: begin) >= .milliseconds(250))
        }
    }

    @Test func `when all addresses fail, the problem of the first is told`() async throws {
        try await onLoop {
            let error = await connectError([try closedAddress(), .unix(path: "/nonexistent")], soon)
            #expect(error == .systemCall(SystemCallError(call: "connect", number: ECONNREFUSED), .connect))
        }
    }

    @Test func `numeric hosts need no name server`() async throws {
        try await onLoop {
            let listener = try loopbackListener()
            let port = try #require(listener.address.port)
            let stream = try await connectTCP(host: "127.0.0.1", port: port, deadline: soon)
            #expect(stream.peerAddress == listener.address)
        }
    }

    @Test func `families take turns, the first one's first`() {
        let four = (1...3).map { SocketAddress.ipv4([127, 0, 0, $0], port: 1) }
        let six = (1...2).map { SocketAddress.ipv6([UInt8](repeating: $0, count: 16), zone: 0, port: 1) }
        #expect(alternatingFamilies(six + four) == [six[0], four[0], six[1], four[1], four[2]])
        #expect(alternatingFamilies(four) == four)
        #expect(alternatingFamilies([]).isEmpty)
    }
}

/// The error that connecting ends with.
@LoopActor
private func connectError(_ addresses: [SocketAddress], _ deadline: Deadline) async -> TransportError? {
    do throws(TransportError) {
        _ = try await connectTCP(to: addresses, deadline: deadline)
        return nil
    } catch {
        return error
    }
}

/// An address where somebody listened a moment ago.
@LoopActor
private func closedAddress() throws -> SocketAddress {
    let listener = try loopbackListener()
    listener.close()
    return listener.address
}
