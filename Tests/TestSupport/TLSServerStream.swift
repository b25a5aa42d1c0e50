// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
package import EventLoop
package import Transport

/// What a TLS server for tests is made of.
@LoopActor
package final class TLSServerContext {
    fileprivate nonisolated(unsafe) let context: OpaquePointer

    /// A server that shows `certificate`; `versionMax` is 0x0301 for TLS 1.0 to 0x0304 for TLS 1.3.
    package init(_ certificate: TestCertificate, versionMax: Int32 = 0x0304) {
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            preconditionFailure("SSL_CTX_new failed")
        }
        self.context = context
        // Servers with weak keys and old protocols are what the client has to refuse.
        SSL_CTX_set_security_level(context, 0)
        _ = copenssl_set_min_version(context, 0x0301)
        _ = copenssl_set_max_version(context, versionMax)
        certificate.withPointers { leaf, key, between in
            precondition(SSL_CTX_use_certificate(context, leaf) == 1, "SSL_CTX_use_certificate failed")
            precondition(SSL_CTX_use_PrivateKey(context, key) == 1, "SSL_CTX_use_PrivateKey failed")
            for authority in between { copenssl_add_chain_certificate(context, authority) }
        }
    }

    /// Full handshakes and resumed ones that servers with this context have finished.
    package var handshakeCounts: (full: Int, resumed: Int) {
        let resumed = copenssl_session_hits(context)
        return (copenssl_finished_accepts(context) - resumed, resumed)
    }

    deinit {
        SSL_CTX_free(context)
    }
}

/// The server's end of a TLS connection; written apart from the client, and able to misbehave.
@LoopActor
package final class TLSServerStream: ByteStream {
    private nonisolated(unsafe) let connection: OpaquePointer
    private nonisolated(unsafe) let incoming: OpaquePointer
    private nonisolated(unsafe) let outgoing: OpaquePointer
    /// The stream below, for tests that cut it.
    package let transport: any ByteStream
    private var isFlushing = false

    /// Shakes hands over `transport`; closes it on failure.
    package static func accept(
        over transport: any ByteStream,
        context: TLSServerContext,
        deadline: Deadline
    ) async throws(TransportError) -> TLSServerStream {
        let stream = TLSServerStream(transport, context)
        do throws(TransportError) {
            _ = try await stream.run("handshake", deadline) { SSL_do_handshake(stream.connection) }
            return stream
        } catch {
            transport.close()
            throw error
        }
    }

    private init(_ transport: any ByteStream, _ context: TLSServerContext) {
        guard let connection = SSL_new(context.context), let incoming = BIO_new(BIO_s_mem()),
            let outgoing = BIO_new(BIO_s_mem())
        else { preconditionFailure("SSL_new failed") }
        (self.connection, self.incoming, self.outgoing) = (connection, incoming, outgoing)
        self.transport = transport
        SSL_set_bio(connection, incoming, outgoing)
        SSL_set_accept_state(connection)
    }

    package func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(maximumCount, 16 * 1024))
        let count = try await run("read", deadline) { SSL_read(connection, &bytes, Int32(bytes.count)) }
        return Array(bytes.prefix(Int(count)))
    }

    package func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let chunk = Array(rest.prefix(16 * 1024))
            rest = rest.dropFirst(chunk.count)
            _ = try await run("write", deadline) { SSL_write(connection, chunk, Int32(chunk.count)) }
        }
    }

    /// Asks the client to shake hands once more (TLS 1.2 only).
    package func requestRenegotiation(deadline: Deadline) async throws(TransportError) {
        SSL_renegotiate(connection)
        _ = try await run("renegotiate", deadline) { SSL_do_handshake(connection) }
    }

    /// Changes keys and asks the client to do so too (RFC 8446 section 4.6.3).
    package func requestKeyUpdate(deadline: Deadline) async throws(TransportError) {
        SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED)
        _ = try await run("key update", deadline) { SSL_do_handshake(connection) }
    }

    /// Says close_notify and sends it.
    package func sendCloseNotify(deadline: Deadline) async throws(TransportError) {
        SSL_shutdown(connection)
        try await flush(deadline)
    }

    package func finish(deadline: Deadline) async {
        try? await sendCloseNotify(deadline: deadline)
        await transport.finish(deadline: deadline)
    }

    /// Closes without close_notify.
    package func close() {
        transport.close()
    }

    package var isIdleAndOpen: Bool { false }

    /// Repeats `step` until it succeeds; 0 at the client's close_notify.
    private func run(
        _ name: String,
        _ deadline: Deadline,
        _ step: () -> Int32
    ) async throws(TransportError) -> Int32 {
        while true {
            ERR_clear_error()
            let result = step()
            let outcome = SSL_get_error(connection, result)
            let reason = ERR_reason_error_string(ERR_peek_error()).map { String(cString: $0) }
            try await flush(deadline)
            if result > 0 { return result }
            if outcome == SSL_ERROR_ZERO_RETURN { return 0 }
            guard outcome == SSL_ERROR_WANT_READ else {
                throw .tls(reason: "\(name): \(reason ?? "?")", .read)
            }
            let bytes = try await transport.read(upTo: 32 * 1024, deadline: deadline)
            if bytes.isEmpty { throw .truncated }
            BIO_write(incoming, bytes, Int32(bytes.count))
        }
    }

    private func flush(_ deadline: Deadline) async throws(TransportError) {
        if isFlushing { return }
        isFlushing = true
        defer { isFlushing = false }
        while BIO_ctrl_pending(outgoing) > 0 {
            var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(outgoing))
            let count = BIO_read(outgoing, &bytes, Int32(bytes.count))
            try await transport.write(Array(bytes.prefix(Int(count))), deadline: deadline)
        }
    }

    deinit {
        SSL_free(connection)
    }
}
