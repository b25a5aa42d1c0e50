// SPDX-License-Identifier: Apache-2.0
//
// TLS with no socket in sight.
//
// Rule: SSL_read may need to write and SSL_write to read, and bytes that OpenSSL has decrypted already do not make a
// socket readable. Consequence: OpenSSL gets two buffers in memory in place of a socket. It never blocks on writing,
// every call says done, "give me more" or "the peer has ended", and only one who was told "give me more" looks at the
// socket. Rejected: SSL_set_fd, with which a reader may wait for writability while a writer waits for the same, and
// errno must be told apart from OpenSSL's queue; it saves one copy of each byte, which is small beside its cipher.

internal import COpenSSL
internal import EventLoop

/// The state of one TLS connection as a client: ciphertext and plaintext in, the other out.
final class TLSSession {
    /// What a step came to.
    enum Step<Value> {
        case done(Value)
        /// Nothing happens before more ciphertext is received.
        case needsInput
        /// The peer has said close_notify.
        case peerClosed
    }

    private let connection: OpaquePointer
    /// From the peer to OpenSSL.
    private let incoming: OpaquePointer
    /// From OpenSSL to the peer.
    private let outgoing: OpaquePointer
    private let host: String
    private let server: String
    private let tickets: TLSTickets
    private var isBroken = false

    /// Begins a connection to `host`, a name or a numeric address; `server` tells apart the hosts' sessions.
    ///
    /// Throws for a host that could be the name of nothing.
    init(
        _ context: OpaquePointer,
        host: String,
        server: String,
        tickets: TLSTickets,
        verifies: Bool
    ) throws(TransportError) {
        self.host = host
        self.server = server
        self.tickets = tickets
        connection = expectOpenSSL(SSL_new(context), "SSL_new")
        incoming = expectOpenSSL(BIO_new(BIO_s_mem()), "BIO_new")
        outgoing = expectOpenSSL(BIO_new(BIO_s_mem()), "BIO_new")
        // The connection owns the buffers from here on.
        SSL_set_bio(connection, incoming, outgoing)
        SSL_set_connect_state(connection)
        expectOpenSSL(copenssl_set_owner(connection, Unmanaged.passUnretained(self).toOpaque()) == 1, "owner")
        try setHost(verifies: verifies)
        tickets.offer(to: connection, for: server)
    }

    func handshake() throws(TransportError) -> Step<Void> {
        OpenSSLError.clear()
        return try step(SSL_do_handshake(connection), (), .handshake)
    }

    /// Decrypts up to `maximumCount` bytes.
    @LoopActor
    func read(upTo maximumCount: Int) throws(TransportError) -> Step<[UInt8]> {
        var result: Int32 = 0
        var received = 0
        OpenSSLError.clear()
        // One call never yields more than a record, 16 KiB.
        let bytes = ReceiveRoom.bytes(upTo: min(maximumCount, 16 * 1024)) { buffer in
            result = SSL_read_ex(connection, buffer.baseAddress, buffer.count, &received)
            return result == 1 ? received : nil
        }
        return try step(result, bytes ?? [], .read)
    }

    /// Looks whether there is plaintext to read, and leaves it there.
    func peek() throws(TransportError) -> Step<Void> {
        var byte: UInt8 = 0
        var received = 0
        OpenSSLError.clear()
        return try step(SSL_peek_ex(connection, &byte, 1, &received), (), .read)
    }

    /// Encrypts all of `bytes`, 1 or more.
    func write(_ bytes: ArraySlice<UInt8>) throws(TransportError) {
        var written = 0
        OpenSSLError.clear()
        let result = bytes.withUnsafeBytes { SSL_write_ex(connection, $0.baseAddress, $0.count, &written) }
        if case .done = try step(result, (), .write) { return }
        // Only a second handshake could want input here, and those are refused.
        throw .tls(reason: "the peer does not let us write", .write)
    }

    /// Says close_notify, if the connection is in a state to say it.
    func sendCloseNotify() {
        if isBroken || SSL_is_init_finished(connection) == 0 { return }
        OpenSSLError.clear()
        _ = SSL_shutdown(connection)
        OpenSSLError.clear()
    }

    func receive(_ ciphertext: [UInt8]) {
        let count = ciphertext.withUnsafeBytes { BIO_write(incoming, $0.baseAddress, Int32($0.count)) }
        expectOpenSSL(Int(count) == ciphertext.count, "BIO_write")
    }

    /// Whether something is to be sent to the peer.
    var hasOutgoing: Bool { BIO_ctrl_pending(outgoing) > 0 }

    /// What is to be sent to the peer, 1 byte or more; nil when nothing is.
    func takeOutgoing() -> [UInt8]? {
        let pending = BIO_ctrl_pending(outgoing)
        if pending == 0 { return nil }
        return [UInt8](unsafeUninitializedCapacity: pending) { buffer, count in
            count = Int(BIO_read(outgoing, buffer.baseAddress, Int32(pending)))
        }
    }

    /// Whether the handshake resumed an earlier session.
    var isResumed: Bool { SSL_session_reused(connection) == 1 }

    /// The version agreed on, such as "TLSv1.3".
    var version: String { String(cString: SSL_get_version(connection)) }

    /// Called when the server sent a ticket; its reference becomes the cache's.
    func keepTicket(_ session: OpaquePointer) { tickets.keep(session, for: server) }

    /// Asks for the certificate of `host` (RFC 6066 section 3) and, if it is to be verified, insists on it.
    private func setHost(verifies: Bool) throws(TransportError) {
        let parameters = SSL_get0_param(connection)
        switch SocketAddress(numeric: host, port: 0) {
        case .ipv4(let address, _)?, .ipv6(let address, _, _)?:
            // Addresses are not sent as a server name: the RFC allows names only.
            if verifies {
                let isSet = X509_VERIFY_PARAM_set1_ip(parameters, address, address.count)
                expectOpenSSL(isSet == 1, "X509_VERIFY_PARAM_set1_ip")
            }
        case .unix?, .abstract?, nil:
            let name = host.hasSuffix(".") ? String(host.dropLast()) : host
            // To OpenSSL no name means any certificate, and a leading dot any host below.
            if name.isEmpty || name.hasPrefix(".") || name.utf8.contains(0) {
                throw .unresolved(host: host, .malformed)
            }
            // A name too long for the extension is sent without it, and no certificate will fit.
            _ = copenssl_set_server_name(connection, name)
            if verifies { requireCertificate(for: name, parameters) }
        }
    }

    /// Makes the handshake fail unless the certificate is for `name`.
    private func requireCertificate(for name: String, _ parameters: OpaquePointer?) {
        // RFC 9525 sections 6.3 and 6.4: a wildcard is a whole label; the subject's common name is no name.
        let flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
        X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(flags))
        let isSet = X509_VERIFY_PARAM_set1_host(parameters, name, name.utf8.count)
        expectOpenSSL(isSet == 1, "X509_VERIFY_PARAM_set1_host")
    }

    /// What a call of OpenSSL with this result came to; `value` is what it yielded if it did its work.
    private func step<Value>(
        _ result: Int32,
        _ value: Value,
        _ phase: TransportPhase
    ) throws(TransportError) -> Step<Value> {
        if result == 1 { return .done(value) }
        switch SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_READ: return .needsInput
        case SSL_ERROR_ZERO_RETURN: return .peerClosed
        default: break
        }
        let error = OpenSSLError.take()
        isBroken = true
        if phase == .handshake { tickets.forget(server) }
        if error.sslReasons.contains(SSL_R_CERTIFICATE_VERIFY_FAILED) {
            // A directory of authorities is read during the handshake; without a descriptor none is found.
            if DescriptorLimit.isReached {
                throw .systemCall(SystemCallError(call: "open", number: EMFILE), phase)
            }
            let problem = CertificateProblem(verifyResult: SSL_get_verify_result(connection))
            throw .certificate(problem, host: host)
        }
        if error.sslReasons.contains(SSL_R_WRONG_VERSION_NUMBER) {
            throw .tls(reason: "the peer does not speak TLS", phase)
        }
        throw .tls(reason: error.text, phase)
    }

    deinit { SSL_free(connection) }
}

extension CertificateProblem {
    /// The problem that OpenSSL's verification ended with, an X509_V_ERR number.
    fileprivate init(verifyResult: Int) {
        switch Int32(verifyResult) {
        case X509_V_ERR_CERT_HAS_EXPIRED: self = .expired
        case X509_V_ERR_CERT_NOT_YET_VALID: self = .notYetValid
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .wrongHost
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: self = .selfSigned
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            self = .unknownAuthority
        case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK:
            self = .tooWeak
        default: self = .other(String(cString: X509_verify_cert_error_string(verifyResult)))
        }
    }
}
