// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

@Suite(.timeLimit(.minutes(1))) struct GreetingTests {
    @Test(arguments: [
        ([0xFF] as [UInt8], PeerProtocol.zmtp),
        ([0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F], .zmtp),
        (YMQFraming.hello(.one, identity: [1]), .ymq(.one)),
        (YMQFraming.hello(.two, identity: []), .ymq(.two)),
        (Array("YMQ\u{2}".utf8), .ymq(.two)),
    ])
    func `the first bytes tell what the peer speaks`(
        _ greeting: [UInt8],
        _ expected: PeerProtocol
    ) async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let accepting = spawn { try? await peer.accept(greeting) }
            let detected = try await detectPeer(
                at: peer.endpoint,
                over: SocketNetwork(),
                deadline: soon
            )
            #expect(detected == expected)
            // The look ends by FIN, although the peer's greeting was not read to its end.
            let stream = try #require(await accepting.value)
            #expect(try await readToEnd(stream).isEmpty)
        }
    }

    @Test func `a greeting that comes in pieces is put together`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let sending = spawn { () async -> TCPStream? in
                guard let stream = try? await peer.accept([]) else { return nil }
                for byte in YMQFraming.hello(.one, identity: [1]) {
                    try? await stream.write([byte], deadline: soon)
                    await yieldToOthers()
                }
                return stream
            }
            #expect(
                try await detectPeer(at: peer.endpoint, over: SocketNetwork(), deadline: soon)
                    == .ymq(.one)
            )
            _ = await sending.value
        }
    }

    @Test func `a silent peer is an error that says so`() async {
        // In a process of its own, where no other test makes the connecting take the whole time.
        await #expect(processExitsWith: .success) {
            let isProven = EventLoop.run { () async -> Bool in
                guard let peer = try? YMQPeer() else { return false }
                let detecting = await outcome {
                    _ = try await detectPeer(
                        at: peer.endpoint,
                        over: SocketNetwork(),
                        deadline: .after(.milliseconds(300))
                    )
                }
                let connecting = await outcome {
                    let deadline = Deadline.after(.milliseconds(300))
                    _ = try await YMQConnection.connect(
                        to: peer.endpoint,
                        over: SocketNetwork(),
                        identity: [1],
                        deadline: deadline
                    )
                }
                return detecting == .peerSilent(peer.endpoint) && connecting == detecting
                    && "\(MessagingError.peerSilent(peer.endpoint))".contains("another program may listen")
            }
            precondition(isProven)
        }
    }

    @Test func `a peer of another kind is an error that shows its first bytes`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let accepting = spawn { try? await peer.accept(Array("SSH-2.0-x".utf8)) }
            let error = await outcome {
                _ = try await detectPeer(at: peer.endpoint, over: SocketNetwork(), deadline: soon)
            }
            #expect(
                error == .unexpectedMagic(Array("SSH-".utf8))
                    || error == .unexpectedMagic(Array("SSH-2.0-x".utf8))
            )
            #expect(error.map { "\($0)" }?.contains("53 53 48") == true)
            _ = await accepting.value
        }
    }

    @Test func `a peer that closes without a word is an error`() async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let accepting = spawn { await (try? await peer.accept([]))?.finish(deadline: soon) }
            let error = await outcome {
                _ = try await detectPeer(at: peer.endpoint, over: SocketNetwork(), deadline: soon)
            }
            #expect(error == .closedByPeer)
            _ = await accepting.value
        }
    }

    @Test func `a port where nobody listens is unreachable`() async throws {
        try await onLoop {
            let endpoint = Endpoint.tcp(host: "127.0.0.1", port: try freePort())
            let error = await outcome {
                _ = try await detectPeer(at: endpoint, over: SocketNetwork(), deadline: soon)
            }
            guard case .unreachable(endpoint, _) = error else {
                Issue.record("ended with \(String(describing: error))")
                return
            }
        }
    }

    @Test func `a path too long for a socket is unreachable, not a trap`() async throws {
        try await onLoop {
            let endpoint = Endpoint.ipc(path: String(repeating: "x", count: 108))
            let error = await outcome {
                _ = try await detectPeer(at: endpoint, over: SocketNetwork(), deadline: soon)
            }
            guard case .unreachable(endpoint, _) = error else {
                Issue.record("ended with \(String(describing: error))")
                return
            }
        }
    }

    @Test(arguments: [
        (Endpoint.tcp(host: "127.0.0.1", port: 1), "tcp://127.0.0.1:1"),
        (.tcp(host: "::1", port: 2), "tcp://[::1]:2"),
        (.ipc(path: "/a/b"), "ipc:///a/b"), (.tls(host: "::1", port: 2), "tls://[::1]:2"),
        (.webSocket(host: "a", port: 2, path: "/x", isSecure: false), "ws://a:2/x"),
        (.webSocket(host: "::1", port: 2, path: "/", isSecure: true), "wss://[::1]:2/"),
    ])
    func `an endpoint reads as libzmq wants it`(_ endpoint: Endpoint, _ expected: String) {
        #expect(endpoint.description == expected)
    }
}
