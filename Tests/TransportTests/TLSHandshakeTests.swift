// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite struct TLSHandshakeTests {
    @Test(arguments: ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "::1", "[::1]", "a.wild.test"])
    func `a certificate that names the host is believed`(_ host: String) async throws {
        try await onLoop {
            let fixture = try TLSFixture.make { $0.names.append("DNS:*.wild.test") }
            _ = try await secureConnectedPair(fixture, host: host)
        }
    }

    @Test(arguments: [
        "example.com", "127.0.0.2", "::2", "a.b.wild.test", "wild.test", "part.test", "common.test",
    ])
    func `a certificate for another host is refused`(_ host: String) async throws {
        try await onLoop {
            let fixture = try TLSFixture.make {
                $0.names += ["DNS:*.wild.test", "DNS:p*.test"]
                $0.commonName = "common.test"
            }
            #expect(await handshakeError(fixture, host: host) == .certificate(.wrongHost, host: host))
        }
    }

    @Test func `without alternative names a common name is not enough`() async throws {
        try await onLoop {
            let fixture = try TLSFixture.make {
                $0.names = []
                $0.commonName = "localhost"
            }
            #expect(await handshakeError(fixture) == .certificate(.wrongHost, host: "localhost"))
        }
    }

    @Test(arguments: ["", ".", ".localhost", "local\u{0}host"])
    func `a host that names nothing is refused before a byte is sent`(_ host: String) async throws {
        try await onLoop {
            let fixture = try TLSFixture.make()
            #expect(await handshakeError(fixture, host: host) == .unresolved(host: host, .malformed))
        }
    }

    @Test func `an expired certificate is refused`() async throws {
        try await onLoop {
            let error = await handshakeError(try .make { $0.validUntil = -1 })
            #expect(error == .certificate(.expired, host: "localhost"))
            #expect(error?.description == "certificate of localhost refused: expired")
            #expect(error?.fault == .peer)
            #expect(error?.isRetryable == false)
        }
    }

    @Test func `a certificate not yet valid is refused`() async throws {
        try await onLoop {
            let error = await handshakeError(try .make { $0.validFrom = 3000 })
            #expect(error == .certificate(.notYetValid, host: "localhost"))
        }
    }

    @Test func `a self-signed certificate is refused`() async throws {
        try await onLoop {
            let fixture = try TLSFixture(
                client: TLSFixture.trusting(TestCertificate.authority().certificatePEM),
                server: TLSServerContext(TestCertificate())
            )
            #expect(await handshakeError(fixture) == .certificate(.selfSigned, host: "localhost"))
        }
    }

    @Test func `a certificate of an unknown authority is refused`() async throws {
        try await onLoop {
            let error = await handshakeError(try .make(trusted: .authority("another")))
            #expect(error == .certificate(.unknownAuthority, host: "localhost"))
        }
    }

    @Test func `an authority of the right name with the wrong key is refused`() async throws {
        try await onLoop {
            let error = await handshakeError(try .make(trusted: .authority()))
            #expect(error == .certificate(.other("certificate signature failure"), host: "localhost"))
        }
    }

    @Test func `the roots of the system do not vouch for a test authority`() async throws {
        try await onLoop {
            let server = TLSServerContext(TestCertificate(issuer: .authority()))
            let fixture = TLSFixture(client: try TLSContext(.systemRoots), server: server)
            #expect(await handshakeError(fixture) == .certificate(.unknownAuthority, host: "localhost"))
        }
    }

    @Test func `a chain through an intermediate authority is believed, an expired one is not`() async throws {
        try await onLoop {
            let root = TestCertificate.authority()
            for (validUntil, expected) in [(3600, nil), (-1, CertificateProblem.expired)] {
                let between = TestCertificate(issuer: root) {
                    $0.commonName = "between"
                    $0.isAuthority = true
                    $0.validUntil = validUntil
                }
                let error = await handshakeError(try .make(authority: between, trusted: root))
                #expect(error == expected.map { .certificate($0, host: "localhost") })
            }
        }
    }

    @Test func `a bundle may hold an intermediate authority without its root`() async throws {
        try await onLoop {
            let between = TestCertificate(issuer: .authority()) {
                $0.commonName = "between"
                $0.isAuthority = true
            }
            _ = try await secureConnectedPair(try .make(authority: between))
        }
    }

    @Test func `a certificate signed by one that is no authority is refused`() async throws {
        try await onLoop {
            let root = TestCertificate.authority()
            let impostor = TestCertificate(issuer: root) { $0.commonName = "impostor" }
            let error = await handshakeError(try .make(authority: impostor, trusted: root))
            guard case .certificate(.other, "localhost")? = error else {
                Issue.record("unexpected \(String(describing: error))")
                return
            }
        }
    }

    @Test func `a weak key is refused`() async throws {
        try await onLoop {
            let error = await handshakeError(try .make { $0.rsaBitCount = 1024 })
            #expect(error == .certificate(.tooWeak, host: "localhost"))
        }
    }

    @Test func `a signature with SHA-1 is refused`() async throws {
        try await onLoop {
            let error = await handshakeError(try .make { $0.isSignedWithSHA1 = true })
            #expect(error == .certificate(.tooWeak, host: "localhost"))
        }
    }

    @Test(arguments: [0x0301, 0x0302] as [Int32])
    func `a server that speaks nothing newer than TLS 1.1 is refused`(_ version: Int32) async throws {
        try await onLoop {
            let error = await handshakeError(try .make(versionMax: version))
            #expect(error == .tls(reason: "tlsv1 alert protocol version", .handshake))
        }
    }

    @Test func `trusting anyone believes a self-signed certificate for another host`() async throws {
        try await onLoop {
            let server = TLSServerContext(TestCertificate { $0.names = ["DNS:other"] })
            let fixture = TLSFixture(client: try TLSContext(.anyone), server: server)
            let (client, _) = try await secureConnectedPair(fixture)
            #expect(client.session.version == "TLSv1.3")
        }
    }

    @Test func `a peer that does not speak TLS is told apart`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            try await server.write(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), deadline: soon)
            let error = await handshakeError(over: client, try TLSContext(.systemRoots), soon)
            #expect(error == .tls(reason: "the peer does not speak TLS", .handshake))
        }
    }

    @Test func `a peer that hangs up in the handshake is a truncation`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            spawn { await server.finish(deadline: soon) }
            #expect(await handshakeError(over: client, try TLSContext(.systemRoots), soon) == .truncated)
        }
    }

    @Test func `a handshake that stalls ends at its deadline`() async throws {
        try await onLoop {
            let (client, server) = try await connectedPair()
            let error = await handshakeError(
                over: client,
                try TLSContext(.systemRoots),
                .after(.milliseconds(20))
            )
            #expect(error == .deadlinePassed(.handshake))
            // The client's stream was closed: its hello, then the end.
            #expect(try await !readToEnd(server).isEmpty)
        }
    }

    @Test func `a handshake in which any byte is changed never succeeds and never hangs`() async throws {
        try await onLoop {
            let fixture = try TLSFixture.make()
            for position in stride(from: 0, to: 900, by: 13) {
                let (client, server) = try await connectedPair()
                let corrupting = CorruptingStream(server)
                corrupting.corruptedPosition = position
                let serving = spawn {
                    let context = fixture.server
                    let stream = try? await TLSServerStream.accept(
                        over: corrupting,
                        context: context,
                        deadline: soon
                    )
                    stream?.close()
                }
                // A byte that lengthens a record makes the client wait for the rest.
                let error = await handshakeError(over: client, fixture.client, .after(.milliseconds(100)))
                // What comes after the server's last flight is tickets, which a client may take or leave.
                #expect(error != nil || position >= corrupting.handshakeByteCount, "byte \(position)")
                server.close()
                await serving.value
            }
        }
    }

    @Test(
        arguments: [
            ("no such file", nil),
            ("not a certificate", Array("hello".utf8)),
            ("empty", []),
        ] as [(String, [UInt8]?)]
    )
    func `a bundle without certificates is refused when it is loaded`(
        _: String,
        _ contents: [UInt8]?
    )
        async throws
    {
        try await onLoop {
            let file = contents.map { TemporaryFile($0) }
            let path = file?.path ?? "/nonexistent/bundle.pem"
            let expected: TransportError =
                contents == nil
                ? .systemCall(SystemCallError(call: "open", number: ENOENT), .file)
                : .malformedCertificate(source: path, reason: "no certificate in PEM form found")
            #expect(throws: expected) { _ = try TLSContext(.certificates(path: path)) }
        }
    }
}

/// The error that a handshake with the fixture's server ends with, as the client sees it.
@LoopActor
private func handshakeError(
    _ fixture: @autoclosure () throws -> TLSFixture,
    host: String = "localhost"
) async -> TransportError? {
    do {
        _ = try await secureConnectedPair(try fixture(), host: host)
        return nil
    } catch {
        return error as? TransportError
    }
}

/// The error that the client's handshake over `transport` ends with.
@LoopActor
private func handshakeError(
    over transport: TCPStream,
    _ context: TLSContext,
    _ deadline: Deadline
) async -> TransportError? {
    do throws(TransportError) {
        _ = try await TLSStream.connect(
            over: transport,
            host: "localhost",
            context: context,
            deadline: deadline
        )
        return nil
    } catch {
        return error
    }
}
