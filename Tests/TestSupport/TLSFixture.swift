// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc
package import Transport

/// A client that trusts a test authority and a server that shows a certificate.
@LoopActor
package struct TLSFixture {
    package let client: TLSContext
    package let server: TLSServerContext

    /// A server with a certificate of `authority`, changed by `change`, and a client that trusts `trusted`.
    package static func make(
        authority: TestCertificate = .authority(),
        trusted: TestCertificate? = nil,
        versionMax: Int32 = 0x0304,
        _ change: (inout TestCertificate.Contents) -> Void = { _ in }
    ) throws(TransportError) -> TLSFixture {
        try TLSFixture(
            client: trusting((trusted ?? authority).certificatePEM),
            server: TLSServerContext(TestCertificate(issuer: authority, change), versionMax: versionMax)
        )
    }

    package init(client: TLSContext, server: TLSServerContext) {
        self.client = client
        self.server = server
    }

    /// A client that trusts the certificates in `pem`.
    package static func trusting(_ pem: [UInt8]) throws(TransportError) -> TLSContext {
        let file = TemporaryFile(pem)
        return try TLSContext(.certificates(path: file.path))
    }
}

/// A file that goes when nobody holds it any more.
package final class TemporaryFile: Sendable {
    package let path: String

    /// Writes `contents` to a new file.
    package init(_ contents: [UInt8]) {
        var name = Array("/tmp/scaler-test-XXXXXX".utf8CString)
        let fileDescriptor = mkstemp(&name)
        precondition(fileDescriptor >= 0, "mkstemp failed")
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let count = write(fileDescriptor, contents, contents.count)
        precondition(count == contents.count, "write failed")
        close(fileDescriptor)
    }

    deinit {
        unlink(path)
    }
}

/// Two ends of one TLS connection to `host`, which is 127.0.0.1 whatever it says.
///
/// `altering` may put something between the server's end and its socket.
@LoopActor
package func secureConnectedPair(
    _ fixture: TLSFixture,
    host: String = "localhost",
    altering: @LoopActor (TCPStream) -> any ByteStream = { $0 }
) async throws(TransportError) -> (client: TLSStream, server: TLSServerStream) {
    let (plainClient, plainServer) = try await connectedPair()
    let altered = altering(plainServer)
    let serving = spawn { () async -> Result<TLSServerStream, TransportError> in
        do throws(TransportError) {
            return .success(
                try await TLSServerStream.accept(over: altered, context: fixture.server, deadline: soon)
            )
        } catch {
            return .failure(error)
        }
    }
    let client = try await TLSStream.connect(
        over: plainClient,
        host: host,
        context: fixture.client,
        deadline: soon
    )
    return (client, try await serving.value.get())
}
