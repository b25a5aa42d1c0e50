// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
package import EventLoop

/// Whose certificates a TLS client believes.
package enum TLSTrust: Sendable, Equatable {
    /// Those of the roots that the system trusts.
    case systemRoots
    /// Those of the certificates in a PEM file, and no others.
    case certificates(path: String)
    /// Anyone's: encryption without knowing for whom, as YMQ's `tls://` has it.
    case anyone
}

/// What TLS connections to many hosts share: trust, rules and the tickets for resuming sessions.
@LoopActor
package final class TLSContext {
    private nonisolated(unsafe) let context: OpaquePointer
    private let tickets = TLSTickets()
    /// Whether the peer's certificate is checked at all.
    private let verifies: Bool

    /// Prepares for TLS 1.2 or later; reads the file of certificates, if there is one, now.
    package init(_ trust: TLSTrust) throws(TransportError) {
        context = expectOpenSSL(SSL_CTX_new(TLS_client_method()), "SSL_CTX_new")
        verifies = trust != .anyone
        // Said here and not left to the system's openssl.cnf, so that it holds everywhere: TLS 1.2 (RFC 9325
        // section 3.1.1), and level 2, which refuses RSA under 2048 bits and SHA-1 signatures.
        expectOpenSSL(copenssl_set_min_version(context, TLS1_2_VERSION) == 1, "SSL_CTX_set_min_proto_version")
        SSL_CTX_set_security_level(context, 2)
        copenssl_refuse_renegotiation(context)
        copenssl_release_buffers_when_idle(context)
        copenssl_keep_client_sessions_outside(context)
        SSL_CTX_sess_set_new_cb(context, ticketArrived)
        SSL_CTX_set_verify(context, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        switch trust {
        case .systemRoots: try trustAuthorities(of: SystemRoots.find(environment: environmentVariables()))
        case .certificates(let path): try trustCertificates(inFile: path)
        case .anyone: break
        }
    }

    /// Begins a connection to `host`; `server` tells apart the hosts' sessions.
    func makeSession(host: String, server: String) throws(TransportError) -> TLSSession {
        try TLSSession(context, host: host, server: server, tickets: tickets, verifies: verifies)
    }

    /// Trusts the authorities that the system, or another tree of files, does.
    func trustAuthorities(of roots: SystemRoots) throws(TransportError) {
        switch roots {
        case .openSSLDefault:
            expectOpenSSL(SSL_CTX_set_default_verify_paths(context) == 1, "SSL_CTX_set_default_verify_paths")
        case .folder(let path):
            expectOpenSSL(SSL_CTX_load_verify_dir(context, path) == 1, "SSL_CTX_load_verify_dir")
        case .bundle(let path):
            guard SSL_CTX_load_verify_file(context, path) == 1 else {
                throw .malformedCertificate(source: path, reason: OpenSSLError.take().text)
            }
        }
    }

    private func trustCertificates(inFile path: String) throws(TransportError) {
        // The bundle of a large distribution has 250 KB.
        let text = try readFile(path, byteCountMax: 16 << 20)
        let store = SSL_CTX_get_cert_store(context)
        // A bundle may name an intermediate authority without its root, as curl and Go allow.
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        var count = 0
        withMemoryBIO(text) { source in
            while let certificate = PEM_read_bio_X509(source, nil, nil, nil) {
                if X509_STORE_add_cert(store, certificate) == 1 { count += 1 }
                X509_free(certificate)
            }
        }
        // The last read, past the end, always leaves its mark.
        OpenSSLError.clear()
        if count == 0 {
            throw .malformedCertificate(source: path, reason: "no certificate in PEM form found")
        }
    }

    deinit { SSL_CTX_free(context) }
}

/// The newest session ticket of each server, for resuming (RFC 8446 section 2.2).
final class TLSTickets {
    /// More servers than one daemon talks to; the bound is against a program gone wrong.
    private static let countMax = 256
    private var sessions: [String: OpaquePointer] = [:]

    /// Keeps `session`, whose reference becomes the cache's, for the next connection to `server`.
    func keep(_ session: OpaquePointer, for server: String) {
        if sessions.count >= Self.countMax, sessions[server] == nil { removeAll() }
        if let old = sessions.updateValue(session, forKey: server) { SSL_SESSION_free(old) }
    }

    /// Lets a connection that begins try the session of `server`, if one is kept.
    func offer(to connection: OpaquePointer, for server: String) {
        guard let session = sessions[server] else { return }
        // Refused for a session that does not fit the connection; a full handshake follows then.
        _ = SSL_set_session(connection, session)
        OpenSSLError.clear()
    }

    /// Forgets the session of `server`, with which a handshake failed.
    func forget(_ server: String) {
        if let session = sessions.removeValue(forKey: server) { SSL_SESSION_free(session) }
    }

    private func removeAll() {
        for session in sessions.values { SSL_SESSION_free(session) }
        sessions = [:]
    }

    deinit { removeAll() }
}

/// Called by OpenSSL inside a handshake or a read; 1 keeps the reference that comes with `session`.
private func ticketArrived(connection: OpaquePointer?, session: OpaquePointer?) -> Int32 {
    guard let session, let owner = copenssl_owner(connection) else { return 0 }
    Unmanaged<TLSSession>.fromOpaque(owner).takeUnretainedValue().keepTicket(session)
    return 1
}
