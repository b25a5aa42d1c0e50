// SPDX-License-Identifier: Apache-2.0
//
// The tokens of an instance, a resource and a session.
//
// Rule: an instance has a certificate that the metadata service hands out and renews. With its key one signs a
// request to the token service, which binds a token to a second key, made for the session by ourselves.
// Consequence: each renewal reads the certificate and its key again, both together so that they fit across a
// rotation, and makes a new session key. That takes a moment of the loop's time (50 to 500 ms), once for a token.

internal import EventLoop
internal import HTTPWire
internal import JSON
internal import OCIProfile
internal import OCISigning
internal import Transport

/// Tokens of the instance that we run on.
@LoopActor
final class InstancePrincipalTokens: TokenIssuer {
    private let metadata: InstanceMetadata
    private let exchange: SignedExchange
    /// The tenancy of the first certificate; a later one of another tenancy is not ours.
    private(set) var tenancyID: String?

    init(metadata: InstanceMetadata, exchange: SignedExchange) {
        self.metadata = metadata
        self.exchange = exchange
    }

    func issue(replacing old: IssuedToken?, deadline: Deadline) async throws(OCIError) -> IssuedToken {
        let leafText = try await metadata.text("/identity/cert.pem", deadline: deadline)
        let keyText = try await metadata.text("/identity/key.pem", deadline: deadline)
        let intermediateText = try await metadata.text("/identity/intermediate.pem", deadline: deadline)
        let leaf = try certificate(leafText, "cert.pem")
        let intermediate = try certificate(intermediateText, "intermediate.pem")
        let leafKey = try privateKey(Array(keyText.utf8), nil, source: "key.pem of the instance metadata")
        let sessionKey = try reading("no session key could be made") { () throws(TransportError) in
            try RSAKey(generating: ())
        }
        let identity = SigningIdentity(keyID: try keyID(of: leaf), key: leafKey)
        let body = JSON.object(present: [
            ("certificate", .string(leaf.base64Body)), ("publicKey", .string(sessionKey.publicKeyBase64)),
            ("intermediateCertificates", .array([.string(intermediate.base64Body)])),
            ("fingerprintAlgorithm", .string("SHA256")),
        ])
        let request = ServiceRequest(
            .federateInstance,
            ["v1", "x509"],
            scope: "the tenancy",
            body: .federation(body)
        )
        do throws(OCIError) {
            return try await exchange.fetchToken(request, as: identity, key: sessionKey, deadline: deadline)
        } catch  where error.kind == .notAuthenticated {
            throw .refused("the token service refused this instance's certificate: \(error)")
        }
    }

    private func certificate(_ text: String, _ name: String) throws(OCIError) -> Certificate {
        do throws(TransportError) {
            return try Certificate(pem: Array(text.utf8), source: "\(name) of the instance metadata")
        } catch {
            throw .unreachable("\(error)")
        }
    }

    /// The tenancy stands in the certificate's subject; under its second name in older realms.
    private func keyID(of leaf: Certificate) throws(OCIError) -> KeyIdentity {
        guard let found = leaf.subjectValue(after: "opc-tenant:") ?? leaf.subjectValue(after: "opc-identity:")
        else { throw .refused("the instance's certificate names no tenancy") }
        guard tenancyID == nil || tenancyID == found else {
            throw .refused("the instance's certificate names another tenancy than before")
        }
        tenancyID = found
        do throws(OCISigningError) {
            return try .leafCertificate(tenancyID: found, sha256: DigestAlgorithm.sha256.digest(leaf.der))
        } catch {
            throw .refused("the instance's certificate names no usable tenancy: \(error)")
        }
    }
}

/// The token that OCI hands to a container, function or the like (resource principal version 2.2).
///
/// Where variables name files, the platform renews them, token and key together, and reading both again is all there
/// is to do. A reader that comes between the two writes gets a pair that does not fit; the service refuses it, and
/// the next reading gets the other half.
@LoopActor
final class ResourcePrincipalTokens: TokenIssuer {
    private(set) var tenancyID: String?
    private let principal: ResourcePrincipal
    private let now: @LoopActor @Sendable () -> Int

    /// Tokens of `principal`; `now` is the services' time in seconds since 1970.
    init(_ principal: ResourcePrincipal, now: @escaping @LoopActor @Sendable () -> Int) {
        self.principal = principal
        self.now = now
    }

    func issue(replacing old: IssuedToken?, deadline: Deadline) async throws(OCIError) -> IssuedToken {
        let token = try text(of: principal.token, "OCI_RESOURCE_PRINCIPAL_RPST")
        var pem = try text(of: principal.privateKey, "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM")
        defer { cleanse(&pem) }
        var passphrase = try principal.passphrase.map { source throws(OCIError) in
            try text(of: source, "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE")
        }
        if case .file? = principal.passphrase, passphrase?.last == UInt8(ascii: "\n") {
            passphrase?.removeLast()
        }
        let key = try privateKey(pem, passphrase, source: "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM")
        let issued = try IssuedToken(
            String(decoding: token, as: UTF8.self),
            key: key,
            now: now(),
            source: "OCI_RESOURCE_PRINCIPAL_RPST"
        )
        tenancyID = (try? issued.claims?.stringIfPresent("res_tenant")) ?? tenancyID
        return issued
    }

    private func text(of source: ResourcePrincipal.Source, _ name: String) throws(OCIError) -> [UInt8] {
        switch source {
        case .value(let text): Array(text.utf8)
        case .file(let path): try credentialFile(path, name: name)
        }
    }
}

/// The token of a session that `oci session authenticate` began, renewed for as long as the session lasts (a day).
///
/// A renewed token is written back to its file, as the CLI does: the next process of this daemon has nothing else to
/// begin with. And token and key are looked for first, for the user may have begun another session: one file is written
/// after the other, and a pair that does not fit is refused until the second has come.
@LoopActor
final class SessionTokens: TokenIssuer {
    let tenancyID: String?
    private let path: String
    private let key: @Sendable () throws(OCIError) -> RSAKey
    private let exchange: SignedExchange

    /// Tokens of the file at `path`; `key` reads the key that goes with them.
    init(
        path: String,
        key: @escaping @Sendable () throws(OCIError) -> RSAKey,
        tenancyID: String,
        exchange: SignedExchange
    ) {
        self.tenancyID = tenancyID
        self.path = path
        self.key = key
        self.exchange = exchange
    }

    func issue(replacing old: IssuedToken?, deadline: Deadline) async throws(OCIError) -> IssuedToken {
        let stored = try read()
        // Begin with what is there as long as it lives: its renewal may fail, and is tried at the next call.
        let usableUntil = old == nil ? stored.expiry : stored.renewal
        let isOther =
            stored.text != old?.text || stored.identity.key.fingerprint != old?.identity.key.fingerprint
        if isOther, (usableUntil ?? .max) > exchange.now { return stored }
        let token = try await refresh(old ?? stored, deadline)
        // The daemon can do without; only a new process would miss it.
        try? replaceFile(path, with: Array(token.text.utf8))
        return token
    }

    private func read() throws(OCIError) -> IssuedToken {
        let text = try credentialFile(path, name: "security_token_file")
        return try IssuedToken(
            String(decoding: text, as: UTF8.self),
            key: try key(),
            now: exchange.now,
            source: "security_token_file \(path)"
        )
    }

    /// `POST /v1/authentication/refresh`, signed with the token itself (OCI CLI, `oci session refresh`).
    private func refresh(_ old: IssuedToken, _ deadline: Deadline) async throws(OCIError) -> IssuedToken {
        let request = ServiceRequest(
            .refreshSessionToken,
            ["v1", "authentication", "refresh"],
            scope: "the tenancy",
            body: .json(.strings([("currentToken", old.text)]))
        )
        do throws(OCIError) {
            return try await exchange.fetchToken(
                request,
                as: old.identity,
                key: old.identity.key,
                deadline: deadline
            )
        } catch  where error.kind == .notAuthenticated {
            throw .refused(
                "the session token in \(path) has expired or was revoked: run `oci session authenticate`"
            )
        }
    }
}
