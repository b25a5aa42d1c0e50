// SPDX-License-Identifier: Apache-2.0
//
// The token of a compute instance.
//
// Rule: the instance has a certificate that the metadata service hands out and renews. With its key one signs a
// request to the token service, which binds a token to a second key, made for the session by ourselves.
// Consequence: each renewal reads the certificate and its key again, both together so that they fit across a
// rotation, and makes a new session key. That takes a moment of the loop's time (50 to 500 ms), once for a token.

internal import EventLoop
internal import JSON
internal import OCISigning
internal import Transport

/// Tokens of the instance that we run on.
@LoopActor
final class InstancePrincipalTokens: TokenIssuer {
    private let metadata: InstanceMetadata
    private let exchange: SignedExchange
    /// The tenancy of the first certificate; a later one of another tenancy is not ours.
    private(set) var tenancyID: String?

    /// Tokens for the instance whose metadata these are.
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
        let leafKey = try ProfileCredentials.privateKey(
            Array(keyText.utf8),
            nil,
            source: "key.pem of the instance metadata"
        )
        let sessionKey = try reading("no session key could be made") { () throws(TransportError) in
            try RSAKey(generating: ())
        }
        let identity = SigningIdentity(keyID: try keyID(of: leaf), key: leafKey)
        var request = ServiceRequest(.federateInstance, "POST", "/v1/x509", scope: "the tenancy")
        request.body = .federation(
            .object(present: [
                ("certificate", .string(leaf.base64Body)),
                ("publicKey", .string(sessionKey.publicKeyBase64)),
                ("intermediateCertificates", .array([.string(intermediate.base64Body)])),
                ("fingerprintAlgorithm", .string("SHA256")),
            ])
        )
        do throws(OCIError) {
            return try await exchange.fetchToken(
                request,
                identity: identity,
                key: sessionKey,
                deadline: deadline
            )
        } catch  where error.kind == .notAuthenticated {
            throw .authentication(
                .refused("the token service refused this instance's certificate: \(error)")
            )
        }
    }

    private func certificate(_ text: String, _ name: String) throws(OCIError) -> Certificate {
        do throws(TransportError) {
            return try Certificate(pem: Array(text.utf8), source: "\(name) of the instance metadata")
        } catch {
            throw .authentication(.unreachable("\(error)"))
        }
    }

    /// The tenancy stands in the certificate's subject; under its second name in older realms.
    private func keyID(of leaf: Certificate) throws(OCIError) -> KeyIdentity {
        guard let found = leaf.subjectValue(after: "opc-tenant:") ?? leaf.subjectValue(after: "opc-identity:")
        else {
            throw .authentication(.refused("the instance's certificate names no tenancy"))
        }
        guard tenancyID == nil || tenancyID == found else {
            throw .authentication(.refused("the instance's certificate names another tenancy than before"))
        }
        tenancyID = found
        do throws(OCISigningError) {
            return try .leafCertificate(tenancyID: found, sha256: DigestAlgorithm.sha256.digest(leaf.der))
        } catch {
            throw .authentication(.refused("the instance's certificate names no usable tenancy: \(error)"))
        }
    }
}
