// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

@testable import SchedulerLink

@Suite(.timeLimit(.minutes(1))) struct SchedulerConnectorTests {
    /// A network that notes what ZMQ links were asked of it.
    @LoopActor
    private final class RecordedNetwork: MessagingNetwork {
        private(set) var messageBytesMax: [Int] = []

        func openStream(
            to endpoint: Endpoint,
            deadline: Deadline
        ) async throws(MessagingError) -> any ByteStream {
            throw .closed
        }

        func openZMQ(
            to endpoint: Endpoint,
            identity: [UInt8],
            messageBytesMax: Int
        ) throws(MessagingError) -> any MessageLink {
            self.messageBytesMax.append(messageBytesMax)
            throw .closed
        }
    }

    @Test func `a scheduler's message has the same limit over either transport`() async throws {
        try await onLoop {
            let log = RecordedLog().logger
            let network = RecordedNetwork()
            let zmq = SchedulerConnector(backend: .zmq, network: network, log: log)
            _ = try? await zmq.connect(to: .tcp(host: "h", port: 1), identity: "me")
            let limit = try #require(network.messageBytesMax.first)

            let peer = try YMQPeer()
            let ymq = SchedulerConnector(backend: .ymq, network: SocketNetwork(ioThreads: 1), log: log)
            let accepting = spawn { try? await peer.accept() }
            let link = try await ymq.connect(to: peer.endpoint, identity: "me")
            let stream = try #require(await accepting.value)
            try await stream.write(YMQFraming.header(byteCount: limit + 1), deadline: soon)
            do throws(MessagingError) {
                _ = try await link.receive(until: soon)
                Issue.record("it was borne")
            } catch {
                #expect(error == .messageTooLong(announced: UInt64(limit + 1), byteCountMax: limit))
            }
            stream.close()
            await link.close(lingering: .zero)
        }
    }
}
