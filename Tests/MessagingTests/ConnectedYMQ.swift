// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

/// Both ends of a connection whose greetings are done.
@LoopActor
func connectedYMQ(limits: LinkLimits = LinkLimits()) async throws -> (YMQConnection, TCPStream) {
    let peer = try YMQPeer()
    let accepting = spawn { try? await peer.accept() }
    let link = try await YMQConnection.connect(
        to: peer.endpoint,
        over: SocketNetwork(),
        identity: Array("me".utf8),
        limits: limits,
        deadline: soon
    )
    let stream = try #require(await accepting.value)
    #expect(try await readExactly(stream, 14) == YMQFraming.hello(.two, identity: Array("me".utf8)))
    return (link, stream)
}
