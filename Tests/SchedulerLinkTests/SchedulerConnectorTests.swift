// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

@testable import SchedulerLink

@Suite(.timeLimit(.minutes(1))) struct SchedulerConnectorTests {
    /// What a link does with a message that is announced with one byte more than the limit.
    @LoopActor
    private static func refusal(
        _ backend: NetworkBackend,
        greeting: [UInt8],
        header: [UInt8]
    ) async throws -> MessagingError? {
        let peer = try YMQPeer()
        let accepting = spawn { try? await peer.accept(greeting) }
        let log = RecordedLog().logger
        let connector = SchedulerConnector(backend: backend, network: SocketNetwork(), log: log)
        let link = try await connector.connect(to: peer.endpoint, identity: "me")
        #expect(connector.backendName == (greeting.first == 0xFF ? "zmq" : "ymq"))
        let stream = try #require(await accepting.value)
        defer { stream.close() }
        try await stream.write(header, deadline: soon)
        do throws(MessagingError) {
            _ = try await link.receive(until: soon)
            return nil
        } catch {
            await link.close(lingering: .zero)
            return error
        }
    }

    @Test(arguments: [(NetworkBackend.auto, true), (.auto, false), (.zmq, true), (.ymq, false)])
    func `a scheduler's message has the same limit over either transport`(
        _ backend: NetworkBackend,
        _ isZMQ: Bool
    ) async throws {
        try await onLoop {
            let limit = SchedulerConnector.schedulerMessageBytesMax
            let greeting = isZMQ ? routerOpening : YMQFraming.hello(.two, identity: [9])
            let header = isZMQ ? ZMTPFraming.header(byteCount:) : YMQFraming.header(byteCount:)
            let error = try await Self.refusal(backend, greeting: greeting, header: header(limit + 1))
            #expect(error == .messageTooLong(announced: UInt64(limit + 1), byteCountMax: limit))
        }
    }
}
