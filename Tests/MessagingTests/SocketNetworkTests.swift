// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

@Suite(.timeLimit(.minutes(1))) struct SocketNetworkTests {
    private let authority = TestCertificate.authority()

    @Test
    func `whoever answers in TLS is believed, as Scaler has it, and an authority only if it is asked for`()
        async throws
    {
        try await onLoop {
            let server = TLSServerContext(TestCertificate(issuer: authority))
            #expect(await connect(SocketNetwork(), to: server) == nil)
            let right = TemporaryFile(authority.certificatePEM)
            #expect(await connect(try SocketNetwork(authorities: right.path), to: server) == nil)
            let wrong = TemporaryFile(TestCertificate.authority("other").certificatePEM)
            let refusal = await connect(try SocketNetwork(authorities: wrong.path), to: server)
            #expect(
                "\(refusal, default: "accepted")".contains(
                    "certificate of 127.0.0.1 refused: issued by an unknown"
                )
            )
        }
    }

    @Test func `an authority's certificate for another host is refused`() async throws {
        try await onLoop {
            let server = TLSServerContext(
                TestCertificate(issuer: authority) { $0.names = ["IP:127.0.0.2"] }
            )
            let file = TemporaryFile(authority.certificatePEM)
            let refusal = await connect(try SocketNetwork(authorities: file.path), to: server)
            #expect("\(refusal, default: "accepted")".contains("issued for another host"))
        }
    }

    @Test func `a file without certificates is refused before anything is connected`() async throws {
        try await onLoop {
            let file = TemporaryFile(Array("no certificate".utf8))
            #expect(throws: TransportError.self) { try SocketNetwork(authorities: file.path) }
            #expect(throws: TransportError.self) { try SocketNetwork(authorities: "/nonexistent") }
        }
    }

    @Test(arguments: [true, false]) func `a peer that speaks in the clear is told apart by what is missing`(
        _ isTLS: Bool
    ) async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let accepting = spawn { try? await peer.accept() }
            guard case .tcp(let host, let port) = peer.endpoint else { return }
            let endpoint: Endpoint =
                isTLS
                ? .tls(host: host, port: port)
                : .webSocket(host: host, port: port, path: "/", isSecure: false)
            let error = await outcome {
                _ = try await detectPeer(at: endpoint, over: SocketNetwork(), deadline: soon)
            }
            let reason = isTLS ? "the peer does not speak TLS" : "the peer does not speak HTTP"
            #expect("\(error, default: "none")".contains(reason))
            _ = await accepting.value
        }
    }

    /// What comes of a YMQ greeting over TLS; nil for a link.
    @LoopActor
    private func connect(_ network: SocketNetwork, to server: TLSServerContext) async -> MessagingError? {
        await outcome {
            let listener = try loopbackListener()
            let serving = spawn { () async -> TLSServerStream? in
                guard let plain = try? await listener.accept(deadline: soon) else { return nil }
                let stream = try? await TLSServerStream.accept(over: plain, context: server, deadline: soon)
                try? await stream?.write(YMQFraming.hello(.two, identity: [1]), deadline: soon)
                return stream
            }
            let endpoint = Endpoint.tls(host: "127.0.0.1", port: listener.address.port ?? 0)
            defer { listener.close() }
            do {
                let link = try await YMQConnection.connect(
                    to: endpoint,
                    over: network,
                    identity: [2],
                    deadline: soon
                )
                #expect(link.peerIdentity == [1])
                await link.close(lingering: .zero)
            } catch {
                _ = await serving.value
                throw error
            }
            _ = await serving.value
        }
    }
}

/// Against the stock object storage server.
@Suite(.enabled(if: RealScaler.isInstalled, Comment(rawValue: RealScaler.hint)), .timeLimit(.minutes(1)))
struct RealSecureLinkTests {
    @Test(arguments: ["tls", "ws", "wss"])
    func `20 MB go to and fro, and a killed server ends the link as over TCP`(_ scheme: String) async throws {
        try await onLoop {
            let certificate = TestCertificate()
            let (shown, key) = (
                TemporaryFile(certificate.certificatePEM), TemporaryFile(certificate.privateKeyPEM)
            )
            let isSecure = scheme != "ws"
            let server = try await RealScaler.startObjectStorage(
                scheme: scheme,
                arguments: isSecure ? ["--tls-cert", shown.path, "--tls-key", key.path] : []
            )
            let (host, port) = ("127.0.0.1", server.port)
            let endpoint: Endpoint =
                scheme == "tls"
                ? .tls(host: host, port: port)
                : .webSocket(host: host, port: port, path: "/a/b", isSecure: isSecure)
            let network = isSecure ? try SocketNetwork(authorities: shown.path) : SocketNetwork()
            let link = try await YMQConnection.connect(
                to: endpoint,
                over: network,
                identity: Array("test-1".utf8),
                deadline: soon
            )
            let object = pattern(20_000_000)
            try link.send([storageHeader(.set, 1, object: 1, UInt64(object.count)), object])
            try await expectNext(link, storageHeader(.set, 1, object: 1, 0))
            try link.send(storageHeader(.get, 2, object: 1, .max))
            try await expectNext(link, storageHeader(.get, 2, object: 1, UInt64(object.count)))
            #expect(try await link.receive(until: soon) == object)
            await server.crash()
            #expect(await outcome { _ = try await link.receive(until: soon) } == .closedByPeer)
            await link.close(lingering: .zero)
            await server.stop()
        }
    }
}
